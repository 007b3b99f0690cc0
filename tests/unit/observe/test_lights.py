"""Where a bay's light is found, and why there is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents.node.apply.files import NodeFiles
from agents.node.apply.lights import switch_light
from agents.node.observe.lights import observe_light
from appliance.errors import InternalError, StepFailedError
from appliance.model.command import Command, Effect, Output
from appliance.model.disk import Disk, Medium, Transport
from appliance.model.light import Lamp, Light
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


SAS_ADDRESS = "/sys/class/block/sdq/device/sas_address"
SG = "/sys/class/scsi_generic"
LAMPS = pytest.mark.parametrize("lamp", list(Lamp))


def seen(
    probe: FakeProbe,
    disk: Disk,
    method: LocateMethod = LocateMethod.SES,
    lamp: Lamp = Lamp.LOCATE,
) -> Light:
    return observe_light(probe, disk, method, lamp)


# The kernel's enclosure class tells 2, 4 or 6 for a fault that is requested, sensed, or both.
@LAMPS
@pytest.mark.parametrize(("text", "on"), [("0\n", False), ("1\n", True), ("2\n", True)])
def test_the_enclosures_slot_that_holds_any_path_of_the_disk(lamp: Lamp, text: str, *, on: bool):
    probe = FakeProbe(
        files={f"{SLOT}/{lamp}": text, f"{SLOT}/slot": "3"},
        dirs={f"{SLOT}/device/block": ("sdq",)},
    )
    found = Light(lamp=lamp, available=True, on=on, path=f"{SLOT}/{lamp}")
    assert seen(probe, SAS, lamp=lamp) == found


@pytest.mark.parametrize(("lamp", "word"), [(Lamp.LOCATE, "ident"), (Lamp.FAULT, "fault")])
def test_an_enclosure_without_a_driver_is_asked_itself(lamp: Lamp, word: str):
    asked = "sg_ses --sas-addr=0x5000c500a1b2c3d5"
    probe = FakeProbe(
        files={
            SAS_ADDRESS: "0x5000c500a1b2c3d5\n",
            f"{SG}/sg0/device/type": "0\n",
            f"{SG}/sg3/device/type": "13\n",
            f"{SG}/sg9/device/type": "13\n",
        },
        outputs={
            f"{asked} --get={word} /dev/sg3": StepFailedError(
                "sg_ses ended with 5.", hint="-", subject="sg_ses"
            ),
            f"{asked} --get={word} /dev/sg9": "1\n",
        },
    )
    assert seen(probe, SAS, lamp=lamp) == Light(
        lamp=lamp, available=True, on=True, path="/dev/sg9", element="0x5000c500a1b2c3d5"
    )


def test_an_enclosure_that_does_not_know_the_disk_says_so():
    files = {f"{SG}/sg3/device/type": "13\n"}
    assert seen(FakeProbe(files=files), SAS).reasons == ("no enclosure knows this disk",)
    files[SAS_ADDRESS] = "0x0000000000000000\n"
    assert seen(FakeProbe(files=files), SAS).reasons == ("no enclosure knows this disk",)


def test_a_pcie_ports_own_light():
    port = "/sys/bus/pci/devices/0000:00:1d.0/0000:02:00.0"
    probe = FakeProbe(files={LED: "0"}, dirs={port: ("nvme",)})
    assert seen(probe, NVME).path == LED
    own = LED.replace("0000:00:1d.0", "0000:02:00.0")
    assert seen(FakeProbe(files={own: "1"}), NVME).on is True
    assert not seen(FakeProbe(files={LED: "0"}), NVME).available
    fail = LED.replace("locate", "fail")
    both = FakeProbe(files={LED: "0", fail: "1"}, dirs={port: ("nvme",)})
    assert seen(both, NVME, lamp=Lamp.FAULT).path == fail


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
    runs = Enclosure()
    switch_light(files, runs, at(LED), on=True)
    assert (real.read_text(), real.stat().st_ino) == ("1", before)
    switch_light(files, runs, at(LED), on=False)
    assert real.read_text() == "0"
    with pytest.raises(StepFailedError, match="No such file"):
        switch_light(files, runs, at(f"{SLOT}/locate"), on=True)
    for path, element in (("/etc/passwd", ""), ("/dev/sda", "0x5000"), (LED, "0x5000")):
        with pytest.raises(InternalError):
            switch_light(files, runs, at(path, element=element), on=True)
    assert runs.heard == []


@pytest.mark.parametrize(("lamp", "word"), [(Lamp.LOCATE, "ident"), (Lamp.FAULT, "fault")])
def test_one_word_to_the_enclosure_switches_it(tmp_path: Path, lamp: Lamp, word: str):
    runs, light = Enclosure(), at("/dev/sg9", lamp=lamp, element="0x5000c500a1b2c3d5")
    switch_light(NodeFiles(tmp_path), runs, light, on=True)
    switch_light(NodeFiles(tmp_path), runs, light, on=False)
    asked = "sg_ses --sas-addr=0x5000c500a1b2c3d5"
    assert runs.heard == [f"{asked} --set={word} /dev/sg9", f"{asked} --clear={word} /dev/sg9"]


class Enclosure:
    """Hears what it is told to do."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def run(self, command: Command) -> Output:
        assert command.effect is Effect.CHANGE
        self.heard.append(command.line())
        return Output(code=0, stdout="")


def at(path: str, *, lamp: Lamp = Lamp.LOCATE, element: str = "") -> Light:
    return Light(lamp=lamp, available=True, on=False, path=path, element=element)
