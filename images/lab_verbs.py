"""What each verb of appliance-lab does."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable
from typing import Final

from agents.node.profiles import profile_named
from appliance.errors import InvalidInputError
from appliance.model.base import format_size
from images.build import show
from images.errors import RigError
from images.frozen import golden, newest_golden
from images.machine import Machine, address_of, free_l2_port
from images.record import Record, load_record, machine_names

NODES_AT_MOST: Final = 16
_TOLD: Final = 20
"""Changed files that are named before the rest is only counted."""


def up(options: argparse.Namespace) -> None:
    """Start machines."""
    if not 1 <= options.nodes <= NODES_AT_MOST:
        raise InvalidInputError(f"{options.nodes} nodes?", hint=f"Between 1 and {NODES_AT_MOST}.")
    profile = profile_named(options.profile)
    names = (
        [options.node]
        if options.nodes == 1
        else [f"{options.node}{n + 1}" for n in range(options.nodes)]
    )
    frozen = newest_golden(profile) if options.quick else golden(profile)
    l2_port = free_l2_port()
    for number, name in enumerate(names, start=1):
        if options.cold:
            machine = Machine.create(
                name, profile, frozen.record.built, number=number, l2_port=l2_port, uefi=True
            )
            show(f"{name}: booting by UEFI (1 to 3 minutes)")
            machine.start()
        else:
            machine = frozen.clone(name, number=number, l2_port=l2_port)
        if options.quick:
            machine.deploy()
        show(
            f"{name}: up, ssh on port {machine.record.ports[22]}, {address_of(number)} on the nodes' network"
        )
    print(f"Log in: appliance-lab ssh -n {names[0]}\nEnd it: appliance-lab down {' '.join(names)}")


def _machine(options: argparse.Namespace) -> Machine:
    """The machine that was named, or the only one there is. Raises InvalidInputError."""
    names = [options.node] if options.node else list(machine_names())
    if len(names) != 1:
        raise InvalidInputError(
            f"Which machine? There are {len(names)}: {', '.join(names) or 'none'}.",
            hint="Name it with -n NAME." if names else "Start one with: appliance-lab up",
        )
    return Machine.load(names[0])


def ssh(options: argparse.Namespace) -> int:
    """Become ssh, with the person's own terminal."""
    machine = _machine(options)
    words = options.command[1:] if options.command[:1] == ["--"] else options.command
    argv = machine.ssh_as(options.user).argv(shared=options.user == "root")
    terminal = ["-t"] if not words and sys.stdin.isatty() else []
    sys.stdout.flush()
    os.execvp("ssh", [argv[0], *terminal, *argv[1:], *words])  # noqa: S606 - the person's own terminal


def deploy(options: argparse.Namespace) -> None:
    """Put today's code into the node."""
    changed = _machine(options).deploy()
    for name in changed[:_TOLD]:
        print(name)
    print(f"{len(changed)} files changed" if changed else "the node has this code already")


def pull(options: argparse.Namespace) -> None:
    """Pull a disk."""
    disk = _machine(options).pull_disk(options.bay)
    print(
        f"Pulled {disk.serial}; put it back with: appliance-lab insert {options.bay} --serial {disk.serial}"
    )


def insert(options: argparse.Namespace) -> None:
    """Insert a disk."""
    machine = _machine(options)
    disk = machine.add_disk(
        options.bay, serial=options.serial, transport=options.transport, size=options.size
    )
    print(f"Bay {options.bay} now has {disk.serial} ({disk.transport}, {format_size(disk.size)}).")


def corrupt(options: argparse.Namespace) -> None:
    """Overwrite bytes of a disk."""
    _machine(options).corrupt_disk(options.disk, options.offset, options.length)


def throttle(options: argparse.Namespace) -> None:
    """Bound a disk's speed."""
    _machine(options).throttle_disk(options.disk, options.iops)


def forward(options: argparse.Namespace) -> None:
    """Open a port to the node."""
    print(_machine(options).forward(options.port))


def cut_power(options: argparse.Namespace) -> None:
    """Pull the cord."""
    _machine(options).cut_power()


def power_on(options: argparse.Namespace) -> None:
    """Boot it."""
    _machine(options).start()


def log(options: argparse.Namespace) -> None:
    """Print the serial log."""
    print(_machine(options).serial_log())


def down(options: argparse.Namespace) -> None:
    """Throw machines away."""
    known = machine_names()
    if len(known) > 1 and not (options.node or options.all):
        raise InvalidInputError(
            f"Which? There are {', '.join(known)}.", hint="Name them, or say --all."
        )
    for name in options.node or known:
        Machine.load(name).remove()
        show(f"{name}: gone")


def status(options: argparse.Namespace) -> None:
    """Show all machines."""
    names = machine_names()
    if options.json:
        print(json.dumps([_or_problem(name, _facts) for name in names], indent=1))
        return
    if not names:
        print("No machines. Start one with: appliance-lab up")
    for name in names:
        print(_or_problem(name, _described))


def _or_problem(name: str, of: Callable[[Record], object]) -> object:
    """What is told of a machine; one with an illegible record hides no other."""
    try:
        return of(load_record(name))
    except RigError as error:
        return f"{error.message} {error.hint}"


def _facts(record: Record) -> dict[str, object]:
    return {
        "name": record.name,
        "running": record.running,
        "profile": record.profile.name,
        "address": address_of(record.number),
        "pid": record.pid,
        "folder": str(record.folder),
        "ports": dict(record.ports),
        "bays": _bays(record),
        "pulled": [disk.serial for disk in record.known],
    }


def _bays(record: Record) -> dict[str, str]:
    """Bay -> serial of the disk in it; empty when there is none."""
    placed = {slot.bay: record.in_bay(slot.bay) for slot in record.emulation.bays}
    return {bay: found.disk.serial if found else "" for bay, found in placed.items()}


def _described(record: Record) -> str:
    power = "on" if record.running else "off"
    lines = [f"{record.name}  {power}  {record.profile.name}  {address_of(record.number)}"]
    lines += [
        f"    port {guest} of the node is 127.0.0.1:{port}" for guest, port in record.ports.items()
    ]
    lines += [f"    bay {bay:>3}  {serial or '(empty)'}" for bay, serial in _bays(record).items()]
    return "\n".join(lines)
