"""Who may do what over SSH, and what is refused with which words: one node, little built on it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from appliance.api import contract as api
from appliance.api.wire import ApplyRequest, Empty
from appliance.client import hostkeys
from appliance.client.client import Client
from appliance.client.ssh import SshTransport
from appliance.client.transport import Address
from appliance.errors import (
    ApplianceError,
    BusyError,
    ConfirmationError,
    ForbiddenError,
    HostKeyError,
    InvalidInputError,
    RefusedError,
    StaleError,
    UnavailableError,
)
from appliance.model.disk import DiskRole
from appliance.model.job import ENDED, JobState
from appliance.model.plan import Plan, PlanRequest
from appliance.model.resource import ActionRequest
from images.clinic import Clinic, appliance
from images.disk import lab_key
from images.machine import Machine
from images.run import Ran

pytestmark = [pytest.mark.lab, pytest.mark.timeout(600, func_only=True)]

KEYS = "/etc/ssh/ssh_host_ed25519_key"
PAM = "/etc/pam.d/common-session"
FORBID = "/etc/ssh/sshd_config.d/00-no-sockets.conf"
MIRROR = {"pool": {"fast": {"performance": {"disks": ["bay:7", "bay:9"], "raid": "raid1"}}}}


class People:
    """Clients of one node, each by the SSH login of its own account."""

    def __init__(self, node: Machine) -> None:
        self.node = node
        self._transports: dict[str, SshTransport] = {}

    def address(self, user: str) -> Address:
        return Address("ssh", f"lab-{user}", "127.0.0.1", self.node.ssh.port, "")

    def transport(self, user: str) -> SshTransport:
        """A warm connection."""
        if user not in self._transports:
            self._transports[user] = self.fresh(user)
        return self._transports[user]

    def fresh(self, user: str) -> SshTransport:
        return SshTransport(self.address(user), identity=str(lab_key()))

    def client(self, user: str) -> Client:
        return Client(self.transport(user))

    def run(self, user: str, *words: str) -> Ran:
        """The command, as that account."""
        return appliance(self.node, "-H", self.address(user).text, *words)

    def plan(self, site: dict[str, Any], user: str = "admin") -> Plan:
        return self.client(user).call(api.PLAN_MAKE, PlanRequest(site=site))

    def refusal(self, site: dict[str, Any]) -> ApplianceError:
        """What the planner refuses a site with; nothing can have been written."""
        with pytest.raises(ApplianceError) as raised:
            self.plan(site)
        return raised.value

    def start(self, plan: Plan, user: str = "admin") -> int:
        request = ApplyRequest(plan_id=plan.id, digest=plan.digest)
        return self.client(user).call(api.JOB_START, request).number

    def close(self) -> None:
        for transport in self._transports.values():
            transport.close()


@pytest.fixture(scope="module")
def people(node: Machine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[People]:
    """The node with its host key pinned."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))
        Clinic(node, tmp_path_factory.mktemp("clinic")).trust()
        made = People(node)
        yield made
        made.close()


def test_a_viewer_may_look(people: People) -> None:
    client = people.client("viewer")
    assert len(client.call(api.DISKS).disks) >= 10
    assert client.call(api.STATUS).counts["disk"] >= 10
    ran = people.run("viewer", "disk", "list")
    assert not ran.status, ran.text
    assert "ZSAS0000" in ran.stdout


def test_a_viewers_apply_is_refused_and_on_record(
    people: People, node: Machine, tmp_path: Path
) -> None:
    spec = tmp_path / "site.toml"
    spec.write_text("[user.guest]\n")
    # As on a node that is no lab's: logind then keeps each login's address.
    node.succeed(f"echo 'session optional pam_systemd.so' >> {PAM}")
    try:
        ran = people.run("viewer", "apply", str(spec), "--yes")
    finally:
        node.succeed(f"sed -i '$d' {PAM}")
    assert ran.status == ForbiddenError.exit_status == 77, ran.text
    assert "'Carry out a plan' is not for viewer: it needs admin" in ran.stderr
    assert "usermod -aG appliance-admin lab-viewer" in ran.stderr
    (line, *_) = people.client("auditor").call(api.AUDIT).lines
    assert (line.who, line.what) == ("lab-viewer", "job_start")
    assert line.origin == "ssh from 10.0.2.2"
    assert line.outcome.startswith("refused (forbidden)")
    assert not people.client("admin").call(api.JOBS).jobs


