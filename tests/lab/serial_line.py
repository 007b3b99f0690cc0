"""The other end of a node's serial line: this terminal, byte for byte, until the socket closes.

Run by tmux as `python serial_line.py CONSOLE_SOCKET`.
"""

from __future__ import annotations

import os
import select
import socket
import sys
import tty

CONNECTED = "on the line"


def carry(path: str) -> None:
    """Pass bytes both ways."""
    keyboard, screen = sys.stdin.fileno(), sys.stdout.fileno()
    tty.setraw(keyboard)
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(path)
        os.write(screen, CONNECTED.encode() + b"\r\n")  # what is typed before is lost
        while True:
            ready, _, _ = select.select([keyboard, line], [], [])
            if keyboard in ready:
                line.sendall(os.read(keyboard, 1024))
            if line in ready:
                said = line.recv(65536)
                if not said:
                    return
                os.write(screen, said)


if __name__ == "__main__":
    carry(sys.argv[1])
