"""Self-tests of a drive, through pySMART: the only door to it, and all it is used for."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from pySMART import Device
from pySMART.smartctl import Smartctl
from typing_extensions import override

from agents.node.observe.smart import ANY_EXIT, TIMEOUT_S, Run, SmartTarget
from appliance.errors import InvalidInputError
from appliance.model.command import Command, Effect
from appliance.model.smart import SelfTest

_ACTS: Final = frozenset({"-t", "-X"})
"""smartctl's options that change something: begin a self-test, break it off."""


class SelfTestKind(StrEnum):
    """Which self-test; the values are smartctl's words."""

    SHORT = "short"
    LONG = "long"
    CONVEYANCE = "conveyance"


class StartOutcome(StrEnum):
    """What came of the wish to begin a self-test; in the order of pySMART's codes."""

    STARTED = "started"
    ALREADY_RUNNING = "already-running"
    UNSUPPORTED = "unsupported"
    REFUSED = "refused"


@dataclass(frozen=True)
class StartResult:
    """The outcome in a word and in words."""

    outcome: StartOutcome
    message: str


class SelfTests:
    """Begins, breaks off and reads self-tests of one drive.

    `run` carries commands out: reading takes a probe's, beginning and breaking off an actor's.
    """

    def __init__(self, target: SmartTarget, run: Run) -> None:
        """Asks the drive what it can do. Raises InvalidInputError for a type pySMART lacks."""
        smartctl = _CommandSmartctl(run)
        try:
            self._device = Device(target.device, interface=target.type, smartctl=smartctl)
        except ValueError as error:
            raise InvalidInputError(
                f"Self-tests of {target.device} cannot be controlled: its type '{target.type}' "
                "is not known to pySMART.",
                hint=f"Begin one by hand: smartctl -d {target.type} -t short {target.device}",
                subject=f"disk/{target.serial}",
            ) from error

    def start(self, kind: SelfTestKind) -> StartResult:
        """Begin a self-test in the background, unless one runs."""
        code, message, _ = self._device.run_selftest(kind.value)
        return StartResult(tuple(StartOutcome)[code], str(message))

    def abort(self) -> bool:
        """Break the running self-test off. Whether smartctl says that it did."""
        return int(self._device.abort_selftest()) == 0

    def running(self) -> bool:
        """Whether a self-test runs now."""
        self._device.update()
        return bool(self._device._test_running)  # noqa: SLF001 - it has no public name

    def results(self) -> tuple[SelfTest, ...]:
        """The drive's self-test log, newest first."""
        self._device.update()
        return tuple(
            SelfTest(
                kind=str(entry.type),
                outcome=str(entry.status),
                passed=_passed(str(entry.status)),
                at_hours=_number(entry.hours),
                first_bad_lba=_number(entry.LBA),
            )
            for entry in self._device.tests
        )


class _CommandSmartctl(Smartctl):  # type: ignore[misc]  # pySMART has no types
    """pySMART's way to smartctl, led through our executor: its time-outs, its log, its handles."""

    def __init__(self, run: Run) -> None:
        super().__init__(smartctl_path="smartctl")
        self._run = run

    @override
    def _exec(self, cmd: list[str]) -> tuple[list[str], int]:
        effect = Effect.CHANGE if _ACTS & set(cmd) else Effect.READ
        output = self._run(
            Command(argv=tuple(cmd), timeout_s=TIMEOUT_S, effect=effect, ok_codes=ANY_EXIT)
        )
        return output.stdout.splitlines(), output.code


def _passed(status: str) -> bool | None:
    words = status.lower()
    if any(word in words for word in ("abort", "interrupt", "progress")):
        return None
    return "without error" in words or words == "completed"


def _number(text: object) -> int | None:
    digits = str(text)
    return int(digits) if digits.isdecimal() else None
