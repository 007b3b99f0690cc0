"""What a disk can do to erase itself, from what nvme-cli, hdparm and sg3-utils print."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agents.node.observe.erasing import observe_means, parse_ata_security
from appliance.errors import StepFailedError
from appliance.model.command import Output
from appliance.model.disk import Disk, Medium, Transport
from appliance.model.erasing import EraseMeans, EraseMethod, MethodFound, Sanitization
from tests.unit.fakes import FakeProbe

# The sections of real drives as hdparm -I prints them (tabs and columns are hdparm's).
SECURITY = """
ATA device, with non-removable media
Security: 
\tMaster password revision code = 65534
\t\tsupported
\tnot\tenabled
\tnot\tlocked
\t{frozen}\tfrozen
\tnot\texpired: security count
\t\tsupported: enhanced erase
\t168min for SECURITY ERASE UNIT. 170min for ENHANCED SECURITY ERASE UNIT.
Logical Unit WWN Device Identifier: 5000c500a1b2c3d4
"""  # noqa: W291 - as it is printed
PLAIN = SECURITY.replace("\t\tsupported: enhanced erase\n", "")
ID = "/dev/disk/by-id/wwn-0x5000c50000000001"


def a_disk(transport: Transport, node: str = "sda") -> Disk:
    return Disk(
        serial="S1", wwn="0x5000c50000000001", transport=transport, medium=Medium.SSD,
        size=1, node=node,
    )  # fmt: skip


def means(transport: Transport, outputs: dict[str, Any], discard: str = "0\n") -> EraseMeans:
    files = {"/sys/block/sda/queue/discard_max_bytes": discard}
    return observe_means(FakeProbe(outputs, files), a_disk(transport))


def methods(found: EraseMeans) -> list[str]:
    return [item.method.value for item in found.found]


def security(text: str) -> tuple[list[MethodFound], dict[EraseMethod, str]]:
    barred: dict[EraseMethod, str] = {}
    return list(parse_ata_security(text, barred)), barred


def test_ata_security() -> None:
    ready = security(SECURITY.format(frozen="not"))
    assert ready == (
        [MethodFound(method=EraseMethod.ATA_SECURE_ERASE, category=Sanitization.PURGE,
                     minutes=170, enhanced=True)],
        {},
    )  # fmt: skip
    (plain,), _ = security(PLAIN.format(frozen="not"))
    assert (plain.category, plain.minutes, plain.enhanced) == ("clear", 168, False)
    found, barred = security(SECURITY.format(frozen=""))
    assert found == []
    assert "put it back" in barred[EraseMethod.ATA_SECURE_ERASE]
    locked = SECURITY.format(frozen="not").replace("not\tenabled", "\tenabled")
    assert "--security-disable" in security(locked)[1][EraseMethod.ATA_SECURE_ERASE]
    assert security("ATA device\n\tSecurity Mode feature set\n") == ([], {})


def test_a_sata_disk_is_asked_by_hdparm() -> None:
    text = SECURITY.format(frozen="not")
    said = {f"hdparm -I {ID}": text}
    assert methods(means(Transport.SATA, said, "2147450880\n")) == [
        "ata-secure-erase", "overwrite",
    ]  # fmt: skip
    said = {f"hdparm -I {ID}": f"\t   *\tDeterministic read ZEROs after TRIM\n{text}"}
    assert methods(means(Transport.SATA, said, "2147450880\n")) == [
        "ata-secure-erase", "discard", "overwrite",
    ]  # fmt: skip
    none = means(Transport.SATA, said, "0\n")
    assert "promise" in none.barred[EraseMethod.DISCARD]
    gone = {f"hdparm -I {ID}": StepFailedError("no hdparm", hint="-")}
    assert methods(means(Transport.SATA, gone)) == ["overwrite"]


def nvme(*, oacs: int, fna: int, sanicap: int, namespaces: int, dlfeat: int = 0) -> EraseMeans:
    every = " --all" if oacs & 8 else ""
    rows = {"nsid_list": [{"nsid": n + 1} for n in range(namespaces)]}
    facts = {"oacs": oacs, "fna": fna, "sanicap": sanicap}
    said = {
        f"nvme id-ctrl {ID} --output-format=json": json.dumps(facts),
        f"nvme list-ns {ID}{every} --output-format=json": json.dumps(rows),
        f"nvme id-ns {ID} --output-format=json": json.dumps({"dlfeat": dlfeat}),
    }
    return means(Transport.NVME, said, "2199023255040\n")


def test_nvme_controllers() -> None:
    alone = nvme(oacs=0x0A, fna=0x07, sanicap=0x02, namespaces=1)
    assert methods(alone) == ["nvme-format", "nvme-sanitize", "overwrite"]
    assert alone.found[0].category == "purge"
    shared = nvme(oacs=0x0A, fna=0x07, sanicap=0x02, namespaces=2)
    assert methods(shared) == ["overwrite"]
    assert {EraseMethod.NVME_FORMAT, EraseMethod.NVME_SANITIZE} <= set(shared.barred)
    assert "other namespaces" in shared.barred[EraseMethod.NVME_FORMAT]
    own = nvme(oacs=0x02, fna=0x00, sanicap=0x00, namespaces=2)
    assert methods(own) == ["nvme-format", "overwrite"], "a format of this namespace alone"
    zeros = nvme(oacs=0x00, fna=0x00, sanicap=0x00, namespaces=1, dlfeat=0x09)
    assert methods(zeros) == ["discard", "overwrite"]


@pytest.mark.parametrize("text", ["", "[]", "no json", '{"oacs": "x"}'])
def test_an_nvme_controller_that_tells_nothing(text: str) -> None:
    said = {
        f"nvme id-ctrl {ID} --output-format=json": text,
        f"nvme list-ns {ID} --output-format=json": text,
        f"nvme id-ns {ID} --output-format=json": text,
    }
    assert methods(means(Transport.NVME, said)) == ["overwrite"]


def test_a_sas_disk_tells_its_service_actions() -> None:
    yes = "Opcode=0x48\n  Command supported [conforms to SCSI standard]\n"
    no = Output(code=5, stdout="", stderr="Report supported operation codes: Illegal request\n")
    said = {f"sg_opcodes --opcode=0x48,0x2 {ID}": no, f"sg_opcodes --opcode=0x48,0x1 {ID}": yes}
    said[f"sg_vpd --page=lbpv {ID}"] = "  LBPWS10=0\n  LBPRZ=0x0\n  ANC_SUP=0\n"
    assert methods(means(Transport.SAS, said, "65536")) == ["scsi-sanitize-overwrite", "overwrite"]
    said[f"sg_vpd --page=lbpv {ID}"] = "  LBPWS10=0\n  LBPRZ=0x1\n  ANC_SUP=0\n"
    assert "discard" in methods(means(Transport.SAS, said, "65536"))
    assert methods(means(Transport.VIRTIO, {})) == ["overwrite"]
