"""Bays: SES, SAS bay identifier, PCI slot, path rules, in that order."""

from __future__ import annotations

from typing_extensions import override

from agents.node.observe.devices import BlockDevice
from agents.node.observe.enclosures import bay_of, observe_places
from appliance.errors import StepFailedError
from tests.unit.fakes import FakeProbe
from tests.unit.observe.chassis import Rules, nvme, sas

SES = "/sys/class/enclosure/7:0:23:0"
SCSI = "/sys/bus/scsi/devices/7:0:23:0"
ENCLOSURE = {
    f"{SES}/id": "0x5000ccab02009400\n",
    f"{SES}/components": "24\n",
    f"{SCSI}/vendor": "SMC     \n",
    f"{SCSI}/model": "SC846P          \n",
}


def slot(component: str, number: int, disk: str = "", enclosure: str = SES) -> dict[str, str]:
    files = {f"{enclosure}/{component}/slot": f"{number}\n"}
    return files | ({f"{enclosure}/{component}/device/block/{disk}/size": "1\n"} if disk else {})


def sas_place(number: int, bay: int, enclosure: str = "0x5000ccab02009400") -> dict[str, str]:
    folder = f"/sys/class/sas_device/end_device-7:0:{number}"
    return {
        f"{folder}/bay_identifier": f"{bay}\n",
        f"{folder}/enclosure_identifier": f"{enclosure}\n",
    }


def label(files: dict[str, str], *devices: BlockDevice, rules: Rules | None = None) -> str:
    probe = FakeProbe(files=files)
    return bay_of(devices, observe_places(probe), rules or Rules(), probe)


def test_the_slot_file_counts_and_not_the_name():
    files = ENCLOSURE | slot("ArrayDevice00", 1, "sda") | slot("Disk001", 2)
    assert label(files, sas("sda", 1)) == "1"


def test_a_profile_names_the_slots_of_an_enclosure():
    rules = Rules(by_slot={("SMC SC846P", 1): "A1"})
    assert label(ENCLOSURE | slot("Slot 01", 1, "sda"), sas("sda", 1), rules=rules) == "A1"


def test_any_path_may_be_linked():
    files = ENCLOSURE | slot("Slot 04", 3, "sdz")
    assert label(files, sas("sda", 1), sas("sdz", 1)) == "3"


def test_without_device_links_the_sas_transport_tells_the_bay_of_the_same_enclosure():
    rules = Rules(by_slot={("SMC SC846P", 6): "A6"})
    files = ENCLOSURE | slot("Slot 07", 6) | sas_place(1, 6)
    assert label(files, sas("sda", 1), rules=rules) == "A6"
    assert label(files, sas("sda", 1)) == "6"


def test_a_bay_without_an_enclosure_means_nothing():
    assert label(sas_place(1, 0, ""), sas("sda", 1)) == ""
    assert label(sas_place(1, 0, "0x0000000000000000"), sas("sda", 1)) == ""


def test_several_enclosures_are_told_apart():
    other = "/sys/class/enclosure/8:0:9:0"
    files = ENCLOSURE | slot("Slot 01", 1, "sda") | slot("Slot 01", 1, "sdb", other)
    files |= {f"{other}/id": "0x5000ccab02009500\n"}
    assert label(files, sas("sda", 1)) == "1.1"
    assert label(files, sas("sdb", 2)) == "2.1"


def test_two_modules_of_one_enclosure_are_one_enclosure():
    other = "/sys/class/enclosure/8:0:9:0"
    files = ENCLOSURE | slot("Slot 01", 1, "sda") | slot("Slot 01", 1, "sdz", other)
    files |= {f"{other}/id": "0x5000ccab02009400\n"}
    assert label(files, sas("sda", 1), sas("sdz", 1)) == "1"


def test_nvme_by_pci_slot():
    files = {"/sys/bus/pci/slots/12/address": "0000:02:00\n"}
    assert label(files, nvme()) == "12"
    assert label({"/sys/bus/pci/slots/3/address": "0000:03:00\n"}, sas("sda", 1)) == ""


def test_path_rules_of_the_profile():
    rules = Rules(by_path={"pci-0000:03:00.0-sas-phy1-lun-0": "1"})
    assert label({}, sas("sda", 1), rules=rules) == "1"
    assert label({}, sas("sdb", 2), rules=rules) == ""


def test_a_failing_enclosure_is_told_of():
    class Failing(FakeProbe):
        @override
        def read_text(self, path: str) -> str | None:
            if path.startswith(SES):
                raise StepFailedError("Input/output error", hint="-")
            return super().read_text(path)

    places = observe_places(Failing(files=ENCLOSURE | slot("Slot 01", 1, "sda")))
    assert places.by_node == {}
    assert places.problems == ("Enclosure 7:0:23:0 cannot be read: Input/output error",)
