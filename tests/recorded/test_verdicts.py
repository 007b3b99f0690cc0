"""Every recorded smartctl output beside the repository is judged as its index says."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path

import pytest

from appliance.cli.main import main
from appliance.health.judge import judge
from appliance.model.smartctl import parse_smart
from appliance.model.verdict import Grade, Part, Verdict

CAPTURES = Path(__file__).parents[3] / "shared" / "captures" / "smart"
FAIR = {
    "healthy": {Grade.HEALTHY, Grade.WATCH},
    "prefail": {Grade.PREFAIL},
    "failing": {Grade.FAILING},
    "unknown": {Grade.UNKNOWN},
    "n/a": {Grade.UNKNOWN},
}
"""`watch` says to look, not to replace; the index has no such word."""
EITHER_SIDE = {Grade.HEALTHY, Grade.WATCH, Grade.PREFAIL}
WATCHED = ("udma_crc", "non-medium", "reallocated=")
"""What the index notes of a good disk, and what may make it watched."""


def rows() -> list[dict[str, str]]:
    index = CAPTURES / "index.csv"
    if not index.exists():
        return []
    with index.open(newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def verdict_of(row: dict[str, str]) -> Verdict:
    content = (CAPTURES / row["file"]).read_bytes()
    return judge(parse_smart(content.decode("utf-8", errors="replace")))


def test_the_captures_are_there():
    if not CAPTURES.is_dir() and os.environ.get("CI") != "true":
        pytest.skip(f"{CAPTURES} is missing")
    assert len(rows()) >= 169


@pytest.mark.parametrize("row", rows(), ids=lambda row: row["file"])
def test_judged_as_the_index_says(row: dict[str, str]):
    verdict = verdict_of(row)
    fair = FAIR[row["truth"]] if row["confidence"] == "high" else EITHER_SIDE
    assert verdict.verdict in fair, verdict.evidence
    if verdict.verdict in {Grade.PREFAIL, Grade.FAILING}:
        assert verdict.part is Part.DISK
    assert (verdict.part is Part.NONE) == (verdict.verdict in {Grade.HEALTHY, Grade.UNKNOWN})


@pytest.mark.parametrize(
    "row", [row for row in rows() if "udma_crc" in row["note"]], ids=lambda row: row["file"]
)
def test_crc_errors_accuse_the_cable(row: dict[str, str]):
    verdict = verdict_of(row)
    assert (verdict.verdict, verdict.part) == (Grade.WATCH, Part.CABLE)


def test_good_disks_are_watched_for_a_reason_only():
    watched = [
        row["file"]
        for row in rows()
        if row["truth"] == "healthy"
        and row["confidence"] == "high"
        and not any(word in row["note"] for word in WATCHED)
        and verdict_of(row).verdict is Grade.WATCH
    ]
    # Its index line overlooks five CRC errors in the device statistics log.
    known = {"ata-kioxia-exceria-sata-ssd.json"}
    assert set(watched) <= known


def test_the_command_judges_them_all(capsys: pytest.CaptureFixture[str]):
    files = [str(CAPTURES / row["file"]) for row in rows()]
    if not files:
        pytest.skip(f"{CAPTURES} is missing")
    assert main(["disk", "verdict", "--json", "--from", *files]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert [item["file"] for item in answer] == files
    assert all(item.keys() >= {"verdict", "part", "confidence", "evidence"} for item in answer)
    by_name = {Path(item["file"]).name: item for item in answer}
    assert by_name["ata-failed-test-2.txt"]["verdict"] == "failing"
    assert by_name["scsi-intel-raid-1-volume.json"]["verdict"] == "unknown"
