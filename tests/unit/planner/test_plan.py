"""From what is and what is wanted to a plan: order, references, guard, confirmations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from appliance.errors import InvalidInputError, NotFoundError, RefusedError
from appliance.kinds.base import Change, View
from appliance.model.disk import Disk, DiskRole, Medium, Signature, Transport
from appliance.model.plan import Plan
from appliance.model.resource import ActionRequest
from appliance.model.snapshot import NodeSnapshot
from appliance.planner.plan import make_plan
from appliance.planner.site import parse_site
from tests.unit.fakehost import NOW, FakeHost
from tests.unit.fakekinds import KINDS, FakeVolume, PoolFound, VolumeFound, VolumeSpec
from tests.unit.jobs.sites import FULL, SMALL

BARE: dict[str, Any] = {"pool": {"tank": {"disks": ["d1"]}}}


@pytest.fixture
def host(tmp_path: Path) -> FakeHost:
    return FakeHost(tmp_path)


def built(host: FakeHost) -> FakeHost:
    host.formatted = {"d1": "tank", "d2": "tank"}
    host.pools = {"tank"}
    host.volumes = {"images": ("tank", 5), "other": ("tank", 1)}
    host.mounts = {"images": "images"}
    host.files.write("/etc/units/images", "images", 0o644)
    host.files.write("/etc/exports.d/images", "10.0.0.1", 0o644)
    host.exports = {"images": "10.0.0.1"}
    return host


def plan(
    snapshot: NodeSnapshot,
    before: dict[str, Any],
    after: dict[str, Any],
    action: ActionRequest | None = None,
    *,
    kinds: Any = KINDS,
    continues: int | None = None,
) -> Plan:
    return make_plan(
        kinds,
        snapshot,
        parse_site(kinds, before),
        parse_site(kinds, after),
        action,
        plan_id="p1",
        now=NOW,
        continues=continues,
    )


def with_disk(host: FakeHost, **change: Any) -> NodeSnapshot:
    """The host's snapshot with disk d1 in another state."""
    snapshot = host.observe({})
    disks = (snapshot.disks[0].model_copy(update=change), *snapshot.disks[1:])
    return snapshot.model_copy(update={"disks": disks})


def test_building_goes_upwards(host: FakeHost) -> None:
    made = plan(host.observe({}), {}, FULL)
    assert [step.title for step in made.steps] == [
        "Format d1", "Format d2", "Make tank", "Create images", "Create other",
        "Write unit images", "Mount images", "Write export images", "Export images",
    ]  # fmt: skip
    assert [claim.serial for claim in made.claims] == ["d1", "d2"]
    assert (made.id, made.created_at, made.continues) == ("p1", NOW, None)
    assert made.digest == host.observe({}).digest()
    assert made.notes == ("pool tank: nothing is wasted",)
    assert made.confirmations == ()
    assert made.warnings == ()


def test_nothing_is_to_be_done_twice(host: FakeHost) -> None:
    made = plan(built(host).observe({}), FULL, FULL)
    assert made.empty
    assert made.notes == ()


def test_the_same_values_give_the_same_plan_in_any_order(host: FakeHost) -> None:
    turned = {noun: dict(reversed(tables.items())) for noun, tables in reversed(FULL.items())}
    assert plan(host.observe({}), {}, turned) == plan(host.observe({}), {}, FULL)


def test_removal_goes_downwards_and_asks_for_names(host: FakeHost) -> None:
    made = plan(built(host).observe({}), FULL, {})
    assert [step.title for step in made.steps] == [
        "Drop export images", "Export images", "Unmount images", "Drop unit images",
        "Remove other", "Remove images", "Destroy tank", "Free d1", "Free d2",
    ]  # fmt: skip
    assert [item.token for item in made.confirmations] == ["other", "images", "tank"]
    assert made.confirmations[0].why == "volume other"
    assert made.confirmations[2].why == "pool tank is destroyed"
    assert made.warnings == (
        "'Remove other' cannot be undone; it destroys volume other.",
        "'Remove images' cannot be undone; it destroys volume images.",
        "'Destroy tank' cannot be undone; it destroys pool tank.",
    )


def test_what_is_gone_already_needs_no_removal(host: FakeHost) -> None:
    assert plan(host.observe({}), FULL, {}).empty


