"""appliance disk admit, erase, certificate: the way into quarantine and out of it."""

from __future__ import annotations

import argparse
from typing import Any, Final

from appliance.api import paths
from appliance.api.words import certificate_lines
from appliance.cli import render
from appliance.cli.parsing import Verbs, add_verb
from appliance.cli.session import Session

DEPTHS: Final = ("identity", "sample", "full", "pattern")
METHODS: Final = (
    "auto", "nvme-format", "nvme-sanitize", "scsi-sanitize-block", "scsi-sanitize-overwrite",
    "ata-secure-erase", "discard", "overwrite",
)  # fmt: skip
"""Both are the words of appliance.model; importing that would cost every read its start."""


def add_quarantine(verbs: Verbs) -> None:
    """The verbs, beside the others of `appliance disk`."""
    from appliance.cli.options import add_change_options

    admit = add_verb(
        verbs, "admit", "check a disk that is new here and let it out of quarantine", _admit,
        example="appliance disk admit 3 --depth full",
    )  # fmt: skip
    admit.add_argument("disk", metavar="DISK", help="its bay, serial or WWN")
    admit.add_argument(
        "--depth", choices=DEPTHS, default="sample",
        help="identity: what it says of itself; sample: reads 64 places as well (this is done if "
        "nothing is said); full: reads every block; pattern: writes every block and reads it back",
    )  # fmt: skip
    add_change_options(admit)
    erase = add_verb(
        verbs, "erase", "erase all of a disk for good, with a certificate", _erase,
        example="appliance disk erase 3 --confirm S3X9NX0",
    )  # fmt: skip
    erase.add_argument("disk", metavar="DISK", help="its bay, serial or WWN")
    erase.add_argument(
        "--method", choices=METHODS, default="auto", metavar="METHOD",
        help=f"how: the best the disk has, or one of {', '.join(METHODS[1:])}",
    )  # fmt: skip
    add_change_options(erase)
    certificate = add_verb(
        verbs, "certificate", "print the certificate that a disk was erased", _certificate,
        example="appliance disk certificate S3X9NX0 > S3X9NX0.txt",
    )  # fmt: skip
    certificate.add_argument("disk", metavar="SERIAL", help="the disk may be long gone")


def _admit(session: Session, arguments: argparse.Namespace) -> int:
    return _act(session, arguments, "admit", {"depth": arguments.depth})


def _erase(session: Session, arguments: argparse.Namespace) -> int:
    return _act(session, arguments, "erase", {"method": arguments.method})


def _act(session: Session, arguments: argparse.Namespace, verb: str, given: dict[str, Any]) -> int:
    from appliance.cli.changes import carry_out
    from appliance.model.plan import PlanRequest
    from appliance.model.resource import ActionRequest

    action = ActionRequest(resource=f"disk/{arguments.disk}", verb=verb, arguments=given)
    return carry_out(session, PlanRequest(action=action), arguments)


def _certificate(session: Session, arguments: argparse.Namespace) -> int:
    found: dict[str, Any] = session.fetch(paths.DISK_CERTIFICATE, disk=arguments.disk)
    if session.as_json:
        session.print_json(found)
        return 0
    for spans in certificate_lines(found):
        print(render.line(spans))
    return 0