@pytest.mark.parametrize(
    ("user", "may", "may_not"),
    [
        ("viewer", (api.SITE, api.JOBS), (api.SECRETS, api.AUDIT, api.AUDIT_VERIFY)),
        ("technician", (api.DISKS, api.SECRETS), (api.AUDIT,)),
        ("auditor", (api.AUDIT, api.AUDIT_VERIFY, api.JOBS), (api.SECRETS,)),
        ("admin", (api.AUDIT, api.SECRETS), ()),
    ],
)
def test_each_role_has_its_calls(
    people: People, user: str, may: tuple[Any, ...], may_not: tuple[Any, ...]
) -> None:
    client = people.client(user)
    for endpoint in may:
        client.call(endpoint)
    for endpoint in may_not:
        with pytest.raises(ForbiddenError, match=f"is not for {user}"):
            client.call(endpoint)
    if user != "admin":
        with pytest.raises(ForbiddenError, match="needs admin"):
            client.call(api.JOB_ABANDON, Empty(), number="1")


def test_an_account_without_a_role_is_told_what_it_lacks(people: People, node: Machine) -> None:
    home = "/home/lab-nobody"
    node.succeed(
        f"useradd -m -s /usr/sbin/nologin lab-nobody; cp -r /home/lab-viewer/.ssh {home}; "
        f"chown -R lab-nobody: {home}"
    )
    with pytest.raises(ForbiddenError, match="User 'lab-nobody' has no role") as raised:
        people.client("nobody").call(api.STATUS)
    assert "appliance-viewer" in raised.value.hint


def test_where_sshd_forwards_no_sockets_the_relay_carries(people: People, node: Machine) -> None:
    node.succeed(
        f"printf 'Match User lab-viewer\\n  AllowStreamLocalForwarding no\\n' > {FORBID}; "
        "systemctl restart ssh"
    )
    transport = people.fresh("viewer")
    try:
        client = Client(transport)
        assert len(client.call(api.DISKS).disks) >= 10
        with pytest.raises(ForbiddenError, match="is not for viewer"):
            client.call(api.AUDIT)
        assert node.succeed("pgrep -u lab-viewer -fc '[a]ppliance-agent relay'").strip() != "0"
        node.succeed("systemctl stop appliance-agent")
        with pytest.raises(UnavailableError, match="its relay says: the appliance agent") as raised:
            client.call(api.STATUS)
        assert "systemctl start appliance-agent" in raised.value.hint
    finally:
        transport.close()
        node.succeed(f"rm -f {FORBID}; systemctl restart ssh; systemctl start appliance-agent")
        node.wait_for_agent()


def test_an_agent_that_was_stopped_is_told_and_found_again(people: People, node: Machine) -> None:
    node.succeed("systemctl stop appliance-agent")
    ran = people.run("admin", "status")
    assert ran.status == UnavailableError.exit_status == 69, ran.text
    assert "The login on" in ran.stderr
    assert "the appliance agent is not reached" in ran.stderr
    assert "next: On the node: systemctl start appliance-agent" in ran.stderr
    there = node.execute("appliance status")
    assert there.status == 69
    assert "systemctl start appliance-agent" in there.stderr
    node.succeed("systemctl start appliance-agent")
    node.wait_for_agent()
    assert people.client("admin").call(api.STATUS).version


def test_a_changed_host_key_is_refused(people: People, node: Machine) -> None:
    node.succeed(
        f"mkdir -p /root/keys && mv {KEYS} {KEYS}.pub /root/keys/ && "
        f"ssh-keygen -q -t ed25519 -N '' -f {KEYS} && systemctl restart ssh"
    )
    try:
        ran = people.run("admin", "disk", "list")
        shown = node.succeed(f"ssh-keygen -lf {KEYS}.pub").split()[1]
    finally:
        node.succeed("mv /root/keys/* /etc/ssh/ && systemctl restart ssh")
    assert ran.status == HostKeyError.exit_status == 76, ran.text
    assert "has changed" in ran.stderr
    assert shown in ran.stderr
    assert f"appliance host trust {people.address('admin').text}" in ran.stderr
    assert not people.run("admin", "site").status


def test_an_unknown_host_key_is_refused(
    people: People, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(HostKeyError, match="is not known") as raised:
        people.fresh("admin").request("GET", "/v1/status")
    assert "appliance host trust" in raised.value.hint
    assert not hostkeys.own_file().exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[user.guest]\nuid = \n", "(at line 2, column 7)"),
        ("[user.guest]\n\n[pool.fast.performance]\ndisk = ['bay:7']\nraid = 'raid1'\n",
         "site.toml:4: pool.fast.performance.disk"),
        ("[pol.fast]\n", "did you mean 'pool'"),
        ("[user.guest]\nuid = 'many'\n", "site.toml:2: user.guest.uid"),
    ],
)  # fmt: skip
def test_a_wrong_spec_names_line_and_key(
    people: People, tmp_path: Path, text: str, said: str
) -> None:
    (tmp_path / "site.toml").write_text(text)
    ran = people.run("admin", "apply", str(tmp_path / "site.toml"), "--yes")
    assert ran.status == InvalidInputError.exit_status == 64, ran.text
    assert said in ran.stderr
    assert "\nnext: " in ran.stderr


