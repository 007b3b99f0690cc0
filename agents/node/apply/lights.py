"""Switches a light: one write to sysfs, which is no file to be replaced."""

from __future__ import annotations

import os
from typing import Final

from agents.node.apply.files import NodeFiles
from appliance.errors import InternalError, StepFailedError

_ROOTS: Final = ("/sys/class/enclosure/", "/sys/class/leds/")


def switch_light(files: NodeFiles, path: str, *, on: bool) -> None:
    """Switch it. Raises StepFailedError with the kernel's word."""
    if not path.startswith(_ROOTS):
        raise InternalError(f"'{path}' is no light.", hint="Report this.", subject=path)
    try:
        handle = os.open(files.real(path), os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(handle, b"1" if on else b"0")
        finally:
            os.close(handle)
    except OSError as error:
        raise StepFailedError(
            f"The light cannot be switched: {os.strerror(error.errno or 0)} ({path}).",
            hint="Find the bay by its label instead: appliance disk list",
            subject=path,
        ) from error
