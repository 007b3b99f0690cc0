"""Where a bay's light is found, and why there is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents.node.apply.files import NodeFiles
from agents.node.apply.lights import switch_light
from agents.node.observe.lights import observe_light
from appliance.errors import InternalError, StepFailedError
from appliance.model.disk import Disk, Medium, Transport
from appliance.model.light import Light
from appliance.model.profile import LocateMethod
from tests.unit.fakes import FakeProbe

SLOT = "/sys/class/enclosure/0:0:8:0/Slot 03"
LED = "/sys/class/leds/0000:00:1d.0:enclosure:locate/brightness"
SAS = Disk(
    serial="A", transport=Transport.SAS, medium=Medium.HDD, node="sdc", paths=("sdc", "sdq"),
    id_path="pci-0000:03:00.0-sas-phy3-lun-0",
)  # fmt: skip
NVME = Disk(
    serial="N", transport=Transport.NVME, medium=Medium.SSD, node="nvme0n1", paths=("nvme0n1",),
    id_path="pci-0000:02:00.0-nvme-1",
)  # fmt: skip


def seen(probe: FakeProbe, disk: Disk, method: LocateMethod = LocateMethod.SES) -> Light:
    return observe_light(probe, disk, method)


@pytest.mark.parametrize(("text", "on"), [("0\n", False), ("1\n", True)])
def test_the_enclosures_slot_that_holds_any_path_of_the_disk(text: str, *, on: bool):
    probe = FakeProbe(
        files={f"{SLOT}/locate": text, f"{SLOT}/slot": "3"},
        dirs={f"{SLOT}/device/block": ("sdq",)},
    )
    assert seen(probe, SAS) == Light(available=True, on=on, path=f"{SLOT}/locate")


def test_a_pcie_ports_own_light():
    port = "/sys/bus/pci/devices/0000:00:1d.0/0000:02:00.0"
    probe = FakeProbe(files={LED: "0"}, dirs={port: ("nvme",)})
    assert seen(probe, NVME).path == LED
    own = LED.replace("0000:00:1d.0", "0000:02:00.0")
    assert seen(FakeProbe(files={own: "1"}), NVME).on is True
    assert not seen(FakeProbe(files={LED: "0"}), NVME).available


def test_not_available_says_each_reason():
    light = seen(FakeProbe(), NVME, LocateMethod.NONE)
    assert not light.available
    assert light.on is None
    words = " ".join(light.reasons)
    for reason in ("no enclosure services", "NPEM", "hardware profile"):
        assert reason in words
    other = FakeProbe(files={f"{SLOT}/slot": "3"})
    assert seen(other, SAS).reasons == ("no enclosure knows this disk",)


def test_a_missing_disk_leads_nowhere():
    gone = SAS.model_copy(update={"missing": True, "node": "", "paths": ()})
    light = seen(FakeProbe(), gone)
    assert light.reasons == ("the disk does not answer, so nothing leads from it to its bay",)


def test_a_light_that_does_not_tell_is_no_light():
    probe = FakeProbe(files={f"{SLOT}/locate": ""}, dirs={f"{SLOT}/device/block": ("sdc",)})
    light = seen(probe, SAS)
    assert not light.available
    assert "does not tell" in light.reasons[0]


def test_one_write_switches_it(tmp_path: Path):
    files = NodeFiles(tmp_path)
    real = files.real(LED)
    real.parent.mkdir(parents=True)
    real.write_text("0")
    before = real.stat().st_ino
    switch_light(files, LED, on=True)
    assert (real.read_text(), real.stat().st_ino) == ("1", before)
    switch_light(files, LED, on=False)
    assert real.read_text() == "0"
    with pytest.raises(StepFailedError, match="No such file"):
        switch_light(files, f"{SLOT}/locate", on=True)
    with pytest.raises(InternalError):
        switch_light(files, "/etc/passwd", on=True)
