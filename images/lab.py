"""appliance-lab: virtual chassis for people, the twin on which a site is rehearsed."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from appliance.cli.parsing import Parser
from appliance.cli.pipes import run_piped
from appliance.errors import ApplianceError
from appliance.model.base import parse_size
from appliance.model.disk import Transport
from images import lab_verbs

DESCRIPTION: Final = """\
Virtual storage servers in QEMU: real kernel storage, no hardware. The first `up` builds an image
and boots it once (3 to 5 minutes); after that a node is there in about 5 seconds.

  appliance-lab up                     one node of profile lab-12bay
  appliance-lab up web --nodes 3       web1, web2, web3 on one network
  appliance-lab ssh -- lsblk           run a command in the node; without one, log in
  appliance-lab pull 3                 pull the disk in bay 3
  appliance-lab down                   throw the node away
"""

Act = Callable[[argparse.Namespace], int | None]


def main(argv: Sequence[str] | None = None) -> int:
    """The command; returns its exit status."""
    return run_piped(partial(_run, argv))


def _run(argv: Sequence[str] | None) -> int:
    try:
        options = build_parser().parse_args(argv)
        act: Act = options.act
        return act(options) or 0
    except ApplianceError as error:
        print(f"appliance-lab: {error.message}\n{error.hint}", file=sys.stderr)
        return error.exit_status
    except KeyboardInterrupt:
        return 130


class _VerbMaker:
    """Adds verbs to the parser, each with its function, one line of help and an example."""

    def __init__(self, verbs: argparse._SubParsersAction[Parser]) -> None:
        self._verbs = verbs

    def __call__(self, name: str, act: Act, text: str, example: str) -> argparse.ArgumentParser:
        epilog = f"example: appliance-lab {example}"
        made = self._verbs.add_parser(name, help=text, description=text, epilog=epilog)
        made.set_defaults(act=act)
        return made

    def of_node(self, name: str, act: Act, text: str, example: str) -> argparse.ArgumentParser:
        """A verb about one machine."""
        made = self(name, act, text, example)
        text = "needed when there are several machines"
        made.add_argument("-n", "--node", default="", metavar="NAME", help=text)
        return made


def build_parser() -> argparse.ArgumentParser:
    """The parser of all verbs; each names its function as `act`."""
    parser = Parser(prog="appliance-lab", description=DESCRIPTION)
    verb = _VerbMaker(parser.add_subparsers(required=True, metavar="VERB"))
    _add_life(verb)
    _add_node(verb)
    _add_disks(verb)
    return parser


def _add_life(verb: _VerbMaker) -> None:
    up = verb(
        "up", lab_verbs.up, "Start machines, building the image if needed.", "up web --nodes 2"
    )
    text = "name of the machine; with --nodes, how the names begin (%(default)s)"
    up.add_argument("node", nargs="?", default="node", help=text)
    up.add_argument("--nodes", type=int, default=1, metavar="N", help="how many, on one network")
    text = "hardware profile (%(default)s)"
    up.add_argument("--profile", default="lab-12bay", metavar="P", help=text)
    text = "the newest frozen node, with today's code put in"
    up.add_argument("--quick", action="store_true", help=text)
    up.add_argument("--cold", action="store_true", help="boot by UEFI instead of waking a clone")
    status = verb("status", lab_verbs.status, "Show machines, ports and disks.", "status --json")
    status.add_argument("--json", action="store_true", help="for programs")
    down = verb("down", lab_verbs.down, "Throw machines away, disks and all.", "down web1 web2")
    down.add_argument("node", nargs="*", help="names; not needed when there is one machine")
    down.add_argument("--all", action="store_true", help="all machines of this computer")


def _add_node(verb: _VerbMaker) -> None:
    ssh = verb.of_node("ssh", lab_verbs.ssh, "Log in, or run a command.", "ssh -n web1 -- lsblk")
    text = "root, or lab-admin, lab-technician, lab-auditor, lab-viewer"
    ssh.add_argument("--user", default="root", help=text)
    ssh.add_argument("command", nargs=argparse.REMAINDER)
    text = "Put the working tree's code into the node and restart its agent."
    verb.of_node("deploy", lab_verbs.deploy, text, "deploy")
    text = "Print the port of this computer that leads to a node's TCP port."
    verb.of_node("forward", lab_verbs.forward, text, "forward 445").add_argument("port", type=int)
    text = "Pull the cord: the machine is off at once."
    verb.of_node("cut-power", lab_verbs.cut_power, text, "cut-power")
    verb.of_node("power-on", lab_verbs.power_on, "Boot a machine that is off.", "power-on")
    verb.of_node("log", lab_verbs.log, "Print what the node said on its serial line.", "log")


def _add_disks(verb: _VerbMaker) -> None:
    pull = verb.of_node("pull", lab_verbs.pull, "Pull the disk out of a bay.", "pull 3")
    pull.add_argument("bay")
    text = "Put a blank disk, or a pulled one by its serial, into a bay."
    insert = verb.of_node("insert", lab_verbs.insert, text, "insert 11 --size 2GiB")
    insert.add_argument("bay")
    insert.add_argument("--serial", default="", help="of the pulled disk, or for the new one")
    text = "sas or nvme, where a bay takes both"
    insert.add_argument("--transport", type=Transport, default=None, help=text)
    insert.add_argument("--size", type=_size, default=1 << 30, help="of a new disk (1 GiB)")
    text = "Overwrite bytes of a disk behind the node's back."
    example = "corrupt 3 --offset 16MiB --length 2MiB"
    corrupt = verb.of_node("corrupt", lab_verbs.corrupt, text, example)
    corrupt.add_argument("disk", help="bay or serial")
    corrupt.add_argument("--offset", type=_size, default=0)
    corrupt.add_argument("--length", type=_size, default=1 << 20)
    text = "Bound a disk to some operations a second; 0 lifts it."
    throttle = verb.of_node("throttle", lab_verbs.throttle, text, "throttle 1 80")
    throttle.add_argument("disk", help="bay or serial")
    throttle.add_argument("iops", type=int)


def _size(text: str) -> int:
    try:
        return int(str(parse_size(text)))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


if __name__ == "__main__":
    sys.exit(main())
