"""Reading LIO's tree, and what the plan cases do not show."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from appliance.kinds.lio_tree import FABRIC
from appliance.kinds.luns.iscsi import KIND
from appliance.model.lun import TARGET_DIR, Chap, LunSpec, TargetConfig, target_name
from tests.unit.fakes import FakeProbe

RECORDED = Path(__file__).parents[3] / "recorded/luns.iscsi/configfs.json"
INITIATOR = "iqn.2026-11.lab.host:a"
DB = TargetConfig(
    name="db",
    target="iqn.2026-11.example.clinic.node1:db",
    device="/dev/vg_clinic/vol_database",
    initiators=(INITIATOR,),
    chap=Chap(user="pacs", secret="db-chap"),
)
SECOND = DB.model_copy(
    update={
        "name": "second",
        "target": "iqn.2026-11.example.clinic.node1:second",
        "device": "/dev/vg_clinic/vol_second",
        "initiators": (INITIATOR, "iqn.1991-05.com.microsoft:b"),
        "mutual": Chap(user="node1", secret="db-back"),
        "read_only": True,
    }
)
SESSION = f"InitiatorName: {INITIATOR}\nInitiatorAlias: \nLIO Session ID: 1   ISID: 0x80 71\n"


def probe(**texts: str) -> FakeProbe:
    """A node as it was recorded, with both documents; `texts` replace files by the end of path."""
    files = json.loads(RECORDED.read_text())
    for config in (DB, SECOND):
        files[config.path] = config.document()
    for path in files:
        for end, text in texts.items():
            if path.endswith(end):
                files[path] = text
    return FakeProbe(files=files)


def test_a_recorded_node_is_as_its_documents_say():
    found = KIND.observe(probe())
    assert {name: lun.live for name, lun in found.items()} == {
        "db": DB.live(),
        "second": SECOND.live(),
    }
    assert all(lun.sessions == () and not KIND.health(name, lun) for name, lun in found.items())


def test_who_is_logged_in():
    path = f"{FABRIC}/{DB.target}/tpgt_1/acls/{INITIATOR}/info"
    found = KIND.observe(probe(**{path: SESSION}))
    assert (found["db"].sessions, found["second"].sessions) == ((INITIATOR,), ())


def test_a_document_cut_short_and_a_target_without_document():
    files = json.loads(RECORDED.read_text()) | {f"{TARGET_DIR}/db.json": DB.document()[:40]}
    found = KIND.observe(FakeProbe(files=files))
    assert (found["db"].document, found["db"].config, found["db"].live) == (True, None, None)
    assert found["second"].live == SECOND.live()
    assert not found["second"].document


def test_a_target_that_is_not_offered_is_critical():
    path = f"{DB.target}/tpgt_1/enable"
    (finding,) = KIND.health("db", KIND.observe(probe(**{path: "0\n"}))["db"])
    assert (finding.severity, finding.next_step) == ("critical", "appliance lun reload db")


def test_a_found_lun_describes_its_own_spec():
    spec = KIND.adopt("second", KIND.observe(probe())["second"])
    assert spec is not None
    assert (spec.volume, spec.target, spec.read_only) == ("second", SECOND.target, True)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("Node1.Clinic.Example", "iqn.2026-11.example.clinic.node1:db"),
        ("node1", "iqn.2026-11.local.node1:db"),
        ("", "iqn.2026-11.local.appliance:db"),
        ("a_b.c", "iqn.2026-11.c.a-b:db"),
    ],
)
def test_target_names(host: str, expected: str):
    assert target_name(host, "db") == expected


@pytest.mark.parametrize(
    ("name", "good"),
    [
        ("iqn.1993-08.org.debian:01:abc", True),
        ("IQN.1991-05.COM.Microsoft:Host", True),
        ("eui.0123456789abcdef", True),
        ("naa.62004567ba64678d0123456789abcdef", True),
        ("iqn.1993-13.org.debian:01", False),
        ("iqn.1993-08.debian", False),
        ("iqn.1993-08.org.debian:a b", False),
        ("eui.0123", False),
        ("iqn.1993-08.org.debian:" + "a" * 220, False),
    ],
)
def test_initiator_names(name: str, good: bool):
    table = {"volume": "v", "initiators": [name], "chap": {"user": "u", "secret": "s"}}
    if good:
        assert LunSpec.model_validate(table).initiators == (name.lower(),)
    else:
        with pytest.raises(ValidationError, match="is not an iSCSI name"):
            LunSpec.model_validate(table)


def test_the_serial_is_the_targets_own():
    assert DB.serial == "406cbbd1-2c9c-5d4c-b597-4b4844462b32"
    assert SECOND.serial != DB.serial
