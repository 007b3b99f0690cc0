"""`make demo`: a virtual chassis with everything on it, proved from outside, left running."""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from collections.abc import Sequence
from typing import Final

from agents.node.profiles import profile_named
from appliance.errors import ApplianceError
from images.build import show
from images.cache import cache_root
from images.clinic import Clinic, reach
from images.errors import RigError
from images.evidence import Evidence
from images.frozen import Frozen, golden
from images.machine import Machine, free_l2_port
from images.record import load_record

NODE: Final = "demo"
CLIENT: Final = "demo-client"


def main(argv: Sequence[str] | None = None) -> int:
    """`python -m images.demo up|down`; the exit status is an error's own."""
    parser = argparse.ArgumentParser(prog="images.demo", description=main.__doc__)
    parser.add_argument("act", choices=["up", "down"])
    options = parser.parse_args(argv)
    try:
        if options.act == "down":
            down()
        else:
            up()
    except ApplianceError as error:
        print(f"error: {error.message}\nnext:  {error.hint}", file=sys.stderr)
        return error.exit_status
    return 0


def down() -> None:
    """End both machines and throw their disks away."""
    for name in (NODE, CLIENT):
        try:
            Machine.load(name).remove()
        except RigError:
            continue
        print(f"{name} is gone.")
    shutil.rmtree(cache_root() / "demo", ignore_errors=True)


def up() -> None:
    """Boot, apply, prove, tell. Leaves the node running. Raises ApplianceError."""
    began = time.monotonic()
    frozen = golden(profile_named("lab-12bay"), show)
    node = _machine(NODE, frozen, 1, free_l2_port())
    client = _machine(CLIENT, frozen, 2, node.record.l2_port)
    clinic = Clinic(node, cache_root() / "demo", show=True)
    show("demo: secrets and the guest's files")
    clinic.prepare()
    clinic.apply()
    clinic.run("status")
    rows = []
    for about, proof in clinic.proofs(client):
        show(f"demo: proving {about}")
        rows.append(proof())
    print(_table(rows))
    print(_look_around(node))
    show(f"demo: done in {time.monotonic() - began:.0f} s")


def _machine(name: str, frozen: Frozen, number: int, l2_port: int) -> Machine:
    """The machine of that name: the running one, its own disks booted again, or a fresh clone."""
    try:
        record = load_record(name)
    except RigError:
        show(f"demo: waking {name} from the frozen node")
        return frozen.clone(name, number=number, l2_port=l2_port, nvme=number == 1)
    machine = Machine(record)
    if record.running:
        show(f"demo: {name} is running already")
    else:
        show(f"demo: {name} is off, booting it with its own disks")
        machine.start()
    return machine


def _table(rows: Sequence[Evidence]) -> str:
    cells = [("SERVICE", "USED BY", "SEEN"), *((row.service, row.client, row.seen) for row in rows)]
    widths = [max(len(cell[column]) for cell in cells) for column in range(2)]
    lines = [f"{a:<{widths[0]}}  {b:<{widths[1]}}  {c}".rstrip() for a, b, c in cells]
    return "\n".join(["", *lines, ""])


def _look_around(node: Machine) -> str:
    command = f".venv/bin/appliance {' '.join(reach(node))}"
    return (
        "The node is left running. Look around:\n"
        f"  {command} status\n"
        f"  {command} disk list\n"
        f"  {command} job show 1\n"
        f"  .venv/bin/appliance-lab ssh {NODE}\n"
        "End it:\n"
        "  make demo-down"
    )


if __name__ == "__main__":
    sys.exit(main())
