"""Each step type: its effect, its way back, its line; and the two handles."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from agents.node.apply.files import NodeFiles
from agents.node.apply.handles import Actor, Clock, NodeProbe, Runs
from agents.node.apply.walk import line_of, perform, undo_of
from appliance.errors import InternalError, StepFailedError
from appliance.kinds.base import Probe
from appliance.model.command import Command, Output, SecretInput, change, read
from appliance.model.steps import (
    DefineGuestStep,
    GuestAct,
    GuestStep,
    RemoveFileStep,
    RunStep,
    Step,
    WaitStep,
    WriteFileStep,
)
from tests.unit.fakehost import FakeGuests

XML = "<domain name='vm1'/>"
OLD = "<domain name='vm1' old='yes'/>"


class Scripted:
    """Answers commands from a list."""

    def __init__(self, *answers: str | StepFailedError) -> None:
        self.answers = list(answers)
        self.ran: list[str] = []

    def run(self, command: Command) -> Output:
        self.ran.append(command.line())
        answer = self.answers.pop(0) if self.answers else ""
        if isinstance(answer, StepFailedError):
            raise answer
        return Output(code=0, stdout=answer)


class FakeTime:
    def __init__(self) -> None:
        self.now = 0.0

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def an_actor(folder: Path, runs: Runs | None = None) -> Actor:
    time = FakeTime()
    return Actor(
        runs or Scripted(), NodeFiles(folder), FakeGuests(), Clock(lambda: time.now, time.sleep)
    )


@pytest.fixture
def actor(tmp_path: Path) -> Actor:
    return an_actor(tmp_path)


def guests(actor: Actor) -> FakeGuests:
    assert isinstance(actor.guests, FakeGuests)
    return actor.guests


def run_step(undo: Command | None = None, destroys: str = "") -> RunStep:
    return RunStep(
        title="Do it", resource="pool/p", command=change("do", "a b"), undo=undo, destroys=destroys
    )


def write_step(content: str = "new\n") -> WriteFileStep:
    return WriteFileStep(title="Write", resource="share/s", path="/etc/x y", content=content)


def guest_step(act: GuestAct) -> GuestStep:
    return GuestStep(title="Act", resource="vm/vm1", guest="vm1", act=act)


def test_run(tmp_path: Path) -> None:
    runs = Scripted("said")
    assert perform(run_step(), an_actor(tmp_path, runs)).stdout == "said"
    assert runs.ran == ["do 'a b'"]


def test_undo_of_run(actor: Actor) -> None:
    assert undo_of(run_step(), actor) is None
    assert undo_of(run_step(change("undo"), destroys="data"), actor) is None
    look = RunStep(title="Look", resource="pool/p", command=read("lvs"))
    assert undo_of(look, actor) == ()
    (back,) = undo_of(run_step(change("undo")), actor) or ()
    assert isinstance(back, RunStep)
    assert (back.title, back.command.argv) == ("Take back: Do it", ("undo",))


def there_and_back(actor: Actor, step: Step) -> None:
    undo = undo_of(step, actor)
    assert undo is not None
    perform(step, actor)
    for item in undo:
        perform(item, actor)


def test_a_new_file_and_back(actor: Actor) -> None:
    there_and_back(actor, write_step())
    assert actor.files.read("/etc/x y") is None


def test_a_changed_file_and_back(actor: Actor) -> None:
    actor.files.write("/etc/x y", "old", 0o600)
    undo = undo_of(write_step(), actor)
    perform(write_step(), actor)
    assert (actor.files.read("/etc/x y"), actor.files.mode("/etc/x y")) == ("new\n", 0o644)
    for item in undo or ():
        perform(item, actor)
    assert (actor.files.read("/etc/x y"), actor.files.mode("/etc/x y")) == ("old", 0o600)


def test_a_removed_file_and_back(actor: Actor) -> None:
    step = RemoveFileStep(title="Remove", resource="share/s", path="/x")
    assert undo_of(step, actor) == ()
    actor.files.write("/x", "old", 0o600)
    there_and_back(actor, step)
    assert (actor.files.read("/x"), actor.files.mode("/x")) == ("old", 0o600)


def test_a_file_that_is_no_text_has_no_way_back(actor: Actor, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"\xff")
    assert undo_of(RemoveFileStep(title="R", resource="share/s", path="/x"), actor) is None


def test_a_guest_defined_and_back(actor: Actor) -> None:
    step = DefineGuestStep(title="Define", resource="vm/vm1", guest="vm1", xml=XML)
    there_and_back(actor, step)
    assert guests(actor).defined == {}
    guests(actor).define(OLD)
    there_and_back(actor, step)
    assert guests(actor).defined == {"vm1": OLD}


@pytest.mark.parametrize(
    ("act", "fresh", "back"),
    [
        (GuestAct.START, True, GuestAct.FORCE_OFF),
        (GuestAct.START, False, GuestAct.SHUTDOWN),
        (GuestAct.SHUTDOWN, False, GuestAct.START),
        (GuestAct.FORCE_OFF, True, GuestAct.START),
        (GuestAct.AUTOSTART_ON, False, GuestAct.AUTOSTART_OFF),
        (GuestAct.AUTOSTART_OFF, False, GuestAct.AUTOSTART_ON),
    ],
)
def test_acts_on_guests_and_back(actor: Actor, act: GuestAct, fresh: bool, back: GuestAct) -> None:
    names = frozenset({"vm1"} if fresh else {"other"})
    undo = undo_of(guest_step(act), actor, names)
    perform(guest_step(act), actor)
    for item in undo or ():
        perform(item, actor)
    assert guests(actor).acts == [("vm1", act), ("vm1", back)]


def test_an_undefined_guest_and_back(actor: Actor) -> None:
    step = guest_step(GuestAct.UNDEFINE)
    assert undo_of(step, actor) == ()
    guests(actor).define(OLD)
    there_and_back(actor, step)
    assert guests(actor).defined == {"vm1": OLD}


def wait_step() -> WaitStep:
    return WaitStep(
        title="Wait for it",
        resource="share/s",
        command=read("systemctl", "is-active", "x"),
        until=r"^active$",
        timeout_s=2,
    )


def test_waiting_until_it_is_there(tmp_path: Path) -> None:
    not_yet = StepFailedError("no", hint="h", details=("why",))
    runs = Scripted(not_yet, "activating", "active")
    actor = an_actor(tmp_path, runs)
    assert undo_of(wait_step(), actor) == ()
    assert perform(wait_step(), actor).stdout == "active"
    assert len(runs.ran) == 3


@pytest.mark.parametrize(
    ("last", "words", "details"),
    [
        ("failed\n", "the last look gave: failed", ()),
        ("", "the last look gave: nothing", ()),
        (StepFailedError("it broke", hint="h", details=("why",)), "gave: it broke", ("why",)),
    ],
)
def test_waiting_in_vain(
    tmp_path: Path, last: str | StepFailedError, words: str, details: tuple[str, ...]
) -> None:
    with pytest.raises(StepFailedError, match=words) as raised:
        perform(wait_step(), an_actor(tmp_path, Scripted(*[last] * 9)))
    assert "'Wait for it' was not reached within 2 s" in raised.value.message
    assert raised.value.details == details
    assert "systemctl is-active x" in raised.value.hint


LINES = [
    (run_step(), "do 'a b'"),
    (
        RunStep(title="S", resource="p/p", command=change("t", stdin=SecretInput(name="chap"))),
        "t  # stdin: secret 'chap'",
    ),
    (RemoveFileStep(title="R", resource="s/s", path="/a b"), "rm -f -- '/a b'"),
    (
        wait_step(),
        """timeout 2 bash -c 'until { systemctl is-active x; echo; } | grep -Pzq -- '"'"'^active$'"'"'; do sleep 0.5; done'""",
    ),
    (
        DefineGuestStep(title="D", resource="v/v", guest="vm1", xml=XML),
        "printf %s '<domain name='\"'\"'vm1'\"'\"'/>' | virsh define /dev/stdin",
    ),
    (guest_step(GuestAct.START), "virsh start vm1"),
    (guest_step(GuestAct.SHUTDOWN), "virsh shutdown vm1"),
    (guest_step(GuestAct.FORCE_OFF), "virsh destroy vm1"),
    (guest_step(GuestAct.UNDEFINE), "virsh undefine vm1 --nvram"),
    (guest_step(GuestAct.AUTOSTART_ON), "virsh autostart vm1"),
    (guest_step(GuestAct.AUTOSTART_OFF), "virsh autostart vm1 --disable"),
]


@pytest.mark.parametrize(("step", "line"), LINES)
def test_lines(step: Step, line: str) -> None:
    assert line_of(step) == line


@pytest.mark.usefixtures("allow_processes")
@pytest.mark.parametrize("content", ["a\n'b' $c `d`\n", "no newline", "END\nEND_\n", ""])
def test_the_line_of_a_file_really_writes_it(tmp_path: Path, content: str) -> None:
    step = WriteFileStep(
        title="W", resource="s/s", path=f"{tmp_path}/a/b c", content=content, mode=0o640
    )
    subprocess.run(["bash", "-ec", line_of(step)], check=True)
    written = tmp_path / "a/b c"
    assert written.read_text() == content
    assert written.stat().st_mode & 0o777 == 0o640


def a_probe(folder: Path, runs: Scripted) -> NodeProbe:
    return NodeProbe(runs, NodeFiles(folder), tuple)


def test_a_probe_refuses_what_changes_the_node(tmp_path: Path) -> None:
    runs = Scripted()
    with pytest.raises(InternalError, match="refused while only looking: lvremove x"):
        a_probe(tmp_path, runs).run(change("lvremove", "x"))
    assert runs.ran == []


def test_a_probe_looks_once(tmp_path: Path) -> None:
    runs = Scripted("first", StepFailedError("broken", hint="h"))
    probe: Probe = a_probe(tmp_path, runs)
    assert [probe.run(read("lvs")).stdout for _ in range(3)] == ["first"] * 3
    for _ in range(3):
        with pytest.raises(StepFailedError, match="broken"):
            probe.run(read("vgs"))
    assert runs.ran == ["lvs", "vgs"]


def test_a_probe_reads_files_and_guests(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("text")
    probe = a_probe(tmp_path, Scripted())
    assert (probe.read_text("/x"), probe.list_dir("/"), probe.guests()) == ("text", ("x",), ())