def test_a_removal_comes_before_what_is_built(host: FakeHost) -> None:
    after = SMALL | {"volume": {"images": {"pool": "tank", "size": 5}, "a": {"pool": "tank"}}}
    before = SMALL | {"volume": FULL["volume"]}
    host = built(host)
    host.mounts, host.exports = {}, {}
    made = plan(host.observe({}), before, after)
    assert [step.title for step in made.steps] == ["Remove other", "Create a"]


def test_a_removal_waits_until_nothing_uses_it(host: FakeHost) -> None:
    """The share lets go of its volume; only then the volume goes, and its pool after it."""
    host = built(host)
    host.pools |= {"old"}
    host.formatted["d3"] = "old"
    host.volumes["images"] = ("old", 5)
    old = {"old": {"disks": ["d3"]}}
    before = FULL | {
        "pool": FULL["pool"] | old,
        "volume": {"images": {"pool": "old", "size": 5}, "other": {"pool": "tank"}},
    }
    after = {
        "pool": FULL["pool"],
        "volume": {"other": {"pool": "tank"}},
        "share": {"images": {"volume": "other"}},
    }
    made = plan(host.observe({}), before, after)
    assert [step.title for step in made.steps] == [
        "Drop export images", "Export images",
        "Unmount images", "Write unit images", "Mount images",
        "Remove images", "Destroy old", "Free d3",
    ]  # fmt: skip


def test_what_is_used_cannot_be_removed(host: FakeHost) -> None:
    after = FULL | {"volume": {"other": {"pool": "tank"}}}
    with pytest.raises(RefusedError, match="volume/images cannot be removed: share/images uses it"):
        plan(built(host).observe({}), FULL, after)


def test_a_face_cannot_outlive_its_share(host: FakeHost) -> None:
    before, after = parse_site(KINDS, FULL), parse_site(KINDS, FULL)
    left = tuple(item for item in after if item.kind != "share")
    with pytest.raises(RefusedError, match="share/images cannot be removed: nfs/images uses it"):
        make_plan(KINDS, built(host).observe({}), before, left, plan_id="p", now=NOW)


def test_a_reference_that_leads_nowhere(host: FakeHost) -> None:
    with pytest.raises(InvalidInputError, match="volume/v refers to pool/none, which") as raised:
        plan(host.observe({}), {}, {"volume": {"v": {"pool": "none"}}})
    assert "[pool.none]" in raised.value.hint


def test_a_thing_found_but_not_wanted_may_be_used(host: FakeHost) -> None:
    host = built(host)
    made = plan(host.observe({}), {}, {"volume": {"new": {"pool": "tank"}}})
    assert [step.title for step in made.steps] == ["Create new"]
    assert "pool/tank is on the node but not in the wish; it is left alone." in made.warnings
    assert "volume/images is on the node but not in the wish; it is left alone." in made.warnings


def test_what_could_not_be_read_is_a_warning(host: FakeHost) -> None:
    snapshot = host.observe({}).model_copy(update={"problems": ("disk d4 hangs",)})
    assert plan(snapshot, {}, {}).warnings == ("Not everything could be read: disk d4 hangs",)


def test_findings_of_a_kind_unknown_here_are_left_out(host: FakeHost) -> None:
    snapshot = host.observe({}).model_copy(update={"found": {"bucket": {"b": PoolFound()}}})
    assert plan(snapshot, {}, {}).warnings == ()


def test_specs_are_resolved_before_they_are_planned(host: FakeHost) -> None:
    made = plan(host.observe({}), {}, {"pool": {"tank": {"disks": ["bay:2"]}}})
    assert made.steps[0].title == "Format d2"
    assert made.after[0].spec.model_dump()["disks"] == ("d2",)


def test_an_act_on_top_of_the_wish(host: FakeHost) -> None:
    host = built(host)
    poke = ActionRequest(resource="volume/images", verb="poke")
    made = plan(host.observe({}), FULL, FULL, poke)
    assert [step.title for step in made.steps] == ["Poke images"]
    assert made.action == poke
    assert made.confirmations == ()
    wipe = plan(host.observe({}), FULL, FULL, ActionRequest(resource="volume/other", verb="wipe"))
    assert [(item.token, item.why) for item in wipe.confirmations] == [
        ("other", "all of its files")
    ]
    assert wipe.warnings == ("'Wipe other' cannot be undone; it destroys all of its files.",)
    unmanaged = plan(host.observe({}), {}, {}, poke)
    assert unmanaged.steps[0].title == "Poke images"


