"""Jobs in the console's lists."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from appliance.api import words as light
from appliance.model.job import ENDED, Job, JobState
from tui.words import job_state


@pytest.mark.parametrize("state", JobState)
@pytest.mark.parametrize("waits", ["", "Wait until capacity_tdata is whole again: 42 %"])
def test_one_that_lets_others_in_says_that_it_waits(state: JobState, waits: str) -> None:
    now = datetime(2026, 11, 24, 8, tzinfo=UTC)
    job = Job(
        number=7, plan_id="p", state=state, who="tom", created_at=now, summary="", waits=waits
    )
    assert job_state(job) == (f"{state} (waits)" if waits else str(state))
    assert light.job_state(job.model_dump(mode="json")) == job_state(job)
    assert job.acts is (state not in ENDED and not waits)


def test_a_job_of_an_older_node_waits_for_nothing() -> None:
    assert light.job_state({"state": "running"}) == "running"
