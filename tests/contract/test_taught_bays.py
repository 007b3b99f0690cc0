"""Bays that nothing in the machine tells: taught by the disk that is in them, told on record."""

from __future__ import annotations

import pytest

from tests.contract.conftest import Agent
from tests.contract.test_cli import Run
from tests.contract.test_cli import run as run
from tests.contract.test_quarantine import Facts
from tests.contract.test_quarantine import facts as facts

TECHNICIAN, VIEWER = 1002, 1004
NOWHERE = {"bay": "", "id_path": "pci-0000:00:06.0-sas-phy4-lun-0"}
ELSEWHERE = {"bay": "", "id_path": "pci-0000:00:06.0-sas-phy5-lun-0"}


@pytest.fixture(autouse=True)
def nameless(facts: Facts) -> None:
    facts |= {"d1": dict(NOWHERE), "d2": dict(ELSEWHERE)}


def test_a_bay_is_taught_shown_and_forgotten(agent: Agent, run: Run, facts: Facts) -> None:
    assert run("disk", "teach").out == "no bay was taught\n"
    taught = run("disk", "teach", "d1", "A7", uid=TECHNICIAN)
    assert taught.status == 0, taught.err
    assert "A7   d1        pci-0000:00:06.0-sas-phy4-lun-0" in taught.out
    assert agent.context.taught.labels() == {NOWHERE["id_path"]: "A7"}
    line = agent.context.audit.page(1)[0]
    assert (line.who, line.what, line.subject) == ("tom", "disk_bay_teach", "disk/d1")
    facts["d1"]["bay"] = "A7"
    again = run("disk", "teach", "d1", "A8", "--json").document
    assert [item["label"] for item in again["bays"]] == ["A8"], "a label is put right"
    facts["d1"] = {"missing": True}
    assert run("disk", "teach", uid=VIEWER).out.splitlines()[1].split()[:2] == ["A8", "-"]
    facts["d1"] = dict(NOWHERE)
    assert run("disk", "teach", "d1", "--forget").out == "no bay was taught\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("d3", "A7"), "already names"),
        (("d1", "3"), "that is bay 3 (serial d3)"),
        (("d1", "A9"), "that is pci-0000:00:06.0-sas-phy5-lun-0"),
        (("d4", "A7"), "has no path of its own now"),
        (("d1", "a b"), "label"),
        (("d1",), "takes the disk and a label"),
        (("d1", "A7", "--forget"), "takes the disk and a label"),
        (("d9", "A7"), "There is no disk 'd9'"),
    ],
)
def test_what_cannot_be_taught(
    agent: Agent, run: Run, facts: Facts, words: tuple[str, ...], said: str
) -> None:
    facts["d3"] = {"id_path": "pci-0000:00:06.0-sas-phy6-lun-0"}
    facts["d4"] = {"bay": "", "id_path": ""}
    agent.context.taught.teach(ELSEWHERE["id_path"], "A9")
    refused = run("disk", "teach", *words)
    assert refused.status in {64, 65, 66}
    assert said in refused.err
    assert len(agent.context.taught.labels()) == 1


def test_a_viewer_teaches_nothing(run: Run) -> None:
    assert run("disk", "teach", "d1", "A7", uid=VIEWER).status == 77
