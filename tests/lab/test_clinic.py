"""The main job, once, through every layer: the example applied by the admin's own command.

The power fails in the middle of it. `make demo` is the same without that.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.errors import BusyError
from images.clinic import SPEC, Clinic, appliance
from images.machine import Machine

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module")
def clinic(node: Machine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clinic]:
    """The example site on this module's node, prepared; the first test applies it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))
        site = Clinic(node, tmp_path_factory.mktemp("clinic"))
        site.prepare()
        yield site


def planned(clinic: Clinic, *words: str) -> dict[str, object]:
    ran = appliance(clinic.node, *words, "--preview", "--json")
    assert not ran.status, ran.text
    found = json.loads(ran.stdout)
    assert isinstance(found, dict)
    return found


def job(clinic: Clinic, number: int) -> dict[str, object]:
    ran = appliance(clinic.node, "job", "show", str(number), "--json")
    assert not ran.status, ran.text
    found = json.loads(ran.stdout)
    assert isinstance(found, dict)
    return found


def half_done(clinic: Clinic, number: int) -> None:
    """Wait until more than half of a job's steps ended."""
    deadline = time.monotonic() + 900
    while True:
        steps = job(clinic, number)["steps"]
        assert isinstance(steps, list)
        done = sum(step["state"] == "ended" for step in steps)
        if done > len(steps) // 2:
            return
        assert time.monotonic() < deadline, f"{done} of {len(steps)} steps"
        time.sleep(0.5)


def slow_mirrors(clinic: Clinic) -> None:
    """Their first synchronisation would take the emulated CPU from what is tested."""
    clinic.node.succeed("sysctl -qw dev.raid.speed_limit_max=2000")


@pytest.mark.timeout(2400, func_only=True)
def test_bare_disks_become_the_clinic_though_the_power_fails(clinic: Clinic) -> None:
    node = clinic.node
    slow_mirrors(clinic)
    before = node.succeed("lsblk", "-dno", "NAME,FSTYPE")
    plan = planned(clinic, "apply", str(SPEC))
    assert plan["steps"]
    assert node.succeed("lsblk", "-dno", "NAME,FSTYPE") == before, "a preview wrote"
    started = appliance(node, "apply", str(SPEC), "--yes", "--no-wait", "--json")
    assert not started.status, started.text
    number = json.loads(started.stdout)["number"]
    half_done(clinic, number)
    node.cut_power()
    node.start()
    slow_mirrors(clinic)
    node.wait_for_agent(timeout_s=300)
    cut_off = job(clinic, number)
    assert cut_off["state"] == "unknown", cut_off
    assert f"appliance job finish {number}" in str(cut_off["next_step"])
    refused = appliance(node, "apply", str(SPEC), "--yes")
    assert refused.status == BusyError.exit_status, refused.text
    assert f"appliance job finish {number}" in appliance(node, "status").text
    clinic.run("job", "finish", str(number), "--yes")
    assert job(clinic, number)["state"] == "done"


def test_applying_again_changes_nothing(clinic: Clinic) -> None:
    assert planned(clinic, "apply", str(SPEC))["steps"] == []


def test_nfs_from_a_second_node(clinic: Clinic, peer: Machine) -> None:
    print(clinic.prove_nfs(peer))


def test_encrypted_smb(clinic: Clinic) -> None:
    print(clinic.prove_smb())


def test_iscsi_with_chap(clinic: Clinic) -> None:
    print(clinic.prove_iscsi())


def test_the_guest_speaks(clinic: Clinic) -> None:
    print(clinic.prove_vm())


def test_status_says_all_is_well(clinic: Clinic) -> None:
    ran = appliance(clinic.node, "status", "--json")
    status = json.loads(ran.stdout)
    assert status["drift"] == []
    assert [item for item in status["findings"] if item["severity"] == "critical"] == []


def test_dropping_a_resource_shows_it_and_needs_its_name(clinic: Clinic, tmp_path: Path) -> None:
    smaller = tmp_path / "smaller.toml"
    text = SPEC.read_text()
    start, end = text.index("[lun.database]"), text.index("[vm.reports]")
    smaller.write_text(text[:start] + text[end:])
    plan = planned(clinic, "apply", str(smaller))
    tokens = [item["token"] for item in plan["confirmations"]]  # type: ignore[attr-defined]
    assert tokens == ["database"]
    refused = appliance(clinic.node, "apply", str(smaller), "--yes")
    assert refused.status == 65, refused.text
    assert "--confirm database" in refused.text
    print("still served:", clinic.prove_iscsi())


@pytest.mark.timeout(1500, func_only=True)
def test_after_a_reboot_every_service_is_back(clinic: Clinic, peer: Machine) -> None:
    clinic.node.stop()
    clinic.node.start()
    clinic.node.wait_for_agent(timeout_s=300)
    assert planned(clinic, "apply", str(SPEC))["steps"] == []
    for _, proof in clinic.proofs(peer):
        print(proof())


def test_the_audit_tells_who_did_what(clinic: Clinic) -> None:
    lines = json.loads(appliance(clinic.node, "audit", "list", "--json").stdout)["lines"]
    applied = [line for line in lines if line["what"] == "apply"]
    assert applied
    assert applied[-1]["who"] == "root"
    verdict = json.loads(appliance(clinic.node, "audit", "verify", "--json").stdout)
    assert verdict["intact"] is True
