"""One tree of errors: each class holds the facts, a stable code, an HTTP and an exit status.

An error says what happened, to which thing, why, and what to do next. Exit statuses follow
sysexits.h where it has a word for the case. No third-party import here: the CLI's light path
reads errors off the wire with this module alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar


class ApplianceError(Exception):
    """Root of the tree. `message` is one sentence; `hint` says what to do next.

    `details` are the single findings behind the message: every wrong key of a spec, every token
    that was not confirmed.
    """

    code: ClassVar[str] = "internal"
    http_status: ClassVar[int] = 500
    exit_status: ClassVar[int] = 70

    def __init__(
        self, message: str, *, hint: str, subject: str = "", details: Iterable[str] = ()
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.subject = subject
        self.details = tuple(details)

    def problem(self) -> dict[str, object]:
        """The error as an RFC 9457 problem document."""
        return {
            "type": f"about:appliance/{self.code}",
            "code": self.code,
            "title": self.message,
            "hint": self.hint,
            "subject": self.subject,
            "details": list(self.details),
            "status": self.http_status,
            "exit_status": self.exit_status,
        }


class InvalidInputError(ApplianceError):
    """The request or the spec is wrong; nothing was done."""

    code = "invalid-input"
    http_status = 422
    exit_status = 64


class NotFoundError(ApplianceError):
    """The thing that was named does not exist."""

    code = "not-found"
    http_status = 404
    exit_status = 66


class RefusedError(ApplianceError):
    """A guard refused: the request is well formed, but carrying it out could lose data."""

    code = "refused"
    http_status = 409
    exit_status = 65


class ConfirmationError(RefusedError):
    """The plan destroys something and not every name or serial was confirmed."""

    code = "confirmation-needed"


class StaleError(ApplianceError):
    """The node changed between preview and apply."""

    code = "stale-plan"
    http_status = 412
    exit_status = 75


class BusyError(ApplianceError):
    """Another job is in the way: one changes a node at a time, and one that waits keeps its own."""

    code = "busy"
    http_status = 423
    exit_status = 75


class ForbiddenError(ApplianceError):
    """The caller's role does not allow it."""

    code = "forbidden"
    http_status = 403
    exit_status = 77


class UnavailableError(ApplianceError):
    """The node, its agent or a service on it does not answer."""

    code = "unavailable"
    http_status = 503
    exit_status = 69


class HostKeyError(UnavailableError):
    """The node's SSH host key is unknown or has changed."""

    code = "host-key"
    exit_status = 76


class StepFailedError(ApplianceError):
    """A step of a job failed on the node."""

    code = "step-failed"
    http_status = 500
    exit_status = 74

    def __init__(
        self,
        message: str,
        *,
        hint: str,
        subject: str = "",
        details: Iterable[str] = (),
        exit_code: int | None = None,
    ) -> None:
        super().__init__(message, hint=hint, subject=subject, details=details)
        self.exit_code = exit_code
        """Of the command that failed; None when no command ended."""


class FullError(StepFailedError):
    """A file system the step needs has no room left."""

    code = "no-space"
    http_status = 507


class OutlivesError(StepFailedError):
    """A command whose time was over and that not even SIGKILL ended: the kernel waits for a disk.

    It may have its effect yet, so nothing may be taken back as if it had none.
    """

    code = "still-runs"


class InternalError(ApplianceError):
    """A defect of ours."""


def _tree(root: type[ApplianceError]) -> dict[str, type[ApplianceError]]:
    found = {root.code: root}
    for child in root.__subclasses__():
        found |= _tree(child)
    return found


def from_problem(document: Mapping[str, object]) -> ApplianceError:
    """The error a problem document describes; unknown codes become InternalError."""
    kind = _tree(ApplianceError).get(str(document.get("code")), InternalError)
    details = document.get("details")
    return kind(
        str(document.get("title", "The node answered with an error it did not describe.")),
        hint=str(document.get("hint", "Look at the node's log: journalctl -u appliance-agent")),
        subject=str(document.get("subject", "")),
        details=map(str, details) if isinstance(details, list) else (),
    )
