"""The first boot: what is here, the answers, the plan, going on after a cut, the sheet."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from appliance.api import contract as api
from appliance.client.client import Client
from appliance.client.memory import MemoryTransport
from appliance.model.setup import ChassisSeen, Proposal, SetupRecord
from tests.tui.conftest import CLINIC, Record, lab_disks
from tests.tui.driving import LARGE, SMALL, Person, same_screen, sitting
from tests.tui.test_disk_life import clinic as clinic
from tui.first_boot import answered, document, fields, here_lines, where, wrong

TEXTS = {
    "hostname": "pacs1", "timezone": "Europe/Berlin", "ntp": "10.0.0.3,10.0.0.4",
    "interfaces": "eno1,eno2", "vlan": "30", "addresses": "10.0.0.5/24", "gateway": "10.0.0.1",
    "dns": "10.0.0.2", "account": "mary", "keys": "ssh-ed25519 AAAA mary@desk", "password": "",
    "layout": "raid6", "pool": "data", "boot": "",
}  # fmt: skip


def test_answers_are_a_site_spec_and_come_back_as_they_were_typed() -> None:
    made = document({**TEXTS, "password": "secret"})
    assert made == {
        "setup": {"layout": "raid6", "pool": "data"},
        "identity": {"node": {"hostname": "pacs1", "timezone": "Europe/Berlin",
                              "ntp": ["10.0.0.3", "10.0.0.4"]}},
        "link": {
            "wire": {"bond": {"interfaces": ["eno1", "eno2"]}, "dhcp": False},
            "lan": {"vlan": {"on": "wire", "id": 30}, "addresses": ["10.0.0.5/24"],
                    "gateway": "10.0.0.1", "dns": ["10.0.0.2"]},
        },
        "account": {"mary": {"role": "admin", "keys": ["ssh-ed25519 AAAA mary@desk"],
                             "password": "mary-login"}},
    }  # fmt: skip
    assert "secret" not in json.dumps(made)
    assert {**TEXTS, **answered(document(TEXTS))} == TEXTS
    plain = {**TEXTS, "interfaces": "eno1", "vlan": ""}
    assert document(plain)["link"]["lan"]["interface"] == "eno1"
    assert answered(document(plain))["interfaces"] == "eno1"
    assert "link" not in document({**TEXTS, "interfaces": ""})


@pytest.mark.parametrize(
    ("detail", "key"),
    [
        ("link.lan.gateway: not an address", "gateway"),
        ("link.lan.addresses.0: not an address", "addresses"),
        ("link.wire.bond.interfaces: too few", "interfaces"),
        ("link.lan.vlan.id: out of range", "vlan"),
        ("account.mary.keys.0: no key", "keys"),
        ("account.mary.password: no such secret", "password"),
        ("identity.node.hostname: no name", "hostname"),
        ("setup.layout: there is none", "layout"),
        ("share.images: not asked here", ""),
    ],
)
def test_a_finding_is_told_at_its_field(detail: str, key: str) -> None:
    assert where(detail)[0] == key


def test_where_to_install_the_system_is_asked_first_and_then_nothing_else_counts() -> None:
    made = document({**TEXTS, "boot": "bay:7, bay:8"})
    assert made["boot"] == {"node": {"disks": ["bay:7", "bay:8"]}}
    assert answered(made)["boot"] == "bay:7,bay:8"
    assert not wrong((), {"boot": "bay:7", "hostname": ""})
    assert where("boot.node: a disk is too small")[0] == "boot"
    seen = Proposal(chassis=ChassisSeen(profile="x", title="X", score=0, bays=2),
                    disks=(), cards=(), layouts=(), on_medium=True)  # fmt: skip
    assert "boot" not in [field.dotted for field in fields((), seen)]
    large = seen.model_copy(update={"boot_disks": ("Z1", "Z2")})
    assert next(field.dotted for field in fields((), large)) == "boot"
    assert "runs from a medium" in next(here_lines(large.model_dump(mode="json"), "boot", ""))


def test_what_cannot_work_is_told_before_the_node_is_asked() -> None:
    texts = {**TEXTS, "keys": "", "interfaces": ""}
    assert set(wrong((), texts)) == {"keys", "interfaces"}
    assert not wrong((), TEXTS)


async def to_the_first_boot(person: Person) -> None:
    await person.press("g")
    await person.type("first boot")
    await person.press("enter")
    await person.settle()


def test_a_new_node_is_asked_and_its_plan_shown(record: Record) -> None:
    node = record(lab_disks())

    async def scene() -> None:
        async with sitting(node) as person:
            await to_the_first_boot(person)
            assert "chassis: " in person.screen
            same_screen("first-boot-80x24", person.screen.partition("---\n")[2])
            await person.press("ctrl+s")
            assert "! this is required" in person.screen
            await person.type("Not A Name")
            await person.press("ctrl+s")
            assert "! " in person.screen
            await person.press("ctrl+u")
            await person.type("pacs1")
            await person.resize((40, 12))
            await person.resize(LARGE)
            assert "pacs1" in person.line("*hostname")
            assert "not bay 5 (serial ZSAS0004): " in person.screen
            same_screen("first-boot-160x48", person.screen.partition("---\n")[2])
            await person.resize(SMALL)
            await person.press("up", "up")
            assert "< raid10 >" in person.line(" layout  ")
            assert "lost" in person.line("survives any")
            same_screen("first-boot-layout-80x24", person.screen)
            await person.press("space", "left", "left")
            assert "none: no pool for now" in person.screen
            await person.press("right", *["up"] * 7)
            assert person.screen.splitlines()[2] == "network:"
            await person.press("ctrl+s")
            await person.until("preview, nothing is done yet")
            assert "THESE DISKS ARE OVERWRITTEN" in person.screen

    asyncio.run(scene())
    kept = Client(node).call(api.SETUP)
    assert kept.answers["identity"] == {"node": {"hostname": "pacs1"}}
    assert kept.site["pool"]
    assert not kept.finished


def test_on_a_medium_the_first_question_is_where_to_install_the_system(record: Record) -> None:
    large = [disk.model_copy(update={"size": 4 * 2**30}) for disk in lab_disks()]
    node = record(tuple(large))

    async def scene() -> None:
        async with sitting(node) as person:
            await to_the_first_boot(person)
            assert "runs from a medium" in person.screen
            same_screen("first-boot-medium-80x24", person.screen.partition("---\n")[2])
            await person.type("bay:1,bay:2")
            await person.press("ctrl+s")
            await person.until("preview, nothing is done yet")
            assert "THESE DISKS ARE OVERWRITTEN" in person.screen

    asyncio.run(scene())
    site = Client(node).call(api.SETUP).site
    assert site == {"boot": {"node": {"disks": ["bay:1", "bay:2"]}}}


def test_what_does_not_fit_above_is_read_from_any_field_and_a_password_is_stars(
    record: Record,
) -> None:
    node = record(lab_disks())

    async def scene() -> None:
        async with sitting(node, (80, 16)) as person:
            await to_the_first_boot(person)
            assert "chassis: " in person.screen
            assert "pgdn More above" in person.screen
            await person.press("pagedown", "pagedown")
            assert "chassis: " not in person.screen
            await person.press("pageup", "pageup")
            assert "chassis: " in person.screen
            await person.press(*["up"] * 3)
            await person.type("geheim")
            assert "******" in person.line(" password")
            assert "geheim" not in person.screen

    asyncio.run(scene())


def test_an_interrupted_setup_is_there_again_with_its_answers(record: Record) -> None:
    node = record(lab_disks())
    site = {"pool": {"scans": {"capacity": {"disks": ["ZSAS0000", "ZSAS0001"], "raid": "raid1"}}}}
    answers = {"identity": {"node": {"hostname": "pacs7"}}, "setup": {"pool": "scans"}}
    Client(node).call(api.SETUP_KEEP, SetupRecord(answers=answers, site=site))

    async def scene() -> None:
        async with sitting(node) as person:
            await to_the_first_boot(person)
            assert "A setup was begun here and is not through" in person.screen
            assert "pacs7" in person.line("*hostname")
            await person.resize(LARGE)
            assert "scans" in person.line(" pool  ")

    asyncio.run(scene())


def test_a_setup_that_is_through_ends_with_its_sheet(
    clinic: MemoryTransport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = Client(clinic)
    site = {"pool": client.call(api.SITE).site["pool"]}
    client.call(api.SETUP_KEEP, SetupRecord(answers={}, site=site))
    monkeypatch.chdir(tmp_path)

    async def scene() -> None:
        async with sitting(clinic) as person:
            await to_the_first_boot(person)
            await person.until("HANDOVER SHEET")
            same_screen("handover-80x24", "\n".join(person.screen.splitlines()[4:]))
            await person.press("s")
            assert "Saved as" in person.screen

    asyncio.run(scene())
    assert client.call(api.SETUP).finished
    assert (tmp_path / "handover-lab.txt").read_text().startswith("HANDOVER SHEET  lab")
    assert json.loads((tmp_path / "handover-lab.json").read_text())["hostname"] == "lab"
    assert (CLINIC / "site.json").is_file()
