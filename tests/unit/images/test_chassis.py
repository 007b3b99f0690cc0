"""The QEMU command line is made of the profile alone, places fixed."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from agents.node.profiles import profile_named
from appliance.model.disk import Transport
from appliance.model.profile import Bay, EmulatedBay, EmulatedDisk, Profile, Reserve
from images import chassis
from images.errors import RigError
from images.record import Placed, Record, emulation_of, first_disks
from images.run import run


@pytest.fixture
def record() -> Record:
    profile = profile_named("lab-12bay")
    return Record(
        name="node",
        number=1,
        profile=profile,
        image=Path("/image"),
        l2_port=4000,
        placed=first_disks(profile, nvme=True),
    )


def devices(argv: list[str]) -> list[str]:
    return [word for flag, word in pairwise(argv) if flag == "-device"]


def test_a_machine_without_its_medium_starts_what_is_in_its_bays(record: Record) -> None:
    with_medium = record.model_copy(update={"uefi": True})
    without = with_medium.model_copy(update={"medium": False})
    assert any("serial=approot" in word for word in chassis.command_line(with_medium, "tcg"))
    argv = chassis.command_line(without, "tcg")
    assert not any("approot" in word for word in argv)
    turns = [word.rpartition("bootindex=")[2] for word in argv if "bootindex=" in word]
    assert turns == [str(n) for n in range(1, len(turns) + 1)]
    extra = [word for word in argv if "kernel-cmdline-extra" in word]
    assert [word.split(".")[2] for word in extra] == ["stub", "boot"]


def test_machine_starts_paused_with_the_profile_s_size(record: Record) -> None:
    argv = chassis.command_line(record, "tcg")
    assert "-S" in argv
    assert argv[argv.index("-m") + 1] == "3072"
    assert "type=1,manufacturer=Appliance,product=lab-12bay" in argv
    assert argv[argv.index("-cpu") + 1] == chassis.EMULATED_CPU
    assert chassis.command_line(record, "kvm")[argv.index("-cpu") + 1] == "host"


def test_sas_disk_sits_at_its_phy_with_its_identity(record: Record) -> None:
    (disk,) = [word for word in devices(chassis.command_line(record, "tcg")) if "bay-3" in word]
    words = disk.split(",")
    assert words[0] == "driver=scsi-hd"
    assert {"bus=hba0.0", "scsi-id=2", "serial=ZSAS0002", f"wwn={0x5000C50012340008}"} <= set(words)


def test_no_nvme_on_the_command_line_but_ports_for_it(record: Record) -> None:
    argv = chassis.command_line(record, "tcg")
    assert not [word for word in argv if "driver=nvme" in word]
    assert len([word for word in devices(argv) if word.startswith("pcie-root-port")]) == 4
    placed = record.with_serial("ZNVME0001")
    assert chassis.device(record, placed)["bus"] == "port1"


@pytest.mark.usefixtures("allow_processes", "allow_sleep")
def test_a_sector_that_cannot_be_read_is_one_for_qemu_too(
    record: Record, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """qemu-io opens the very words the machine is started with."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    (placed,) = [placed for placed in record.placed if placed.bay == "1"]
    bad = placed.disk.model_copy(update={"unreadable": (16, 4096)})
    damaged = Placed(bay="1", disk=bad)
    moved = record.model_copy(update={"placed": (damaged,)})
    argv = chassis.command_line(moved, "tcg")
    (words,) = [word for flag, word in pairwise(argv) if flag == "-blockdev" and "disk-" in word]
    file = moved.backing(bad.serial)
    file.parent.mkdir(parents=True)
    file.write_bytes(bytes(4 << 20))
    options = words.replace(f"node-name={chassis.node_name(damaged)},", "")

    def read(sector: int) -> str:
        words = ["qemu-io", "--image-opts", options, "-c", f"read {sector * 512} 512"]
        return run(words, timeout_s=60, ok=None).text

    assert "read 512/512" in read(15)
    assert "Input/output error" in read(16)
    assert "Input/output error" in read(4096)


def test_flushes_stop_at_the_page_cache(record: Record) -> None:
    node = chassis.block_node(record, record.with_serial("1"))
    assert node["cache"] == {"no-flush": True}
    joined = [word for word in chassis.command_line(record, "tcg") if "ZSAS0000.raw" in word]
    assert "cache.no-flush=on" in joined[0]


def test_uefi_boots_the_disk_itself(record: Record) -> None:
    argv = chassis.command_line(record.model_copy(update={"uefi": True}), "tcg")
    assert "-kernel" not in argv
    assert any("OVMF_CODE" in word for word in argv)


def test_ninth_phy_is_on_the_second_hba() -> None:
    disk = EmulatedDisk(transport=Transport.SAS, serial="S", size=1 << 20, wwn="0x5000c50012340000")
    bay = EmulatedBay(bay="9", sas_phy=8, disk=disk)
    lab = profile_named("lab-12bay")
    big = lab.model_copy(update={"bays": (Bay(label="9", accepts=frozenset({Transport.SAS})),)})
    big = big.model_copy(update={"panels": ()})
    emulation = emulation_of(lab).model_copy(update={"bays": (bay,)})
    record = Record(
        name="n",
        number=1,
        profile=big.model_copy(update={"emulation": emulation}),
        image=Path("/image"),
        l2_port=1,
        placed=(Placed(bay="9", disk=disk),),
    )
    assert emulation.hbas == 2
    assert chassis.device(record, record.placed[0])["bus"] == "hba1.0"
    hbas = [word for word in chassis.command_line(record, "tcg") if word.startswith("mptsas")]
    assert ["addr=06" in hbas[0], "addr=07" in hbas[1]] == [True, True]


def test_record_survives_being_written(record: Record) -> None:
    assert Record.model_validate_json(record.model_dump_json()) == record


def test_what_is_not_there_is_a_rig_error_with_a_hint(record: Record) -> None:
    bare = Profile(name="bare", title="Bare", reserve=Reserve(memory=1, cpus=0))
    with pytest.raises(RigError, match="no bay 99") as caught:
        record.slot("99")
    assert "Bays: 1, 2" in caught.value.hint
    with pytest.raises(RigError, match="No disk nope"):
        record.with_serial("nope")
    with pytest.raises(RigError, match="nothing about emulation"):
        emulation_of(bare)
