"""What a pool and a volume say of themselves."""

from __future__ import annotations

import pytest

from appliance.kinds.storage.lvm import KIND as POOL
from appliance.kinds.storage.volume import KIND as VOLUME
from appliance.model.pool import MemberFound, PoolFound, RaidLevel, TierFound, TierName
from appliance.model.resource import Severity
from appliance.model.volume import VolumeFound

MEMBERS = tuple(
    MemberFound(
        serial=f"Z{n}", pv=f"/dev/mapper/int-Z{n}", pv_uuid=f"u{n}", integrity=True, mismatches=0
    )
    for n in range(3)
)
TIER = TierFound(
    members=MEMBERS,
    raid=RaidLevel.RAID5,
    raid_lv="capacity_tdata",
    images=3,
    data_size=2**30,
    thin_pool=True,
)


def pool(untagged: tuple[MemberFound, ...] = (), /, **update: object) -> PoolFound:
    tier = TIER.model_copy(update=update)
    return PoolFound(vg_uuid="v", tiers={TierName.CAPACITY: tier}, untagged=untagged)


def said(found: PoolFound) -> list[tuple[Severity, str]]:
    return [(item.severity, item.what) for item in POOL.health("clinic", found)]


def test_a_pool_that_is_well_says_nothing():
    assert POOL.health("clinic", pool()) == ()


def test_a_missing_member_is_named_by_serial():
    lost = MEMBERS[1].model_copy(update={"missing": True, "pv": ""})
    words = said(pool(members=(MEMBERS[0], lost, MEMBERS[2]), degraded=True, health="partial"))
    assert (Severity.CRITICAL, "Disk Z1 of tier capacity is missing.") in words
    assert any("degraded: it works without Z1" in what for _, what in words)


@pytest.mark.parametrize(
    ("percent", "severity"),
    [(69.9, None), (70, Severity.INFO), (80, Severity.WARNING), (90, Severity.CRITICAL)],
)
@pytest.mark.parametrize("what", ["data", "metadata"])
def test_fill_marks(percent: float, severity: Severity | None, what: str):
    words = said(pool(**{f"{what}_percent": percent}))
    assert words == (
        []
        if severity is None
        else [(severity, f"The {what} of tier capacity is {percent:.0f} % full.")]
    )


def test_wrong_checksums_name_the_disk():
    bad = MEMBERS[0].model_copy(update={"mismatches": 12})
    ((severity, what),) = said(pool(members=(bad, *MEMBERS[1:])))
    assert severity is Severity.WARNING
    assert "12 blocks on disk Z0" in what


def test_sync_lvms_own_words_and_inactive_tiers():
    assert said(pool(sync_percent=12.5, sync_action="recover")) == [
        (Severity.INFO, "Tier capacity is at 12.5 % of its rebuild.")
    ]
    assert said(pool(sync_percent=12.5, sync_action="repair")) == [
        (Severity.INFO, "Tier capacity is at 12.5 % of its synchronisation.")
    ]
    assert "LVM says 'refresh needed'" in said(pool(health="refresh needed"))[0][1]
    assert said(pool(active=False)) == [(Severity.CRITICAL, "Tier capacity is not active.")]


@pytest.mark.parametrize(
    ("state", "protected"),
    [
        ({"sync_action": "check"}, True),
        ({"sync_action": "check", "health": "mismatches exist"}, True),
        ({"sync_action": "check", "health": "partial"}, False),
        ({"sync_action": "check", "degraded": True}, False),
        ({"sync_action": "check", "returned": True}, False),
        ({"sync_action": "recover"}, False),
    ],
)
def test_only_a_whole_tier_is_called_protected_while_it_is_scrubbed(state, protected):
    (note,) = [
        item
        for item in POOL.health("clinic", pool(sync_percent=12.5, **state))
        if "% of its" in item.what
    ]
    assert ("protected" in note.why) is protected


def test_what_a_scrub_found_is_told_with_its_number():
    assert said(pool(health="mismatches exist", mismatches=128)) == [
        (
            Severity.WARNING,
            "128 sectors of tier capacity differ between its copies or parity.",
        )
    ]


def test_an_untagged_member_points_at_the_unfinished_job():
    assert "belongs to no tier" in said(pool(MEMBERS[:1]))[0][1]


def test_every_finding_says_what_next():
    found = pool(MEMBERS[:1], active=False, health="x", sync_percent=1, data_percent=99)
    assert all(item.next_step for item in POOL.health("clinic", found))


def volume(**update: object) -> VolumeFound:
    return VolumeFound(
        pool="clinic", tier=TierName.CAPACITY, size=2**30, device="/dev/vg_clinic/vol_a"
    ).model_copy(update=update)


def test_volumes():
    assert VOLUME.health("a", volume()) == ()
    assert [item.severity for item in VOLUME.health("a", volume(active=False))] == [
        Severity.CRITICAL
    ]
    (finding,) = VOLUME.health("a", volume(rolling_back="nightly/2026-11-23T22:00:00Z"))
    assert "roll-back to snapshot 'nightly'" in finding.what
