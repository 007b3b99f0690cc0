"""appliance host: pinned SSH host keys of nodes."""

from __future__ import annotations

import argparse
import sys

from appliance.cli.asking import agreed
from appliance.cli.parsing import Parser, add_verb, parser_for, verbs_of
from appliance.cli.session import Session
from appliance.errors import ConfirmationError, HostKeyError, InvalidInputError


def parser() -> Parser:
    """The noun's parser."""
    top = parser_for(
        "host", "Pinned SSH host keys of nodes.", "appliance host trust ssh://admin@node1"
    )
    verbs = verbs_of(top)
    add_verb(verbs, "list", "the keys pinned here", _list, example="appliance host list")
    trust = add_verb(
        verbs,
        "trust",
        "show a node's host key and pin it",
        _trust,
        example="appliance host trust ssh://admin@node1 --fingerprint SHA256:...",
    )
    trust.add_argument("address", metavar="ADDRESS", help="ssh://USER@HOST[:PORT]")
    trust.add_argument(
        "--fingerprint", metavar="SHA256:...", help="pin only this one, without asking"
    )
    return top


def _list(session: Session, arguments: argparse.Namespace) -> int:
    del arguments
    from appliance.cli import render
    from appliance.client.hostkeys import fingerprint, own

    shown = [(",".join(entry.names), entry.key_type, fingerprint(entry.key)) for entry in own()]
    if session.as_json:
        session.print_json(
            [dict(zip(("host", "type", "fingerprint"), key, strict=True)) for key in shown]
        )
    elif shown:
        print(render.table(("HOST", "TYPE", "FINGERPRINT"), shown))
    else:
        print("no host keys are pinned; ssh's own known_hosts counts as well")
    return 0


def _trust(session: Session, arguments: argparse.Namespace) -> int:
    from appliance.client.hostkeys import fingerprint, pin, shown_by
    from appliance.client.ssh import host_key
    from appliance.client.transport import parse_address

    address = parse_address(arguments.address)
    if address.scheme != "ssh":
        raise InvalidInputError("Only an SSH node has a host key.", hint="Write ssh://USER@HOST.")
    key_type, key = host_key(address)
    shown = fingerprint(key)
    if arguments.fingerprint is None:
        _ask(address.text, key_type, shown)
    elif arguments.fingerprint != shown:
        raise HostKeyError(
            f"{address.text} shows {key_type} {shown}, not {arguments.fingerprint}.",
            hint=f"Compare it on the node's console: {shown_by(key_type)}",
            subject=address.text,
        )
    path = pin(address, key_type, key)
    if session.as_json:
        session.print_json({"host": address.text, "type": key_type, "fingerprint": shown})
    else:
        print(f"{address.text} is pinned in {path}: {key_type} {shown}")
    return 0


def _ask(host: str, key_type: str, shown: str) -> None:
    from appliance.client.hostkeys import shown_by

    if not sys.stdin.isatty():
        raise ConfirmationError(
            f"{host} shows the host key {key_type} {shown}; nobody is there to compare it.",
            hint=f"Compare it on the node's console ({shown_by(key_type)}); if it is the same: "
            f"--fingerprint {shown}",
            subject=host,
        )
    print(f"{host} shows the host key {key_type}\n  {shown}")
    print(f"Compare it on the node's console: {shown_by(key_type)}")
    if not agreed("Is it the same?"):
        raise ConfirmationError(
            "The host key was not accepted; nothing was pinned.",
            hint="If it differs, someone may be in between: ask whoever runs the network.",
            subject=host,
        )
