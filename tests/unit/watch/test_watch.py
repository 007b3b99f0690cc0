"""What is heard becomes alerts: at once, once, and without wearing the node out."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from agents.node.observe.kernel import KernelSaid
from agents.node.watch.ears import Heard
from agents.node.watch.watch import LEAST_GAP_S, LOOK_EVERY_S
from appliance.errors import UnavailableError
from appliance.model.message import Event, Message
from appliance.model.pool import MemberFound
from appliance.model.snapshot import NodeSnapshot
from tests.unit.watch.node import FREE, A, B, Node, came, gone, missing

NO_ANSWER = KernelSaid(
    "kernel-no-answer", "sda", "sd 0:0:0:0: [sda] FAILED Result: hostbyte=DID_NO_CONNECT"
)
ERROR = KernelSaid("kernel-io-errors", "sdb", "I/O error, dev sdb, sector 8")


@pytest.fixture
def quiet(node: Node) -> Node:
    """A node that has been looked at and is well."""
    node.hears()
    assert node.open() == []
    return node


def test_a_pulled_member_is_told_with_its_bay_and_cleared_when_it_is_back(quiet: Node) -> None:
    quiet.seen.disks = (missing(A), B, FREE)
    quiet.hears(gone("sda"))
    (alert,) = quiet.alerts.open()
    assert (alert.subject, alert.severity, alert.bay) == ("disk/A", "critical", "1")
    assert alert.pool == "tank"
    assert "bay 1 (serial A)" in alert.what
    quiet.seen.disks = (A, B, FREE)
    quiet.hears(came("sdx", "A"))
    assert quiet.open() == []
    assert quiet.came == 1


def test_a_member_that_is_back_is_over_even_while_the_look_hangs(quiet: Node) -> None:
    quiet.seen.disks = (missing(A), B, FREE)
    quiet.hears(gone("sda"))
    quiet.seen.disks = (A, B, FREE)
    quiet.seen.fails = UnavailableError("LVM hangs.", hint="-")
    quiet.hears(came("sdx", "A"))
    assert quiet.seen.put_in == ["sdx"]
    assert quiet.open() == []


def test_a_pull_during_a_look_is_told_and_the_look_is_not_believed(
    quiet: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh, looks = quiet.seen.fresh, quiet.seen.looks

    def pulled_meanwhile(claims: Mapping[str, str]) -> NodeSnapshot:
        before = fresh(claims)
        if quiet.seen.looks == looks + 1:
            quiet.seen.disks = (missing(A), B, FREE)
            quiet.hears(gone("sda"))
            assert quiet.open() == [("disk/A", "disk-missing", "critical")]
        return before

    monkeypatch.setattr(quiet.seen, "fresh", pulled_meanwhile)
    quiet.passes(LOOK_EVERY_S)
    quiet.hears()
    assert quiet.open() == [("disk/A", "disk-missing", "critical")]
    assert quiet.watch.patience_s() == 0
    quiet.hears()
    assert quiet.seen.looks == looks + 2
    assert quiet.open() == [("disk/A", "disk-missing", "critical")]
    assert len(quiet.messages()) == 1


def test_what_is_told_during_a_look_is_looked_at_soon(
    quiet: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh = quiet.seen.fresh

    def degraded_meanwhile(claims: Mapping[str, str]) -> NodeSnapshot:
        before = fresh(claims)
        quiet.hears(mapper=True)
        return before

    monkeypatch.setattr(quiet.seen, "fresh", degraded_meanwhile)
    quiet.passes(LOOK_EVERY_S)
    quiet.hears()
    assert quiet.watch.patience_s() == LEAST_GAP_S


def test_it_is_told_even_when_the_look_fails(quiet: Node) -> None:
    quiet.seen.fails = UnavailableError("LVM hangs.", hint="-")
    quiet.hears(gone("sda"))
    assert quiet.open() == [("disk/A", "disk-missing", "critical")]
    assert quiet.seen.pulled == {"A"}
    (document,) = quiet.messages()
    message = Message.model_validate_json(document)
    assert (message.event, message.host) == (Event.RAISED, "node1")


def test_the_second_word_of_the_same_pull_costs_no_look(quiet: Node) -> None:
    quiet.seen.disks = (missing(A), B, FREE)
    quiet.hears(gone("sda"))
    looks = quiet.seen.looks
    quiet.hears(gone("sda"))
    assert quiet.seen.looks == looks


def test_a_free_disk_that_was_taken_out_is_no_alert(quiet: Node) -> None:
    quiet.seen.disks = (A, B)
    quiet.hears(gone("sdf"))
    assert quiet.open() == []


def test_one_path_of_two_is_no_pull(quiet: Node) -> None:
    both = A.model_copy(update={"paths": ("sda", "sdq")})
    quiet.seen.disks = (both, B)
    quiet.hears(lost=True)
    quiet.seen.fails = UnavailableError("-", hint="-")
    quiet.hears(gone("sdq"))
    assert quiet.open() == []


def test_a_silent_pull_is_noticed_by_the_kernels_errors(quiet: Node) -> None:
    looks = quiet.seen.looks
    quiet.hears(said=(NO_ANSWER, NO_ANSWER))
    (alert,) = quiet.alerts.open()
    assert (alert.subject, alert.bay, alert.severity) == ("disk/A", "1", "critical")
    assert "the bay is accused" in alert.what
    assert "2 commands lost" in alert.why
    assert quiet.seen.looks == looks
    quiet.hears(came("sda", "A"))
    assert quiet.open() == []


def test_what_the_raid_drops_is_followed_down_to_its_disk(quiet: Node) -> None:
    quiet.probe.dirs = {"/sys/class/block/dm-4/slaves": ("sdb",)}
    line = "md/raid:mdX: Disk failure on dm-4, disabling device."
    quiet.hears(said=(KernelSaid("kernel-raid-dropped", "dm-4", line),))
    assert quiet.open() == [("disk/B", "disk-health", "critical")]


DROPPED_B = KernelSaid("kernel-raid-dropped", "sdb", "md/raid1:mdX: Disk failure on dm-4,")


def test_a_disk_dropped_while_its_raid_took_it_in_is_well_once_all_is_used(quiet: Node) -> None:
    quiet.hears(said=(DROPPED_B,))
    assert quiet.open() == [("disk/B", "disk-health", "critical")]
    quiet.passes(LOOK_EVERY_S)
    quiet.hears()
    assert quiet.open() == []


@pytest.mark.parametrize(
    "state",
    [
        {"returned": True},
        {"health": "refresh needed"},
        {"health": "partial"},
        {"sync_percent": 40.0},
        {"degraded": True},
    ],
)
def test_a_dropped_disk_stays_accused_while_its_raid_is_not_whole(
    quiet: Node, state: dict[str, object]
) -> None:
    quiet.hears(said=(DROPPED_B,))
    quiet.seen.tier = quiet.seen.tier.model_copy(update=state)
    quiet.passes(LOOK_EVERY_S)
    quiet.hears()
    assert ("disk/B", "disk-health", "critical") in quiet.open()


@pytest.mark.parametrize(("before_s", "over"), [(5, True), (3600, False)])
def test_errors_that_began_with_the_pull_are_over_with_it(
    quiet: Node, before_s: float, *, over: bool
) -> None:
    quiet.hears(said=(ERROR,) * 12)
    quiet.passes(before_s)
    quiet.seen.disks = (A, missing(B), FREE)
    quiet.hears(gone("sdb"))
    quiet.seen.disks = (A, B, FREE)
    quiet.hears(came("sdb", "B"))
    assert quiet.open() == ([] if over else [("disk/B", "disk-health", "warning")])


LEG = {
    "/sys/class/block/dm-9/slaves": ("dm-2", "dm-3"),
    "/sys/class/block/dm-2/slaves": ("sda",),
    "/sys/class/block/dm-3/slaves": ("sdb",),
}
DROPPED = KernelSaid(
    "kernel-raid-dropped", "dm-9", "md/raid1:mdX: Disk failure on dm-9, disabling device."
)
WRONG = KernelSaid(
    "kernel-wrong-checksums", "dm-3", "device-mapper: integrity: dm-3: Checksum failed at sector 8"
)


@pytest.mark.parametrize(
    "signs", ["error before", "error beside", "checksum", "mismatches", "no answer", "none"]
)
def test_a_dropped_leg_of_several_disks_accuses_the_one_that_gave_a_sign(
    quiet: Node, signs: str
) -> None:
    quiet.probe.dirs = LEG
    said: tuple[KernelSaid, ...] = (DROPPED,)
    match signs:
        case "error before":
            quiet.hears(said=(ERROR,))
        case "error beside":
            said = (DROPPED, ERROR)
        case "checksum":
            said = (WRONG, DROPPED)
        case "mismatches":
            members = (
                MemberFound(serial="A", pv="/dev/mapper/int-A", pv_uuid="a", mismatches=0),
                MemberFound(serial="B", pv="/dev/mapper/int-B", pv_uuid="b", mismatches=7),
            )
            quiet.seen.tier = quiet.seen.tier.model_copy(update={"members": members})
        case "no answer":
            lost = B.model_copy(update={"missing": True})
            quiet.seen.disks = (A, lost, FREE)
        case _:
            pass
    quiet.seen.fresh({})
    quiet.hears(said=said)
    dropped = {
        disk.serial
        for disk in (A, B, FREE)
        if "kernel-raid-dropped"
        in {word.measure for word in quiet.verdicts.kernel_words(disk.serial)}
    }
    assert dropped == (set() if signs == "none" else {"B"})
    assert "disk/A" not in {subject for subject, *_ in quiet.open()}


def test_a_burst_of_errors_gets_worse_once(quiet: Node) -> None:
    quiet.hears(said=(ERROR,))
    assert quiet.open() == [("disk/B", "disk-health", "info")]
    assert quiet.messages() == []
    quiet.hears(said=(ERROR,) * 9)
    quiet.hears(said=(ERROR,) * 20)
    assert quiet.open() == [("disk/B", "disk-health", "warning")]
    assert len(quiet.messages()) == 1


def test_errors_that_a_look_itself_causes_bring_no_further_look(quiet: Node) -> None:
    for _ in range(20):
        quiet.passes(LEAST_GAP_S)
        quiet.hears(said=(NO_ANSWER,))
    assert quiet.seen.looks == 2


def test_errors_of_a_day_ago_are_over(quiet: Node) -> None:
    quiet.hears(said=(ERROR,) * 10)
    quiet.passes(86_401)
    quiet.verdicts.moved("nobody")
    quiet.verdicts.hear("other", "kernel-io-errors", 1, "-")
    quiet.hears()
    assert quiet.open() == []


def test_looks_come_by_the_clock(quiet: Node) -> None:
    assert quiet.seen.looks == 1
    assert quiet.watch.patience_s() == LOOK_EVERY_S
    quiet.passes(LOOK_EVERY_S - 1)
    quiet.hears()
    assert quiet.seen.looks == 1
    quiet.passes(1)
    quiet.hears()
    assert quiet.seen.looks == 2


def test_a_storm_of_mapper_events_costs_one_look_in_five_seconds(quiet: Node) -> None:
    for _ in range(100):
        quiet.hears(mapper=True)
        quiet.passes(0.1)
    assert quiet.seen.looks == 1 + 10 / LEAST_GAP_S - 1
    assert quiet.watch.patience_s() <= LEAST_GAP_S


def test_what_a_job_has_changed_is_looked_at_when_it_ends(quiet: Node) -> None:
    quiet.busy = True
    quiet.hears(mapper=True)
    quiet.seen.tier = quiet.seen.tier.model_copy(update={"degraded": True})
    looks, quiet.busy = quiet.seen.looks, False
    quiet.watch.settled()
    quiet.hears()
    assert quiet.seen.looks == looks + 1
    assert [subject for subject, *_ in quiet.open()] == ["pool/tank"]
    quiet.hears()
    assert quiet.seen.looks == looks + 1


def test_a_degraded_tier_is_told_when_device_mapper_says_something(quiet: Node) -> None:
    quiet.seen.tier = quiet.seen.tier.model_copy(update={"degraded": True})
    quiet.passes(LEAST_GAP_S)
    quiet.hears(mapper=True)
    assert [(subject, severity) for subject, _, severity in quiet.open()] == [
        ("pool/tank", "critical")
    ]


def test_what_a_job_has_half_built_is_no_alert_but_a_pulled_disk_is(quiet: Node) -> None:
    quiet.busy = True
    quiet.seen.tier = quiet.seen.tier.model_copy(update={"degraded": True})
    quiet.seen.disks = (missing(A), B)
    quiet.hears(gone("sda"))
    assert quiet.open() == [("disk/A", "disk-missing", "critical")]
    quiet.busy = False
    quiet.passes(LOOK_EVERY_S)
    quiet.hears()
    assert {subject for subject, *_ in quiet.open()} == {"disk/A", "pool/tank"}


def test_a_write_to_a_disk_makes_the_last_look_old_and_no_new_one(quiet: Node) -> None:
    looks, forgotten = quiet.seen.looks, quiet.seen.forgotten
    quiet.watch.hear(Heard(changed=True))
    assert (quiet.seen.looks, quiet.seen.forgotten) == (looks, forgotten + 1)


def test_the_thread_ends_when_told(node: Node) -> None:
    node.watch.start()
    node.watch.stop()
    node.watch.join(5)
    assert not node.watch.is_alive()
