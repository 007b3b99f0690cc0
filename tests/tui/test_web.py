"""The console in a browser: a real server on loopback, a real WebSocket, keys in and text out."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from aiohttp import (
    ClientSession,
    ClientWebSocketResponse,
    CookieJar,
    WSMsgType,
    WSServerHandshakeError,
)

from tests.tui.conftest import CLINIC
from tui import main as command
from tui.main import without_serve

ROOT = Path(__file__).parents[2]


class Site(NamedTuple):
    """Where it is served, and with which key."""

    port: int
    key: str

    @property
    def base(self) -> str:
        return f"http://localhost:{self.port}"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until_it_listens(port: int) -> None:
    """The address is told a moment before."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        with contextlib.suppress(OSError), socket.create_connection(("localhost", port), 1):
            return
        time.sleep(0.05)
    pytest.fail(f"nobody listens on {port}")


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    port = free_port()
    words = [sys.executable, "-m", "tui.main", "--recorded", str(CLINIC), "--serve", str(port)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        said = process.stdout.readline()
        found = re.search(r"\?key=(\S+)", said)
        assert found, said
        until_it_listens(port)
        yield Site(port, found[1])
        process.terminate()


def refused(url: str, **headers: str) -> bool:
    try:
        urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=30)
    except urllib.error.HTTPError as error:
        with error:
            return error.code == 403 and b"open the address" in error.read()
    return False


def test_nobody_comes_in_without_the_key_or_from_another_page(site: Site) -> None:
    assert refused(f"{site.base}/")
    assert refused(f"{site.base}/static/js/textual.js")
    assert refused(f"{site.base}/?key=guessed")
    keyed = f"{site.base}/?key={site.key}"
    assert refused(keyed, Host="evil.example")
    assert refused(keyed, Origin="http://evil.example")


def test_a_browser_with_the_key_has_the_console(site: Site) -> None:
    async def scene() -> None:
        async with ClientSession(cookie_jar=CookieJar(), base_url=site.base) as browser:
            page = await browser.get("/", params={"key": site.key})
            assert page.status == 200
            assert "key" not in page.url.query, "it is in no history once one is in"
            assert "default-src 'self'" in page.headers["Content-Security-Policy"]
            assert f"ws://localhost:{site.port}/ws" in await page.text()
            foreign = {"Origin": "http://evil.example"}
            with pytest.raises(WSServerHandshakeError):
                await browser.ws_connect("/ws", headers=foreign)
            async with browser.ws_connect("/ws?width=80&height=24") as line:
                await read_until(line, "all is well")
                await line.send_json(["stdin", "2"])
                await read_until(line, "verdict:")

    async def read_until(line: ClientWebSocketResponse, words: str) -> None:
        said = ""
        async with asyncio.timeout(60):
            async for message in line:
                if message.type is WSMsgType.BINARY:
                    said += message.data.decode(errors="replace")
                if words in said:
                    return
        pytest.fail(f"'{words}' never came:\n{said}")

    asyncio.run(scene())


def test_each_browsers_console_has_the_other_options() -> None:
    assert without_serve(["-H", "ssh://a@b", "--serve", "8001", "--idle", "5"]) == [
        "-H", "ssh://a@b", "--idle", "5"]  # fmt: skip
    assert without_serve(["--serve", "--plain"]) == ["--plain"]


def test_without_the_part_for_browsers_it_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "textual_serve.server", None)
    monkeypatch.delitem(sys.modules, "tui.web", raising=False)
    assert command.main(["--serve"]) != 0
    assert "pip install 'appliance-suite[web]'" in capsys.readouterr().err


def test_a_port_that_is_taken_is_said(capsys: pytest.CaptureFixture[str], site: Site) -> None:
    words = [sys.executable, "-m", "tui.main", "--serve", str(site.port)]
    done = subprocess.run(words, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode != 0
    assert "Name a free port" in done.stderr
