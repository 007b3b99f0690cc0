"""P6: CPU a request of the agent against a bare http.server twin that sends the same bytes.

Both are processes of their own on unix sockets, asked in turns over one kept-alive connection
each. The agent is the real server with routes, roles, handlers and encoding over a fake host.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from appliance.client.unix import UnixTransport
from appliance.errors import ApplianceError
from tests.benchmarks.table import show

ROOT = Path(__file__).parents[2]
ROUNDS = 5
REQUESTS = 1500
GATE = 3.0
START_S = 60

AGENT = """
import sys
from pathlib import Path
from agents.node.handlers.callers import Callers
from agents.node.handlers.compose import answering
from agents.node.server import serve
from tests.benchmarks.agent_twin import node
serve(answering(node(Path(sys.argv[2])), Callers()), Path(sys.argv[1]))
"""
BARE = """
import http.server, json, socketserver, sys
body = json.loads(open(sys.argv[2]).read())
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    def do_GET(self):
        data = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
    def log_message(self, *words): pass
    def address_string(self): return ""
class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
Server(sys.argv[1], Handler).serve_forever()
"""


@contextmanager
def _process(code: str, path: Path, argument: Path) -> Iterator[tuple[int, UnixTransport]]:
    running = subprocess.Popen([sys.executable, "-c", code, str(path), str(argument)], cwd=ROOT)
    transport = UnixTransport(str(path))
    try:
        end = time.monotonic() + START_S
        while True:
            try:
                transport.request("GET", "/v1/disks")
                break
            except ApplianceError:
                assert time.monotonic() < end
                assert running.poll() is None
                time.sleep(0.005)
        yield running.pid, transport
    finally:
        transport.close()
        running.terminate()
        running.wait(30)


def _cpu_s(pid: int) -> float:
    words = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def _resident_mb(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def _request_us(pid: int, transport: UnixTransport) -> float:
    before = _cpu_s(pid)
    for _ in range(REQUESTS):
        transport.request("GET", "/v1/disks")
    return (_cpu_s(pid) - before) / REQUESTS * 1e6


@pytest.mark.bench
@pytest.mark.timeout(600)
def test_a_request_costs_at_most_three_of_a_bare_server(tmp_path: Path) -> None:
    with _process(AGENT, tmp_path / "a.sock", tmp_path) as (agent, ours):
        start_ms, body = 1000 * _cpu_s(agent), ours.request("GET", "/v1/disks")[1]
        (tmp_path / "body.json").write_bytes(body)
        with _process(BARE, tmp_path / "b.sock", tmp_path / "body.json") as (bare, anchor):
            times = [(_request_us(agent, ours), _request_us(bare, anchor)) for _ in range(ROUNDS)]
            mine, plain = (statistics.median(column) for column in zip(*times, strict=True))
            show(
                f"P6: GET /v1/disks, {len(body)} bytes of JSON, median of {ROUNDS} x {REQUESTS}",
                ("agent CPU us", "http.server CPU us", "ratio", "gate", "RSS MB", "start CPU ms"),
                (mine, plain, mine / plain, GATE, _resident_mb(agent), start_ms),
            )
            assert mine / plain <= GATE
