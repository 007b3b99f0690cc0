"""Waiting for a pool's RAIDs: until one is in sync, until all of its images are whole."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from appliance.kinds.pool_layout import stripes
from appliance.kinds.pool_parts import raid_state
from appliance.kinds.pool_steps import PoolSteps
from appliance.model.command import read
from appliance.model.names import mapping_name
from appliance.model.pool import IN_SYNC, SCRUB, PoolFound
from appliance.model.steps import Step, WaitStep

REBUILD_S: Final = 14 * 86400
"""Longest rebuild that is waited for: 30 TB at 50 MB/s take a week."""

POLL_S: Final = 2.0

ALIVE: Final = "A"
ALIVE_OR_FAILED: Final = "[AD]"
ANY: Final = "[AaD-]"
"""Of one image, as device-mapper writes it; see_letters has the letters' meaning."""

_PERCENT: Final = r"\b(\d+\.\d+)\b"
"""How lvs(8) writes sync_percent."""


def settle(make: PoolSteps, raid: str, found: PoolFound, *, surely: bool = False) -> Iterator[Step]:
    """LVM replaces images only of a RAID that is in sync, and a scrub counts as if it was not.

    A scrub is stopped: redundancy is worth more, and it can be asked for again. `surely`: what was
    found does not tell, for a step before this one has something rebuilt.
    """
    state = raid_state(raid, found)
    idle = state is None or (state.sync_percent >= IN_SYNC and state.sync_action in ("", "idle"))
    if idle and not surely:
        return
    if state is not None and state.sync_action == SCRUB:
        lv = f"{make.vg}/{raid}"
        yield make.run(f"Stop the scrub of {raid}", "lvchange", "--syncaction", "idle", lv,
                       undo=("lvchange", "--syncaction", "check", lv))  # fmt: skip
    yield await_sync(make, f"Wait until {raid} is in sync", raid, found)


def await_sync(make: PoolSteps, title: str, raid: str, found: PoolFound) -> WaitStep:
    """Wait until nothing is left to be done in a RAID, for days where it must be."""
    return WaitStep(
        title=title,
        resource=f"pool/{make.pool}",
        command=read("lvs", "--noheadings", "--options", "sync_percent,raid_sync_action",
                     f"{make.vg}/{raid}", timeout_s=120),
        until=r"\b100\.00\s+idle\b",
        timeout_s=REBUILD_S,
        poll_s=POLL_S,
        percent=_PERCENT,
        size=_rebuilt_size(raid, found),
        lets_others=True,
    )  # fmt: skip


def see_whole(make: PoolSteps, raid: str, letters: str = f"{ALIVE_OR_FAILED}+") -> WaitStep:
    """See that no image lags, and that nothing is left to be done."""
    title = f"See that the new image of {raid} is whole"
    return see_letters(make, title, raid, rf"{letters} (\d+)/\1 idle\b")


def see_letters(make: PoolSteps, title: str, raid: str, letters: str) -> WaitStep:
    """See how each image stands, before anything is given up that could still be needed.

    In sync is not enough: where no disk returned a block, the kernel ends the recovery and says
    100 % and idle, and only the letter of the image tells (the kernel's dm-raid.rst, "Status
    Output"): A is alive and in sync, a is not in sync, D has failed, - is not there. `letters` is
    a regular expression of what they have to be.
    """
    return WaitStep(
        title=title,
        resource=f"pool/{make.pool}",
        command=read("dmsetup", "status", mapping_name(make.vg, raid)),
        until=rf" raid \S+ \d+ {letters}",
        poll_s=POLL_S,
    )


def _rebuilt_size(raid: str, found: PoolFound) -> int:
    """Bytes of one image of a RAID: what a disk that joins it has to take up."""
    for tier, state in found.tiers.items():
        if state.raid_lv == raid and state.raid is not None:
            return state.data_size // max(1, stripes(state.raid, state.images))
        if raid.startswith(f"{tier}_tmeta"):
            return state.metadata_size
        if raid.startswith(f"{tier}_cache"):
            return state.cache_size
    return 0
