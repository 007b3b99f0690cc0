"""The node in two words."""

from __future__ import annotations

import pytest

from appliance.api.words import health_span, runway_words
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


@pytest.mark.parametrize(
    ("pace", "days", "words"),
    [
        ("unknown", None, "not known yet when it is full, looked at since 2026-11-24 08:00:00"),
        ("steady", None, "not filling up"),
        ("filling", 41.6, "full in about 42 days"),
        ("filling", 0.0, "full within a day, as it goes"),
    ],
)
def test_how_long_a_tier_lasts(pace: str, days: float | None, words: str) -> None:
    runway = {"pace": pace, "days": days, "since": "2026-11-24T08:00:00Z"}
    assert runway_words(runway) == words