def mirror(*disks: str, raid: str = "raid1") -> dict[str, Any]:
    return {"pool": {"fast": {"performance": {"disks": list(disks), "raid": raid}}}}


def test_the_boot_disk_is_refused(people: People) -> None:
    disks = people.client("viewer").call(api.DISKS).disks
    boot = next(disk for disk in disks if disk.role is DiskRole.BOOT)
    error = people.refusal(mirror("bay:7", boot.serial))
    assert isinstance(error, RefusedError), error
    assert "is the boot disk" in error.message
    assert "Choose another disk" in error.hint


def test_foreign_data_and_what_is_mounted_are_refused(people: People, node: Machine) -> None:
    device = "/dev/disk/by-id/wwn-0x5000c50012340000"
    node.succeed(f"mkfs.ext4 -q -L letters {device} && udevadm settle")
    error = people.refusal(mirror("bay:1", "bay:7"))
    assert isinstance(error, RefusedError), error
    assert "holds ext4 'letters'" in error.message
    assert "appliance disk wipe ZSAS0000" in error.hint
    node.succeed(f"mount {device} /mnt")
    error = people.refusal(mirror("bay:1", "bay:7"))
    assert isinstance(error, RefusedError), error
    assert "is mounted at /mnt" in error.message
    assert "umount /mnt" in error.hint
    wipe = PlanRequest(action=ActionRequest(resource="disk/ZSAS0000", verb="wipe"))
    with pytest.raises(RefusedError, match="is mounted at /mnt"):
        people.client("admin").call(api.PLAN_MAKE, wipe)
    node.succeed("umount /mnt")
    ran = people.run("admin", "disk", "wipe", "bay:1", "--yes")
    assert ran.status == ConfirmationError.exit_status, ran.text
    assert "--confirm ZSAS0000" in ran.stderr
    assert node.succeed(f"blkid -o value -s LABEL {device}").strip() == "letters"


def test_too_few_disks_are_refused(people: People) -> None:
    error = people.refusal(mirror("bay:7", "bay:8", "bay:9", raid="raid6"))
    assert "raid6 needs at least 5" in error.message
    assert error.hint


def test_a_disk_that_is_not_there_is_refused_with_those_that_are(people: People) -> None:
    error = people.refusal(mirror("bay:7", "bay:11"))
    assert "no disk in bay 11" in error.message
    assert error.hint


def test_a_guest_that_wants_more_memory_than_there_is_is_refused(people: People) -> None:
    guest = {"memory": "64 GiB", "firmware": "kernel", "kernel": "/boot/vmlinuz"}
    error = people.refusal({"vm": {"big": guest}})
    assert isinstance(error, RefusedError), error
    assert "vm/big wants 64 GiB of memory" in error.message
    assert "Give it less memory" in error.hint


def test_a_disk_pulled_between_plan_and_apply_makes_the_plan_stale(
    people: People, node: Machine
) -> None:
    plan = people.plan(MIRROR)
    assert [claim.bay for claim in plan.claims] == ["7", "9"]
    disk = node.pull_disk("9")
    try:
        with pytest.raises(StaleError, match="no longer as it was") as raised:
            people.start(plan)
        assert raised.value.exit_status == 75
        assert "Look at the plan again" in raised.value.hint
        assert not people.client("admin").call(api.JOBS).jobs
    finally:
        node.add_disk("9", serial=disk.serial)


def test_of_two_applies_the_second_is_told_which_job_runs(people: People) -> None:
    first, second = people.plan(MIRROR), people.plan(MIRROR)
    number = people.start(first)
    with pytest.raises(BusyError, match=f"Job {number} is ") as raised:
        people.start(second)
    assert raised.value.hint == f"Follow it with: appliance job show {number}"
    assert raised.value.exit_status == 75
    job = people.client("viewer").call(api.JOB_GET, number=str(number))
    while job.state not in ENDED:
        query = api.JobQuery(after=job.seq, wait=30)
        job = people.client("viewer").call(api.JOB_GET, query, number=str(number))
    assert job.state is JobState.DONE, job.error
    shown = people.run("viewer", "job", "show", str(number)).stdout
    assert "$ vgcreate" in shown


def test_afterwards_every_line_of_the_audit_holds(people: People) -> None:
    ran = people.run("auditor", "audit", "verify")
    assert not ran.status, ran.text
    assert ran.stdout.startswith("intact: ")
    lines = json.loads(people.run("auditor", "audit", "list", "--json").stdout)["lines"]
    told = {(line["who"], line["what"], line["outcome"].partition(":")[0]) for line in lines}
    assert ("lab-viewer", "job_start", "refused (forbidden)") in told
    assert ("lab-admin", "plan_make", "refused (refused)") in told
    assert ("lab-admin", "job_start", "refused (stale-plan)") in told
    assert ("lab-admin", "job_start", "refused (busy)") in told
    assert ("lab-admin", "apply", "accepted") in told
    assert ("lab-admin", "job", "done") in told
