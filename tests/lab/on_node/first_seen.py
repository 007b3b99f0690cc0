"""When the kernel said it, when the alert stood, when the list showed it: seconds of one clock.

    first_seen.py TRIGGER SERIAL ALERT LIST [TIMEOUT_S]

TRIGGER: remove or add (the kernel's uevent of a disk) or errors (its log's first line of an error).
ALERT: open or none. LIST: missing, there or any. Prints JSON; what did not come is null.
"""

import json
import os
import select
import socket
import sys
import time
from datetime import datetime
from typing import Any

AGENT = "/run/appliance/agent.sock"
UEVENTS = 15  # NETLINK_KOBJECT_UEVENT


def now() -> float:
    return time.clock_gettime(time.CLOCK_MONOTONIC)


def ask(path: str) -> Any:
    plug = socket.socket(socket.AF_UNIX)
    plug.settimeout(60)
    plug.connect(AGENT)
    plug.sendall(b"GET %s HTTP/1.1\r\nHost: node\r\nConnection: close\r\n\r\n" % path.encode())
    answer = b"".join(iter(lambda: plug.recv(65536), b""))
    plug.close()
    return json.loads(answer.partition(b"\r\n\r\n")[2])


def uevents() -> tuple[Any, int]:
    plug = socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, UEVENTS)
    plug.bind((0, 1))
    return plug, plug.fileno()


def kernel_log() -> tuple[Any, int]:
    log = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK)
    os.lseek(log, 0, os.SEEK_END)
    return log, log


def told(trigger: str, source: Any) -> bool:
    """Whether what waits is the trigger."""
    if trigger == "errors":
        text = os.read(source, 8192)
        return b"I/O error" in text or b"DID_NO_CONNECT" in text
    facts = source.recv(65536).split(b"\0")
    return b"ACTION=" + trigger.encode() in facts and b"DEVTYPE=disk" in facts


def turned(serial: str, alert: str, since: float) -> "float | None":
    """When the last alert about the disk came or went, if that was since then."""
    field = "raised_at" if alert == "open" else "cleared_at"
    offset = time.time() - now()
    for item in ask("/v1/alerts?all=true")["alerts"]:
        if item["subject"] == "disk/" + serial and item[field]:
            at = datetime.fromisoformat(item[field]).timestamp() - offset
            if at >= since:
                return at
    return None


def main() -> None:
    trigger, serial, alert, listed = sys.argv[1:5]
    end = now() + float(sys.argv[5]) if len(sys.argv) > 5 else now() + 90
    source, number = kernel_log() if trigger == "errors" else uevents()
    seen: "dict[str, float | None]" = {"kernel": None, "alert": None, "list": None if listed != "any" else 0}
    waiting = select.poll()
    waiting.register(number, select.POLLIN)
    begun = now()
    print("ready", flush=True)
    while now() < end and None in seen.values():
        for _ in range(100):
            if not waiting.poll(0):
                break
            if told(trigger, source) and seen["kernel"] is None:
                seen["kernel"] = now()
        if seen["kernel"] is None:
            waiting.poll(100)
            continue
        if seen["alert"] is None:
            seen["alert"] = turned(serial, alert, begun)
        if seen["list"] is None:
            states = [
                item["missing"] for item in ask("/v1/disks")["disks"] if item["serial"] == serial
            ]
            if states == [listed == "missing"]:
                seen["list"] = now()
        time.sleep(0.1)
    print(json.dumps(seen))


main()
