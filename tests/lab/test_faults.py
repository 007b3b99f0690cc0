"""The agent killed at every step boundary, the power cut in the middle: nothing lost, all named."""

from __future__ import annotations

import json
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from images.clinic import SPEC, Clinic, appliance
from images.frozen import Frozen
from images.machine import Machine

pytestmark = pytest.mark.lab

PYTHON = "/opt/appliance/venv/bin/python"
DATABASE = "/var/lib/appliance/state.db"


@pytest.fixture
def clinic(golden: Frozen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Clinic]:
    """The prepared example on a node of its own; these tests end nodes."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    machine = golden.clone("test-faults", number=1)
    site = Clinic(machine, tmp_path / "clinic")
    site.prepare()
    yield site
    machine.remove()


def job(node: Machine, number: int) -> dict[str, object]:
    ran = appliance(node, "job", "show", str(number), "--json")
    assert not ran.status, ran.text
    found = json.loads(ran.stdout)
    assert isinstance(found, dict)
    return found


@pytest.mark.timeout(2400, func_only=True)
def test_sigkill_at_every_step_boundary(clinic: Clinic, peer: Machine) -> None:
    node = clinic.node
    node.succeed("systemctl", "stop", "appliance-agent")
    node.copy_in(Path(__file__).parent / "on_node", "/opt/tests")
    site = json.dumps(tomllib.loads(SPEC.read_text()))
    node.succeed("cat > /opt/tests/site.json", stdin=site.encode())
    ran = node.execute(
        PYTHON, "/opt/tests/killed_at_each_edge.py", "/opt/tests/site.json", DATABASE, "begun",
        timeout_s=2300,
    )  # fmt: skip
    assert not ran.status, ran.text
    told = json.loads(ran.stdout.splitlines()[-1])
    print(f"{told['kills']} kills in {told['seconds']} s")
    assert told["kills"] == len(told["edges"]) >= 30
    node.succeed("systemctl", "start", "appliance-agent")
    node.wait_for_file("/run/appliance/agent.sock")
    assert (
        json.loads(appliance(node, "apply", str(SPEC), "--preview", "--json").stdout)["steps"] == []
    )
    print(clinic.prove_nfs(peer))
    print(clinic.prove_iscsi())


@pytest.mark.timeout(1800, func_only=True)
def test_power_cut_in_the_middle_is_finished_on_request(clinic: Clinic, peer: Machine) -> None:
    node = clinic.node
    started = appliance(node, "apply", str(SPEC), "--yes", "--no-wait", "--json")
    assert not started.status, started.text
    number = json.loads(started.stdout)["number"]
    deadline = time.monotonic() + 900
    while True:
        steps = job(node, number)["steps"]
        assert isinstance(steps, list)
        done = sum(step["state"] == "ended" for step in steps)
        if done > len(steps) // 2:
            break
        assert time.monotonic() < deadline, f"{done} of {len(steps)} steps"
        time.sleep(0.5)
    node.cut_power()
    node.start()
    node.wait_for_file("/run/appliance/agent.sock", timeout_s=180)
    cut_off = job(node, number)
    assert cut_off["state"] == "unknown", cut_off
    assert f"appliance job finish {number}" in str(cut_off["next_step"])
    refused = appliance(node, "apply", str(SPEC), "--yes")
    assert refused.status == 75, refused.text
    assert not appliance(node, "status").status
    clinic.run("job", "finish", str(number), "--yes")
    assert job(node, number)["state"] == "done"
    assert (
        json.loads(appliance(node, "apply", str(SPEC), "--preview", "--json").stdout)["steps"] == []
    )
    print(clinic.prove_nfs(peer))
    print(clinic.prove_smb())
