"""Run under umockdev-run: reads the mocked chassis as the agent would and prints it as JSON."""

from __future__ import annotations

import json
import sys
import time

from agents.node.apply.files import NodeFiles
from agents.node.apply.handles import NodeProbe
from agents.node.observe.disks import observe_disks
from agents.node.observe.udev import scan_devices
from agents.node.profiles import GENERIC
from appliance.errors import StepFailedError
from appliance.model.command import Command, Output


class NoContent:
    """Mocked disks have nodes but no content: each is blank but for those named."""

    def __init__(self, unreadable: str) -> None:
        self._unreadable = unreadable

    def run(self, command: Command) -> Output:
        if self._unreadable and f"/dev/{self._unreadable}" in command.argv:
            raise StepFailedError("Input/output error", hint="-")
        return Output(code=0, stdout='{"signatures": []}')


def main() -> None:
    """Prints disks, problems and the CPU seconds it took."""
    begun = time.process_time()
    scan = scan_devices()
    probe = NodeProbe(NoContent(sys.argv[1]), NodeFiles(), lambda: ())
    disks, problems = observe_disks(probe, scan, GENERIC)
    took = time.process_time() - begun
    rows = [disk.model_dump(mode="json") for disk in disks]
    print(json.dumps({"disks": rows, "problems": problems, "cpu_s": took}))


if __name__ == "__main__":
    main()
