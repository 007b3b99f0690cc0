"""The node in two words."""

from __future__ import annotations

import pytest

from appliance.api.words import health_span
from appliance.model.job import ENDED, JobState


@pytest.mark.parametrize(
    ("severities", "drift", "jobs", "words"),
    [
        ([], [], [JobState.RUNNING], "at work"),
        (["info"], [], [JobState.PROVING], "at work"),
        (["warning"], [], [JobState.RUNNING], "NOT WELL"),
        ([], [], [JobState.RUNNING, JobState.UNKNOWN], "NOT WELL"),
        ([], ["Mount images"], [], "NOT WELL"),
    ],
)
def test_a_running_job_is_work_and_no_trouble(
    severities: list[str], drift: list[str], jobs: list[JobState], words: str
) -> None:
    findings = [{"severity": word} for word in severities]
    answer = {
        "well": False,
        "findings": findings,
        "drift": drift,
        "jobs": [{"state": job} for job in jobs],
    }
    assert health_span(answer).text == words
    assert health_span({**answer, "well": True}).text == "all is well"


@pytest.mark.parametrize("state", JobState)
def test_what_has_ended_is_no_work(state: JobState) -> None:
    answer = {"well": False, "findings": [], "drift": [], "jobs": [{"state": state}]}
    assert (health_span(answer).text == "NOT WELL") == (state in ENDED)
