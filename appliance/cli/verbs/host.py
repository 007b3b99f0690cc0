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
    from appliance.client.hostkeys import decode_key, fingerprint, own_file

    path = own_file()
    lines = path.read_text().splitlines() if path.exists() else []
    keys = [words for line in lines if len(words := line.split(" ")) == 3]  # noqa: PLR2004
    shown = [(host, kind, fingerprint(decode_key(key))) for host, kind, key in keys]
    if session.as_json:
        session.print_json(
            [dict(zip(("host", "type", "fingerprint"), key, strict=True)) for key in shown]
        )
    else:
        print(render.table(("HOST", "TYPE", "FINGERPRINT"), shown))
    return 0


def _trust(session: Session, arguments: argparse.Namespace) -> int:
    from appliance.client.hostkeys import fingerprint, pin
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
            hint="Compare on the node's console: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub",
            subject=address.text,
        )
    path = pin(address, key_type, key)
    if session.as_json:
        session.print_json({"host": address.text, "type": key_type, "fingerprint": shown})
    else:
        print(f"{address.text} is pinned in {path}: {key_type} {shown}")
    return 0


def _ask(host: str, key_type: str, shown: str) -> None:
    print(f"{host} shows the host key {key_type}\n  {shown}")
    print("Compare it on the node's console: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub")
    if not sys.stdin.isatty():
        raise ConfirmationError(
            "Nobody is there to compare the fingerprint.",
            hint=f"If it is right: --fingerprint {shown}",
        )
    if not agreed("Is it the same?"):
        raise ConfirmationError("The host key was not accepted.", hint="Nothing was pinned.")