@pytest.mark.parametrize(
    ("resource", "verb", "error", "words"),
    [
        ("bucket/x", "poke", InvalidInputError, "no kind 'bucket'"),
        ("volume/none", "poke", NotFoundError, "no volume 'none'"),
        ("volume/images", "dance", InvalidInputError, "no act 'dance'"),
    ],
)
def test_acts_that_cannot_be(
    host: FakeHost, resource: str, verb: str, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        plan(built(host).observe({}), FULL, FULL, ActionRequest(resource=resource, verb=verb))


class CarefulVolume(FakeVolume):
    """Asks for a name although its steps say nothing of destroying."""

    def confirmations(
        self, change: Change[VolumeSpec, VolumeFound], view: View
    ) -> tuple[tuple[str, str], ...]:
        return (("other", "twice the same token"),)


def test_a_token_is_asked_once(host: FakeHost) -> None:
    kinds = {**KINDS, "volume": CarefulVolume()}
    before = FULL | {"share": {}}
    after = FULL | {"share": {}, "volume": {}}
    made = plan(built(host).observe({}), before, after, kinds=kinds)
    assert [item.token for item in made.confirmations] == ["other"]


GUARD = [
    ({"role": DiskRole.BOOT}, "bay 1 (serial d1) is the boot disk", "another disk"),
    ({"missing": True}, "does not answer", "Put it back"),
    ({"size": None}, "tells no capacity", "Replace it"),
    ({"mounted_at": ("/mnt", "/x")}, "is mounted at /mnt, /x", "umount /mnt"),
    ({"pool": "safe", "role": DiskRole.PV}, "belongs to pool 'safe'", "remove pool 'safe'"),
    ({"holders": ("md0",)}, "is in use by md0", "what stands on it"),
    (
        {"signatures": (Signature(type="xfs", label="PACS"), Signature(type="gpt"))},
        "holds xfs 'PACS', gpt",
        "appliance disk wipe",
    ),
    ({"signatures": (Signature(type="LVM2_member"),)}, "holds LVM2_member", "appliance disk wipe"),
    (
        {"signatures": (Signature(type="ext4"),), "role": DiskRole.QUARANTINED},
        "holds ext4",
        "appliance disk wipe",
    ),
    ({"bay": "", "role": DiskRole.BOOT}, "with serial d1 is the boot", "another"),
]


@pytest.mark.parametrize(("state", "words", "hint"), GUARD)
def test_the_guard_refuses(host: FakeHost, state: dict[str, Any], words: str, hint: str) -> None:
    with pytest.raises(RefusedError) as raised:
        plan(with_disk(host, **state), {}, BARE)
    assert words in raised.value.message
    assert hint in raised.value.hint
    assert raised.value.subject == "disk/d1"


class HeedlessPool(type(KINDS["pool"])):  # type: ignore[misc]
    """Does not look whether a disk is there."""

    def resolve(self, name: str, spec: Any, view: View) -> Any:
        return spec


def test_the_guard_refuses_a_disk_that_is_not_there(host: FakeHost) -> None:
    kinds = {**KINDS, "pool": HeedlessPool()}
    with pytest.raises(RefusedError, match="There is no disk d9, which pool/tank wants"):
        plan(host.observe({}), {}, {"pool": {"tank": {"disks": ["d9"]}}}, kinds=kinds)


def test_the_guard_refuses_a_disk_for_two_things(host: FakeHost) -> None:
    both = {"pool": {"a": {"disks": ["d1"]}, "b": {"disks": ["d1"]}}}
    with pytest.raises(RefusedError, match="d1 cannot be used for pool/b and pool/a at once"):
        plan(host.observe({}), {}, both)


def test_a_quarantined_disk_needs_its_serial(host: FakeHost) -> None:
    snapshot = with_disk(
        host, role=DiskRole.QUARANTINED, signatures=(Signature(type="DM_integrity"),)
    )
    made = plan(snapshot, {}, BARE)
    assert [(item.token, item.why) for item in made.confirmations] == [
        ("d1", "the disk in bay 1 holds DM_integrity")
    ]
    assert made.claims[0].signatures == (Signature(type="DM_integrity"),)
    nameless = plan(
        snapshot.model_copy(update={"disks": (snapshot.disks[0].model_copy(update={"bay": ""}),)}),
        {},
        BARE,
    )
    assert nameless.confirmations[0].why == "the disk in bay ? holds DM_integrity"


@pytest.mark.parametrize("state", [{"pool": "tank"}, {}])
def test_a_half_built_pool_goes_on_with_the_consent_it_had(
    host: FakeHost, state: dict[str, Any]
) -> None:
    """The disk carries our own layer, and is ours by its pool or by the unfinished job."""
    half = with_disk(host, signatures=(Signature(type="DM_integrity"),), holders=("dm-0",), **state)
    if not state:
        half = half.model_copy(update={"claims": {"d1": "tank"}})
    made = plan(half, {}, BARE, continues=4)
    assert [claim.serial for claim in made.claims] == ["d1"]
    assert made.confirmations == ()
    assert made.continues == 4


def test_consent_for_one_pool_is_none_for_another(host: FakeHost) -> None:
    half = with_disk(host, signatures=(Signature(type="DM_integrity"),)).model_copy(
        update={"claims": {"d1": "other"}}
    )
    with pytest.raises(RefusedError, match="holds DM_integrity"):
        plan(half, {}, BARE)


def test_consent_never_covers_a_foreign_signature(host: FakeHost) -> None:
    half = with_disk(host, signatures=(Signature(type="zfs_member"),)).model_copy(
        update={"claims": {"d1": "tank"}}
    )
    with pytest.raises(RefusedError, match="holds zfs_member"):
        plan(half, {}, BARE)


OWN: dict[str, Any] = {
    "role": DiskRole.PV,
    "pool": "tank",
    "signatures": (Signature(type="DM_integrity"), Signature(type="LVM2_member")),
    "holders": ("int-d1", "vg_tank-images"),
    "mounted_at": ("/srv/shares/images",),
}


def test_what_is_mounted_from_a_pools_own_volumes_does_not_stop_it(host: FakeHost) -> None:
    made = plan(with_disk(host, **OWN), {}, BARE, continues=4)
    assert [claim.serial for claim in made.claims] == ["d1"]


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({"pool": "safe"}, "belongs to pool 'safe'"),
        ({"pool": ""}, "is mounted at /srv/shares/images"),
        ({"holders": ()}, "is mounted at /srv/shares/images"),
        ({"signatures": (*OWN["signatures"], Signature(type="ext4"))}, "holds ext4"),
        ({"role": DiskRole.BOOT}, "is the boot disk"),
    ],
)
@pytest.mark.parametrize("claims", [{}, {"d1": "tank"}])
def test_nothing_else_that_is_mounted_gets_through(
    host: FakeHost, state: dict[str, Any], words: str, claims: dict[str, str]
) -> None:
    """Not another pool's, not a stranger's, not even by an unfinished job's consent."""
    snapshot = with_disk(host, **(OWN | state)).model_copy(update={"claims": claims})
    with pytest.raises(RefusedError, match=words):
        plan(snapshot, {}, BARE, continues=4)


def test_a_mounted_member_is_not_erased(host: FakeHost) -> None:
    wipe = ActionRequest(resource="disk/d1", verb="wipe")
    with pytest.raises(RefusedError, match="belongs to pool 'tank'") as refused:
        plan(with_disk(host, **OWN), {}, {}, wipe)
    assert "umount" not in refused.value.hint


def test_a_disk_is_found_by_bay_serial_or_wwn(host: FakeHost) -> None:
    disk = Disk(
        serial="S1", wwn="0x5000", transport=Transport.SAS, medium=Medium.HDD, size=1, node="sda",
        bay="3",
    )  # fmt: skip
    snapshot = host.observe({}).model_copy(update={"disks": (disk,)})
    for reference in ("bay:3", "S1", "0x5000"):
        made = plan(snapshot, {}, {"pool": {"tank": {"disks": [reference]}}})
        assert made.claims[0].serial == "S1"
