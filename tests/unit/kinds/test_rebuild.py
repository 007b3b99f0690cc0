"""The pace of rebuilds as the kernel tells it."""

from __future__ import annotations

import pytest

from appliance.kinds.storage.rebuild import KIND, SETTINGS, limits_of, settings_of
from appliance.model.rebuild import MIB, TIB, RebuildFound, RebuildSpec
from tests.unit.fakes import FakeProbe

LIMITS = "/proc/sys/dev/raid/speed_limit_{}"


def pace(**files: str) -> RebuildFound:
    return KIND.observe(FakeProbe(files=files))["node"]


def test_what_was_set_is_what_is_found() -> None:
    spec = RebuildSpec(floor=5 * MIB, ceiling=50 * MIB)
    floor, ceiling = limits_of(spec)
    found = pace(
        **{
            LIMITS.format("min"): f"{floor}\n",
            LIMITS.format("max"): f"{ceiling}\n",
            SETTINGS: settings_of((floor, ceiling)),
        }
    )
    assert (found.floor, found.ceiling) == (spec.floor, spec.ceiling)
    assert KIND.adopt("node", found) == spec
    assert KIND.foreign("node", found), "the kernel's own pace is no loose end"


def test_a_kernel_without_raid_has_no_pace_to_take_over() -> None:
    assert pace() == RebuildFound()
    assert KIND.adopt("node", pace()) is None


@pytest.mark.parametrize(
    ("floor", "ceiling", "said"),
    [(MIB - 1, 200 * MIB, "1 MiB at least"), (MIB, 2 * TIB, "below 2 TiB")],
)
def test_a_pace_that_never_ends_or_that_the_kernel_cannot_count(
    floor: int, ceiling: int, said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        RebuildSpec(floor=floor, ceiling=ceiling)
