"""The lab's errors: a check that did not hold is not a rig that broke."""

from __future__ import annotations

from appliance.errors import ApplianceError


class RigError(ApplianceError):
    """The lab itself failed (QEMU, ssh, the build): it says nothing about the appliance."""

    code = "lab-rig"
    exit_status = 69


class CheckFailedError(ApplianceError, AssertionError):
    """A command in the node did not do what the caller asserted."""

    code = "lab-check"
    exit_status = 1

    def __init__(self, message: str, *, output: str = "") -> None:
        super().__init__(message, hint="Read the output above and the node's journal.")
        self.output = output
