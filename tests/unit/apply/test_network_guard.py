"""A change of the network goes back unless confirmed, whatever dies in between."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents.node.apply.files import NodeFiles
from agents.node.apply.network_guard import NetworkGuard
from appliance.errors import RefusedError, StepFailedError
from appliance.model.command import Command, Output
from appliance.model.link import EARLIER_FILE, NETWORK_DIR, NetworkOutcome

LAN = f"{NETWORK_DIR}/10-appliance-lan.network"
BOND = f"{NETWORK_DIR}/10-appliance-two.netdev"
OTHERS = f"{NETWORK_DIR}/80-dhcp.network"


class Systemd:
    """Remembers what it was told; fails when told to."""

    def __init__(self) -> None:
        self.ran: list[str] = []
        self.broken = ""

    def run(self, command: Command) -> Output:
        line = command.line()
        if self.broken and self.broken in line:
            raise StepFailedError("no", hint="-", subject=line)
        self.ran.append(line)
        return Output(code=0, stdout="")


@pytest.fixture
def systemd() -> Systemd:
    return Systemd()


@pytest.fixture
def files(tmp_path: Path) -> NodeFiles:
    made = NodeFiles(tmp_path)
    made.write(LAN, "old", 0o644)
    made.write(OTHERS, "dhcp", 0o644)
    return made


@pytest.fixture
def guard(files: NodeFiles, systemd: Systemd) -> NetworkGuard:
    return NetworkGuard(files, systemd)


def changed(files: NodeFiles) -> None:
    files.write(LAN, "new", 0o644)
    files.write(BOND, "bond", 0o644)


def test_unconfirmed_everything_goes_back(
    guard: NetworkGuard, files: NodeFiles, systemd: Systemd
) -> None:
    assert guard.change().outcome is NetworkOutcome.NONE
    guard.arm()
    assert systemd.ran == ["systemctl restart appliance-network-revert.timer"]
    assert guard.change().outcome is NetworkOutcome.ARMED
    changed(files)
    assert guard.revert()
    assert files.read(LAN) == "old"
    assert files.read(BOND) is None
    assert files.read(OTHERS) == "dhcp"
    assert systemd.ran[1:] == [
        "networkctl delete two",
        "systemctl --no-block try-restart systemd-networkd.service",
    ]
    assert guard.change().outcome is NetworkOutcome.REVERTED
    assert not guard.revert()
    with pytest.raises(RefusedError, match="nobody confirmed it in 60 s"):
        guard.confirm()


def test_confirmed_it_stays(guard: NetworkGuard, files: NodeFiles, systemd: Systemd) -> None:
    guard.arm()
    changed(files)
    assert guard.confirm().outcome is NetworkOutcome.CONFIRMED
    assert systemd.ran[-1] == "systemctl stop appliance-network-revert.timer"
    assert not guard.revert()
    assert files.read(LAN) == "new"
    with pytest.raises(RefusedError, match="No change of the network waits"):
        guard.confirm()


def test_armed_twice_it_goes_back_to_the_first(guard: NetworkGuard, files: NodeFiles) -> None:
    guard.arm()
    changed(files)
    guard.arm()
    assert guard.revert()
    assert files.read(LAN) == "old"


def test_a_revert_that_was_cut_off_is_done_again(
    guard: NetworkGuard, files: NodeFiles, systemd: Systemd
) -> None:
    guard.arm()
    changed(files)
    systemd.broken = "systemd-networkd"
    with pytest.raises(StepFailedError):
        guard.revert()
    assert files.read(EARLIER_FILE) is not None
    systemd.broken = ""
    assert guard.revert()
    assert guard.change().outcome is NetworkOutcome.REVERTED


def test_without_its_clock_nothing_may_be_changed(guard: NetworkGuard, systemd: Systemd) -> None:
    systemd.broken = "timer"
    with pytest.raises(StepFailedError):
        guard.arm()


def test_taken_back_by_the_job_nothing_waits(guard: NetworkGuard, files: NodeFiles) -> None:
    guard.arm()
    guard.disarm()
    assert guard.change().outcome is NetworkOutcome.NONE
    assert files.read(EARLIER_FILE) is None
