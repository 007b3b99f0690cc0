"""One typed step to its effect, to what takes it back, and to a line a person can run."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import Final, assert_never

from agents.node.apply.handles import Actor
from agents.node.apply.progress import Progress, Tell, in_words, nobody_listens
from agents.node.apply.surface import go_over
from appliance.errors import OutlivesError, StepFailedError
from appliance.model.command import Effect, Output
from appliance.model.steps import (
    BookStep,
    DefineGuestStep,
    GuestAct,
    GuestStep,
    RemoveFileStep,
    RunStep,
    Step,
    SurfaceStep,
    WaitStep,
    WriteFileStep,
)

STALLED_S: Final = 6 * 3600.0
"""A wait of unknown size whose percentage does not move for so long has stopped."""
SLOWEST: Final = 1e6
"""Bytes a second: the slowest pace the kernel keeps in a rebuild (md(4), speed_limit_min)."""
SMALLEST: Final = 1e-4
"""The smallest step that LVM tells: 0.01 %. Of 20 TB at the slowest pace it takes half an hour."""
LEAST_STALL_S: Final = 30 * 60.0
"""A small one is not given up sooner: a busy node may hold it up."""

NOTHING: Final = Output(code=0, stdout="")

_OPPOSITE: Final = {
    GuestAct.START: GuestAct.SHUTDOWN,
    GuestAct.SHUTDOWN: GuestAct.START,
    GuestAct.FORCE_OFF: GuestAct.START,
    GuestAct.AUTOSTART_ON: GuestAct.AUTOSTART_OFF,
    GuestAct.AUTOSTART_OFF: GuestAct.AUTOSTART_ON,
}

_VIRSH: Final = {
    GuestAct.START: "start {}",
    GuestAct.SHUTDOWN: "shutdown {}",
    GuestAct.FORCE_OFF: "destroy {}",
    GuestAct.UNDEFINE: "undefine {} --nvram",
    GuestAct.AUTOSTART_ON: "autostart {}",
    GuestAct.AUTOSTART_OFF: "autostart {} --disable",
}


class StillRuns(RuntimeError):  # noqa: N818 - no error of the step, which may succeed yet
    """What a step began goes on: the job is left as it stands, and nothing of it is taken back."""


def perform(step: Step, actor: Actor, tell: Tell = nobody_listens) -> Output:
    """Carry a step out; `tell` hears how far a long wait is.

    Raises StepFailedError, FullError when there is no room for it, StillRuns.
    """
    match step:
        case RunStep():
            return _run(step, actor)
        case WriteFileStep():
            actor.files.write(step.path, step.content, step.mode)
        case RemoveFileStep():
            actor.files.remove(step.path)
        case WaitStep():
            return _wait(step, actor, tell)
        case DefineGuestStep() | GuestStep():
            _act_on_guest(step, actor)
        case SurfaceStep():
            return go_over(step, actor.files.real(step.device), actor.clock, tell)
        case BookStep():
            actor.book.write(step, who=actor.who, job=actor.job)
        case _:
            assert_never(step)
    return NOTHING


def undo_of(
    step: Step, actor: Actor, fresh_guests: frozenset[str] = frozenset()
) -> tuple[Step, ...] | None:
    """The steps that take this one back; none when there is nothing to take back; None when
    there is no way back. Asked before the step begins, so it still sees what stands there.

    `fresh_guests` are the guests the same job defined: they hold nothing yet, so taking back
    their start may switch them off; any other guest is asked to shut down.
    """
    if step.destroys:
        return None
    match step:
        case RunStep():
            return _undo_run(step)
        case WriteFileStep() | RemoveFileStep():
            return _undo_file(step, actor)
        case WaitStep() | SurfaceStep():
            return ()
        case BookStep():
            return _undo_book(step, actor)
        case DefineGuestStep():
            return _undo_define(step, actor)
        case GuestStep():
            return _undo_guest(step, actor, fresh=step.guest in fresh_guests)
        case _:
            assert_never(step)


def line_of(step: Step) -> str:
    """What the step does as text for a shell, secrets masked."""
    match step:
        case RunStep():
            return step.command.line()
        case WriteFileStep():
            words = f"install -D -m {step.mode:04o} /dev/stdin {shlex.quote(step.path)}"
            return _with_text(words, step.content)
        case RemoveFileStep():
            return shlex.join(("rm", "-f", "--", step.path))
        case WaitStep():
            # One record of all lines, and never none: the pattern may ask for an empty output.
            look = f"{{ {step.command.line()}; echo; }} | grep -Pzq -- {shlex.quote(step.until)}"
            loop = f"until {look}; do sleep {step.poll_s:g}; done"
            return shlex.join(("timeout", f"{step.timeout_s:.10g}", "bash", "-c", loop))
        case DefineGuestStep() | GuestStep():
            return _guest_line(step)
        case SurfaceStep():
            return step.line()
        case BookStep():
            return f"# in the node's database: {', '.join(_booked(step))}"
        case _:
            assert_never(step)


def _run(step: RunStep, actor: Actor) -> Output:
    try:
        return actor.executor.run(step.command)
    except OutlivesError as error:
        if step.command.effect is Effect.READ:
            raise
        raise StillRuns(f"{error.message} {error.hint}") from error


def _act_on_guest(step: DefineGuestStep | GuestStep, actor: Actor) -> None:
    if isinstance(step, DefineGuestStep):
        actor.guests.define(step.xml)
    else:
        actor.guests.act(step.guest, step.act, step.timeout_s)


def _guest_line(step: DefineGuestStep | GuestStep) -> str:
    if isinstance(step, DefineGuestStep):
        return _with_text("virsh define /dev/stdin", step.xml)
    return f"virsh {_VIRSH[step.act].format(shlex.quote(step.guest))}"


def reached(step: WaitStep, actor: Actor) -> Output | None:
    """What one look gives when that which is waited for is there; else None."""
    seen = _look(step, actor)
    return seen if isinstance(seen, Output) and re.search(step.until, seen.stdout) else None


def _wait(step: WaitStep, actor: Actor, tell: Tell) -> Output:
    deadline = actor.clock.now_s() + step.timeout_s
    progress = Progress(step.percent, step.size)
    while True:
        seen = _look(step, actor)
        if isinstance(seen, Output) and re.search(step.until, seen.stdout):
            return seen
        if isinstance(seen, Output) and (words := progress.news(seen.stdout, actor.clock.now_s())):
            tell(words)
        if isinstance(seen, Output):
            _check_moving(step, seen, progress.still_s(seen.stdout, actor.clock.now_s()))
        if actor.clock.now_s() >= deadline:
            last = seen.stdout.strip() if isinstance(seen, Output) else seen.message
            raise StepFailedError(
                f"'{step.title}' was not reached within {step.timeout_s:g} s; "
                f"the last look gave: {last or 'nothing'}",
                hint=f"Look by hand: {step.command.line()}",
                subject=step.resource,
                details=() if isinstance(seen, Output) else seen.details,
            )
        actor.clock.sleep(step.poll_s)


def _check_moving(step: WaitStep, seen: Output, still_s: float) -> None:
    """A rebuild that gave up, for a disk that it reads fails too, stands still for good."""
    if still_s >= _stalled_s(step.size):
        raise StepFailedError(
            f"'{step.title}' has not moved for {in_words(still_s)}; it stands at: "
            f"{seen.stdout.strip()}",
            hint="A disk may not return some of its data: journalctl -k; "
            f"to look by hand: {step.command.line()}",
            subject=step.resource,
        )


def _stalled_s(size: int) -> float:
    """How long what works through so many bytes may stand still: the time of three steps."""
    return max(LEAST_STALL_S, 3 * size * SMALLEST / SLOWEST) if size else STALLED_S


def _look(step: WaitStep, actor: Actor) -> Output | StepFailedError:
    """A command that fails while waiting has only not got there yet."""
    try:
        return actor.executor.run(step.command)
    except StepFailedError as error:
        return error


def _undo_run(step: RunStep) -> tuple[Step, ...] | None:
    if step.command.effect is Effect.READ:
        return ()
    if step.undo is None:
        return None
    return (RunStep(title=f"Take back: {step.title}", resource=step.resource, command=step.undo),)


def _undo_file(step: WriteFileStep | RemoveFileStep, actor: Actor) -> tuple[Step, ...] | None:
    title = f"Take back: {step.title}"
    earlier = actor.files.read(step.path)
    if earlier is None:
        if isinstance(step, RemoveFileStep):
            return ()
        return (RemoveFileStep(title=title, resource=step.resource, path=step.path),)
    if "\N{REPLACEMENT CHARACTER}" in earlier:
        return None
    mode = actor.files.mode(step.path)
    return (
        WriteFileStep(
            title=title, resource=step.resource, path=step.path, content=earlier, mode=mode
        ),
    )


def _undo_book(step: BookStep, actor: Actor) -> tuple[Step, ...]:
    """What was written before. A certificate stays: what it says has been done."""
    if step.certificate is not None:
        return ()
    before = {entry.serial: actor.book.entry(entry.serial) for entry in step.entries}
    return (
        BookStep(
            title=f"Take back: {step.title}",
            resource=step.resource,
            entries=tuple(entry for entry in before.values() if entry is not None),
            forget=tuple(serial for serial, entry in before.items() if entry is None),
        ),
    )


def _booked(step: BookStep) -> Iterator[str]:
    for entry in step.entries:
        yield f"{entry.serial} {entry.standing}"
    for serial in step.forget:
        yield f"{serial} unknown"
    if step.certificate is not None:
        yield f"certificate of erasure for {step.certificate.serial}"


def _undo_define(step: DefineGuestStep, actor: Actor) -> tuple[Step, ...]:
    title = f"Take back: {step.title}"
    earlier = actor.guests.definition(step.guest)
    if earlier is None:
        return (
            GuestStep(title=title, resource=step.resource, guest=step.guest, act=GuestAct.UNDEFINE),
        )
    return (DefineGuestStep(title=title, resource=step.resource, guest=step.guest, xml=earlier),)


def _undo_guest(step: GuestStep, actor: Actor, *, fresh: bool) -> tuple[Step, ...] | None:
    title = f"Take back: {step.title}"
    if step.act is GuestAct.UNDEFINE:
        earlier = actor.guests.definition(step.guest)
        if earlier is None:
            return ()
        return (
            DefineGuestStep(title=title, resource=step.resource, guest=step.guest, xml=earlier),
        )
    act = GuestAct.FORCE_OFF if fresh and step.act is GuestAct.START else _OPPOSITE[step.act]
    return (
        GuestStep(
            title=title,
            resource=step.resource,
            guest=step.guest,
            act=act,
            timeout_s=step.timeout_s,
        ),
    )


def _with_text(words: str, text: str) -> str:
    """The words with the text as standard input; a here-document always ends with a newline."""
    if not text.endswith("\n"):
        return f"printf %s {shlex.quote(text)} | {words}"
    mark = "END"
    while mark in text.splitlines():
        mark += "_"
    return f"{words} <<'{mark}'\n{text}{mark}"
