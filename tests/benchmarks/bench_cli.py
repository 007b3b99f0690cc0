"""P7: `appliance disk list` against `lvs`, in CPU time, alternating in the same run.

Where the host has no lvm2 the anchor is missing, so there is nothing to compare with: the test is
skipped, and says so.
"""

from __future__ import annotations

import os
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.api.wire import DiskList, DiskView
from appliance.model.disk import DiskRole, Medium, Transport
from appliance.model.verdict import Confidence, Grade, Part, Verdict
from tests.benchmarks.table import show

ROOT = Path(__file__).parents[2]
ROUNDS = 9
# As installed: compiled once, not anew at each start.
ENVIRONMENT = {key: text for key, text in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
GATE = 4.0
VERDICT = Verdict(
    verdict=Grade.HEALTHY, part=Part.NONE, confidence=Confidence.HIGH, evidence=(), next_step=""
)


def _disk(number: int) -> DiskView:
    return DiskView(
        serial=f"S{number}", model="ST900MM0168", transport=Transport.SAS, medium=Medium.HDD,
        size=900_000_000_000, node=f"/dev/sd{number}", bay=str(number), role=DiskRole.PV,
        pool="clinic", tier="capacity", verdict=VERDICT,
    )  # fmt: skip


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Path]:
    """A socket that answers with 23 disks at once: the CLI's own cost is what is measured."""
    body = DiskList(disks=tuple(map(_disk, range(23))), problems=()).model_dump_json()
    answer = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
    path = tmp_path / "agent.sock"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()
    thread = threading.Thread(target=_serve, args=(listener, answer))
    thread.start()
    yield path
    listener.shutdown(socket.SHUT_RDWR)
    thread.join(10)
    listener.close()


def _serve(listener: socket.socket, answer: bytes) -> None:
    while True:
        try:
            plug, _ = listener.accept()
        except OSError:
            return
        with plug:
            plug.recv(65536)
            plug.sendall(answer)


def _cpu_ms(*argv: str) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(argv, cwd=ROOT, capture_output=True, check=True, env=ENVIRONMENT)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1000 * (after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)


@pytest.mark.bench
@pytest.mark.timeout(300)
def test_disk_list_costs_at_most_four_lvs(agent: Path) -> None:
    lvs = shutil.which("lvs", path="/usr/sbin:/sbin:/usr/bin")
    if lvs is None:
        pytest.skip("there is no lvs here to compare with: apt-get install lvm2")
    program = "import sys; from appliance.cli.main import main; sys.exit(main())"
    ours = (sys.executable, "-c", program, "-H", f"unix://{agent}", "disk", "list")
    bare = (sys.executable, "-c", "pass")
    _cpu_ms(*ours)
    times = [(_cpu_ms(*ours), _cpu_ms(lvs), _cpu_ms(*bare)) for _ in range(ROUNDS)]
    mine, anchor, python = (statistics.median(column) for column in zip(*times, strict=True))
    show(
        f"P7: appliance disk list, 23 disks, CPU ms, median of {ROUNDS}",
        ("appliance disk list", "lvs", "python itself", "ratio to lvs", "gate"),
        (mine, anchor, python, mine / anchor, GATE),
    )
    assert mine / anchor <= GATE
