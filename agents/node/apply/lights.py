"""Switches a light: one write to sysfs, which is no file to be replaced, or one word to the enclosure."""

from __future__ import annotations

import os
import re
from typing import Final

from agents.node.apply.files import NodeFiles
from agents.node.apply.handles import Runs
from appliance.errors import InternalError, StepFailedError
from appliance.model.command import change
from appliance.model.light import Light

_ROOTS: Final = ("/sys/class/enclosure/", "/sys/class/leds/")
_ENCLOSURE: Final = re.compile(r"/dev/sg\d+")


def switch_light(files: NodeFiles, runs: Runs, light: Light, *, on: bool) -> None:
    """Switch it. Raises StepFailedError with the kernel's or the enclosure's word."""
    if light.element and _ENCLOSURE.fullmatch(light.path):
        word = f"--{'set' if on else 'clear'}={light.lamp.ses_name}"
        runs.run(change("sg_ses", f"--sas-addr={light.element}", word, light.path, timeout_s=30))
    elif light.path.startswith(_ROOTS) and not light.element:
        _write(files, light.path, b"1" if on else b"0")
    else:
        raise InternalError(f"'{light.path}' is no light.", hint="Report this.", subject=light.path)


def _write(files: NodeFiles, path: str, state: bytes) -> None:
    try:
        handle = os.open(files.real(path), os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(handle, state)
        finally:
            os.close(handle)
    except OSError as error:
        raise StepFailedError(
            f"The light cannot be switched: {os.strerror(error.errno or 0)} ({path}).",
            hint="Find the bay by its label instead: appliance disk list",
            subject=path,
        ) from error
