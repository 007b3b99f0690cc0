"""appliance disk verdict: without a node, and with whatever files a person names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from appliance.cli.main import main

DYING = json.dumps(
    {
        "device": {"name": "/dev/sda", "protocol": "ATA"},
        "model_name": "ST4000NM0035",
        "serial_number": "ZC1A",
        "rotation_rate": 7200,
        "smart_status": {"passed": True},
        "ata_smart_attributes": {
            "table": [
                {
                    "id": 5,
                    "name": "Reallocated_Sector_Ct",
                    "value": 93,
                    "raw": {"value": 304, "string": "304"},
                }
            ]
        },
    }
)


def judged(capsys: pytest.CaptureFixture[str], *files: Path, status: int = 0) -> list[Any]:
    assert main(["disk", "verdict", "--json", "--from", *map(str, files)]) == status
    answer = json.loads(capsys.readouterr().out)
    assert isinstance(answer, list)
    return answer


def test_one_object_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    file = tmp_path / "sda.json"
    file.write_text(DYING)
    first, second = judged(capsys, file, file)
    assert first == second
    assert first["file"] == str(file)
    assert (first["verdict"], first["part"]) == ("prefail", "disk")
    assert first["confidence"] == "high"
    assert first["serial"] == "ZC1A"
    assert first["evidence"][0]["value"] == 304
    assert first["evidence"][0]["source"]


def test_people_get_the_cause_in_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    file = tmp_path / "sda.json"
    file.write_text(DYING)
    assert main(["disk", "verdict", "--from", str(file)]) == 0
    told = capsys.readouterr().out
    assert "PREFAIL" in told
    assert "reallocated sectors: 304 (attribute 5 Reallocated_Sector_Ct)" in told
    assert "the drive's own verdict: passed" in told
    assert "next: Plan to replace the disk" in told


@pytest.mark.parametrize(
    "content",
    [b"", b"\x7fELF\x02\x00\xff\xfe", b"Lorem ipsum", DYING[:200].encode(), b"\xff\xfe", b"[]"],
)
def test_files_without_a_reading_are_unknown(
    content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    file = tmp_path / "odd"
    file.write_bytes(content)
    (answer,) = judged(capsys, file)
    assert (answer["verdict"], answer["part"]) == ("unknown", "none")
    assert answer["evidence"][0]["words"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_files_written_by_other_systems(
    encoding: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    file = tmp_path / "sda.json"
    file.write_text(DYING, encoding=encoding)
    (answer,) = judged(capsys, file)
    assert answer["verdict"] == "prefail"


def test_paths_that_cannot_be_read_are_told_and_hide_no_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    file = tmp_path / "sda.json"
    file.write_text(DYING)
    paths = [tmp_path, tmp_path / "missing", file]
    assert main(["disk", "verdict", "--json", "--from", *map(str, paths)]) == 66
    out, error = capsys.readouterr()
    assert [item["verdict"] for item in json.loads(out)] == ["unknown", "unknown", "prefail"]
    assert "2 of 3 files could not be read" in error
    assert "No such file or directory" in error
    assert "Traceback" not in error


def test_a_file_without_end_is_not_read_to_its_end(capsys: pytest.CaptureFixture[str]):
    (answer,) = judged(capsys, Path("/dev/zero"), status=66)
    assert "larger than" in answer["evidence"][0]["words"]


def test_files_must_be_named(capsys: pytest.CaptureFixture[str]):
    assert main(["disk", "verdict"]) == 64
    assert "--from" in capsys.readouterr().err
