"""Domain XML there and back, and what the plan cases do not show."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.kinds.domain_xml import domain_xml, parse_domain
from appliance.kinds.guests.domain import KIND
from appliance.model.guest import DiskDevice, Domain, GuestRecord, GuestSpec, guest_mac, guest_uuid
from tests.unit.fakes import FakeProbe

RECORDED = Path(__file__).parents[3] / "recorded/guests.domain"
UUID = guest_uuid("luns", "tiny")
TINY = Domain(
    name="tiny",
    uuid=UUID,
    type="qemu",
    memory=256 * 2**20,
    cpus=1,
    machine="q35",
    efi=False,
    cpu_mode="maximum",
    disks=(
        DiskDevice(
            device="disk",
            source="/dev/vg_clinic/vol_system",
            target="vda",
            bus="virtio",
            cache="none",
            io="native",
            discard="unmap",
            boot_order=1,
        ),
    ),
    network="user",
    mac=guest_mac(UUID),
    console_log="/var/log/appliance/guests/tiny.log",
)


def test_what_libvirt_made_of_our_xml_reads_as_what_we_asked_for():
    """libvirt adds addresses, controllers, an emulator; none of it is a difference."""
    assert parse_domain((RECORDED / "bios.xml").read_text()) == TINY


@pytest.mark.parametrize("recorded", ["bios.xml", "kernel-tcg.xml"])
def test_xml_there_and_back(recorded: str):
    domain = parse_domain((RECORDED / recorded).read_text())
    assert parse_domain(domain_xml(domain)) == domain


def test_a_kernel_guest_with_seed_and_cd():
    domain = parse_domain((RECORDED / "kernel-tcg.xml").read_text())
    assert domain.kernel == "/usr/lib/appliance/guest/vmlinuz"
    assert [(disk.device, disk.read_only) for disk in domain.disks].count(("cdrom", True)) == 2
    assert (domain.agent, domain.random) == (True, True)


@pytest.mark.parametrize(
    "changes",
    [
        {"efi": True},
        {"network": "bridge:br0"},
        {"network": "none", "mac": ""},
        {"memory": 2**30},
        {"agent": False, "random": False},
    ],
    ids=str,
)
def test_every_setting_survives_and_counts(changes: dict[str, object]):
    changed = TINY.model_copy(update=changes)
    assert parse_domain(domain_xml(changed)) == changed
    assert domain_xml(changed) != domain_xml(TINY)


def test_observing_sees_domains_and_unfinished_guests():
    record = GuestRecord(
        name="tiny",
        uuid=UUID,
        state="running",
        autostart=True,
        memory=256 * 2**20,
        vcpus=1,
        xml=(RECORDED / "bios.xml").read_text(),
    )
    probe = FakeProbe(
        files={
            "/etc/appliance/guests/new/importing": "system\n",
            "/var/lib/appliance/seeds/tiny-0123456789ab.iso": "",
            "/var/lib/appliance/seeds/tiny-two-0123456789ab.iso": "",
            "/var/log/appliance/guests/tiny.log": "",
        },
        dirs={
            "/etc/systemd/system/multi-user.target.wants": ("libvirtd.service",),
            "/etc/appliance/guests/gone": (),
        },
        domains=(record,),
    )
    found = KIND.observe(probe)
    assert set(found) == {"new", "tiny"}, "an empty folder is no guest"
    assert (found["new"].importing, found["new"].domain) == ("system", None)
    assert found["tiny"].domain == TINY
    assert found["tiny"].seeds == ("tiny-0123456789ab.iso",)
    assert found["tiny"].node_ready
    assert [item.severity for item in KIND.health("new", found["new"])] == ["warning"]
    assert KIND.health("tiny", found["tiny"]) == ()


def test_a_definition_of_another_sort_reads_as_unknown():
    record = GuestRecord(
        name="odd", uuid=UUID, state="shutoff", autostart=False, memory=0, vcpus=1, xml="<domain"
    )
    assert KIND.observe(FakeProbe(domains=(record,)))["odd"].domain is None


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"disks": ["a", "a"]}, "only one of its disks"),
        ({"image": "x.img", "iso": "y.iso"}, "needs a disk"),
        ({"disks": ["a"], "initrd": "x"}, "need a kernel"),
        ({"disks": ["a"], "image": "../x"}, "is not a path"),
        ({"disks": ["a"], "network": "bridge:br0;reboot"}, "pattern"),
    ],
    ids=str,
)
def test_specs_that_make_no_sense(table: dict[str, object], words: str):
    with pytest.raises(ValueError, match=words):
        GuestSpec.model_validate({"memory": "256 MiB", **table})
