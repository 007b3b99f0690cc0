"""Real little servers on loopback: SMTP, HTTP and syslog, each remembering what it was told."""

from __future__ import annotations

import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer

from typing_extensions import override


@dataclass
class Told:
    """A server's port and what arrived there."""

    port: int
    got: list[str] = field(default_factory=list)
    heads: list[dict[str, str]] = field(default_factory=list)
    answer: int = 200


@contextmanager
def serving(server: socketserver.BaseServer, told: Told) -> Iterator[Told]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield told
    finally:
        server.shutdown()
        thread.join(5)
        server.server_close()


@contextmanager
def smtp_server(*, refuse: str = "") -> Iterator[Told]:
    """Speaks RFC 5321 as far as a client needs; with `refuse` it takes no mailbox."""
    told = Told(0)

    class Talk(socketserver.StreamRequestHandler):
        @override
        def handle(self) -> None:
            self._say("220 test")
            for raw in self.rfile:
                verb = raw[:4].upper()
                if verb == b"DATA":
                    self._say("354 go on")
                    lines = iter(self.rfile.readline, b".\r\n")
                    told.got.append(b"".join(lines).decode())
                    self._say("250 taken")
                elif verb == b"RCPT" and refuse:
                    self._say(refuse)
                elif verb == b"QUIT":
                    self._say("221 bye")
                    return
                else:
                    self._say("250 fine")

        def _say(self, line: str) -> None:
            self.wfile.write(line.encode() + b"\r\n")

    server = socketserver.TCPServer(("127.0.0.1", 0), Talk)
    told.port = server.server_address[1]
    with serving(server, told):
        yield told


@contextmanager
def http_server() -> Iterator[Told]:
    told = Told(0)

    class Talk(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            told.got.append(self.rfile.read(length).decode())
            told.heads.append({key.lower(): value for key, value in self.headers.items()})
            self.send_response(told.answer)
            self.send_header("Content-Length", "0")
            self.end_headers()

        @override
        def log_message(self, format: str, *args: object) -> None:
            """Not on the screen."""

    server = HTTPServer(("127.0.0.1", 0), Talk)
    told.port = server.server_address[1]
    with serving(server, told):
        yield told


@contextmanager
def syslog_server(kind: int) -> Iterator[Told]:
    told = Told(0)

    class Datagram(socketserver.BaseRequestHandler):
        @override
        def handle(self) -> None:
            told.got.append(self.request[0].decode())

    class Stream(socketserver.StreamRequestHandler):
        @override
        def handle(self) -> None:
            told.got.append(self.rfile.read().decode())

    server: socketserver.TCPServer = (
        socketserver.UDPServer(("127.0.0.1", 0), Datagram)
        if kind == socket.SOCK_DGRAM
        else socketserver.TCPServer(("127.0.0.1", 0), Stream)
    )
    told.port = server.server_address[1]
    with serving(server, told):
        yield told
