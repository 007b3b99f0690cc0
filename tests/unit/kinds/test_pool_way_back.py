"""A pool is taken back last step first: each way back must bear that the next layer took more."""

from __future__ import annotations

from appliance.kinds.pool_steps import LVM_FAILED, PoolSteps
from appliance.model.pool import TierName


def test_splitting_a_cache_off_a_volume_that_is_gone_is_no_failure() -> None:
    undo = PoolSteps("clinic").attach_cache(TierName.CAPACITY).undo
    assert undo is not None
    assert "--splitcache" in undo.argv
    assert LVM_FAILED in undo.ok_codes


def test_splitting_it_off_on_purpose_is() -> None:
    make = PoolSteps("clinic")
    step = make.run("Take the cache off", *make.split_words(TierName.CAPACITY))
    assert step.command.ok_codes == (0,)
