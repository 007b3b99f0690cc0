"""The command `appliance-agent`; each subcommand imports only what it needs.

`relay` starts with every call over some SSH servers and `open-devices` before LVM at boot, so
neither may pay for the web framework.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from appliance.api.paths import SOCKET
from appliance.errors import ApplianceError

DATABASE: Final = "/var/lib/appliance/state.db"


def main(argv: Sequence[str] | None = None) -> int:
    """Run a subcommand. Returns the exit status; errors are told on standard error."""
    arguments = _parser().parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    try:
        status: int = arguments.run(arguments)
    except ApplianceError as error:
        details = "".join(f"  - {detail}\n" for detail in error.details)
        sys.stderr.write(f"error: {error.message}\n{details}next: {error.hint}\n")
        return error.exit_status
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="appliance-agent",
        description="The root side of a node. People use the command appliance.",
        epilog="example:\n  appliance-agent serve",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    serve = verbs.add_parser("serve", help="answer requests (systemd runs this)")
    serve.add_argument("--socket", type=Path, default=Path(SOCKET))
    serve.add_argument("--database", type=Path, default=Path(DATABASE))
    serve.add_argument("--smart-every", type=float, default=600, metavar="SECONDS",
                       help="how often drives are asked for their health (600)")  # fmt: skip
    serve.add_argument("--spare-after", type=float, default=300, metavar="SECONDS",
                       help="how long a disk is waited for before a spare takes its place (300)")  # fmt: skip
    serve.set_defaults(run=_serve)
    tell = verbs.add_parser("tell", help="send a test message to a receiver of alerts")
    tell.add_argument("receiver")
    tell.set_defaults(run=_tell)
    relay = verbs.add_parser("relay", help="carry standard input and output to the socket")
    relay.set_defaults(run=_relay)
    devices = verbs.add_parser("open-devices", help="open integrity layers before LVM activates")
    devices.set_defaults(run=_open_devices)
    restore = verbs.add_parser("restore-targets", help="bring the iSCSI targets back at boot")
    restore.set_defaults(run=_restore_targets)
    versions = verbs.add_parser("versions", help="show a share's snapshots as previous versions")
    versions.add_argument("act", choices=("show", "hide"))
    versions.add_argument("share")
    versions.set_defaults(run=_versions)
    target = verbs.add_parser("target", help="bring one iSCSI target in line with its file")
    target.add_argument("act", choices=("apply", "remove"))
    target.add_argument("name", help="the LUN's name; apply takes a document by - as well")
    target.set_defaults(run=_target)
    network = verbs.add_parser("network", help="let a change of the network go back by itself")
    network.add_argument("act", choices=("arm", "disarm", "revert"))
    network.set_defaults(run=_network)
    printed = verbs.add_parser("openapi", help="print the API's OpenAPI document")
    printed.set_defaults(run=_openapi)
    return parser


def _serve(arguments: argparse.Namespace) -> int:
    from agents.node.handlers.compose import answering, compose, this_machine
    from agents.node.handlers.watching import Watching
    from agents.node.server import serve

    outside = this_machine()
    context = compose(outside, arguments.database)
    for job in context.jobs.recover():
        logging.getLogger(__name__).warning("job %d: %s", job.number, job.next_step)
    watching = Watching(
        context, outside, smart_every_s=arguments.smart_every, spare_after_s=arguments.spare_after
    )
    watching.start()
    try:
        serve(answering(context), arguments.socket)
    finally:
        watching.stop()
        context.jobs.close(timeout_s=20)
    return 0


def _tell(arguments: argparse.Namespace) -> int:
    from agents.node.watch.testing import send_test

    send_test(arguments.receiver)
    return 0


def _relay(_: argparse.Namespace) -> int:
    from agents.node.relay import relay

    return relay()


def _open_devices(_: argparse.Namespace) -> int:
    from agents.node.boot import open_devices

    return open_devices()


def _restore_targets(_: argparse.Namespace) -> int:
    from agents.node.apply.files import NodeFiles
    from agents.node.apply.secrets import SecretStore
    from agents.node.apply.targets import restore_all

    failed = restore_all(SecretStore(NodeFiles()).value)
    return max((error.exit_status for error in failed.values()), default=0)


def _versions(arguments: argparse.Namespace) -> int:
    from agents.node.versions import versions_of_this_machine

    versions = versions_of_this_machine()
    return (
        versions.show(arguments.share)
        if arguments.act == "show"
        else versions.hide(arguments.share)
    )


def _target(arguments: argparse.Namespace) -> int:
    from agents.node.apply.files import NodeFiles
    from agents.node.apply.secrets import SecretStore
    from agents.node.apply.targets import (
        apply_target,
        parse_document,
        read_document,
        remove_target,
    )
    from appliance.model.lun import TARGET_DIR

    if arguments.act == "remove":
        remove_target(arguments.name)
    else:
        document = (
            parse_document(sys.stdin.read(), "standard input")
            if arguments.name == "-"
            else read_document(Path(TARGET_DIR, f"{arguments.name}.json"))
        )
        apply_target(document, SecretStore(NodeFiles()).value)
    return 0


def _network(arguments: argparse.Namespace) -> int:
    from agents.node.apply.executor import Executor
    from agents.node.apply.files import NodeFiles
    from agents.node.apply.network_guard import NetworkGuard
    from agents.node.apply.secrets import SecretStore

    files = NodeFiles()
    guard = NetworkGuard(files, Executor(SecretStore(files)))
    if arguments.act == "arm":
        guard.arm()
    elif arguments.act == "disarm":
        guard.disarm()
    elif guard.revert():
        print("the network is as it was before the change that nobody confirmed")
    return 0


def _openapi(_: argparse.Namespace) -> int:
    import json

    from appliance.api.openapi import document

    print(json.dumps(document(), indent=1, ensure_ascii=False))
    return 0


if __name__ == "__main__":
    sys.exit(main())
