"""Targets: the order of things, what is left alone, what is refused. LIO itself is a fake here."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from agents.node.apply import targets
from agents.node.apply.targets import apply_target, parse_document, remove_target, restore_all
from appliance.errors import (
    InvalidInputError,
    NotFoundError,
    RefusedError,
    StepFailedError,
    UnavailableError,
)
from appliance.model.lun import Chap, TargetConfig
from tests.unit.apply.fakelio import FakeLio, RTSLibError

ALICE = "iqn.1993-08.org.debian:01:alice"
BOB = "iqn.1991-05.com.microsoft:bob"
SECRETS = {
    "key": "secretsecret1",
    "back": "backbackback2",
    "short": "short",
    "same": "secretsecret1",
}


def secrets(name: str) -> str:
    return SECRETS[name]


def config(name: str = "db", **changes: Any) -> TargetConfig:
    fields: dict[str, Any] = {
        "name": name,
        "target": f"iqn.2026-11.example.node1:{name}",
        "device": f"/dev/vg_p/vol_{name}",
        "initiators": (ALICE,),
        "chap": Chap(user="alice", secret="key"),
    }
    return TargetConfig.model_validate({**fields, **changes})


@pytest.fixture
def lio(monkeypatch: pytest.MonkeyPatch) -> FakeLio:
    monkeypatch.setattr(targets, "_discards", lambda device: True)
    return FakeLio()


def test_a_target_is_enabled_after_everything_else(lio: FakeLio):
    apply_target(config(), secrets, lio)
    group = lio.group("iqn.2026-11.example.node1:db")
    assert lio.log[-1] == "enable=True"
    assert lio.log.index("map iqn.1993-08.org.debian:01:alice") < lio.log.index(
        "portal 0.0.0.0:3260"
    )
    acl = group.acls[ALICE]
    assert (acl.chap_userid, acl.chap_password) == ("alice", "secretsecret1")
    assert group.attributes["authentication"] == "1"
    assert group.attributes["generate_node_acls"] == "0"
    assert lio.backstores["lun-db"].attributes == {"emulate_tpu": 1, "emulate_tpws": 1}


def test_a_second_time_nothing_is_touched(lio: FakeLio):
    apply_target(config(), secrets, lio)
    lio.log.clear()
    apply_target(config(), secrets, lio)
    assert lio.log == []


def test_an_initiator_is_added_beside_an_open_session(lio: FakeLio):
    apply_target(config(), secrets, lio)
    lio.group(config().target).acls[ALICE].session = {"id": 1}
    lio.log.clear()
    apply_target(config(initiators=(ALICE, BOB)), secrets, lio)
    assert "enable=False" not in lio.log
    assert lio.log[-1] == f"map {BOB}"
    assert ALICE not in " ".join(lio.log)


def test_mutual_chap_and_a_read_only_disk(lio: FakeLio):
    apply_target(config(mutual=Chap(user="node1", secret="back"), read_only=True), secrets, lio)
    acl = lio.group(config().target).acls[ALICE]
    assert (acl.chap_mutual_userid, acl.chap_mutual_password) == ("node1", "backbackback2")
    assert [mapped.write_protect for mapped in acl.mapped_luns] == [True]


def test_another_volume_takes_the_target_off_the_network_first(lio: FakeLio):
    apply_target(config(), secrets, lio)
    lio.log.clear()
    apply_target(config(device="/dev/vg_p/vol_other"), secrets, lio)
    assert (lio.log[0], lio.log[-1]) == ("enable=False", "enable=True")
    assert lio.backstores["lun-db"].udev_path == "/dev/vg_p/vol_other"


@pytest.mark.parametrize(
    "changes",
    [{"initiators": (BOB,)}, {"device": "/dev/vg_p/vol_other"}, {"read_only": True}],
    ids=str,
)
def test_who_is_logged_in_keeps_his_disk(lio: FakeLio, changes: Any):
    apply_target(config(), secrets, lio)
    lio.group(config().target).acls[ALICE].session = {"id": 1}
    lio.log.clear()
    with pytest.raises(RefusedError, match=ALICE):
        apply_target(config(**changes), secrets, lio)
    assert lio.log == []


def test_disabling_is_the_way_to_cut_sessions(lio: FakeLio):
    apply_target(config(), secrets, lio)
    lio.group(config().target).acls[ALICE].session = {"id": 1}
    apply_target(config(enabled=False), secrets, lio)
    assert not lio.group(config().target).enable


def test_removal_spares_other_targets_and_is_idempotent(lio: FakeLio):
    apply_target(config(), secrets, lio)
    apply_target(config("other"), secrets, lio)
    remove_target("db", lio)
    remove_target("db", lio)
    assert list(lio.targets) == [config("other").target]
    assert list(lio.backstores) == ["lun-other"]


def test_removal_is_refused_while_an_initiator_is_logged_in(lio: FakeLio):
    apply_target(config(), secrets, lio)
    lio.group(config().target).acls[ALICE].session = {"id": 1}
    with pytest.raises(RefusedError, match=ALICE):
        remove_target("db", lio)
    assert config().target in lio.targets


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"chap": Chap(user="alice", secret="short")}, "5 bytes; it must have 12 to 16"),
        ({"mutual": Chap(user="node1", secret="same")}, "one CHAP secret for both directions"),
    ],
    ids=["too short", "the same both ways"],
)
def test_secrets_no_initiator_could_use(lio: FakeLio, changes: Any, words: str):
    with pytest.raises(InvalidInputError, match=words):
        apply_target(config(**changes), secrets, lio)
    assert lio.log == []


def test_a_broken_target_does_not_keep_the_others_off(lio: FakeLio, tmp_path: Path):
    folder = tmp_path / "targets"
    folder.mkdir()
    (folder / "a-cut.json").write_text('{"name": "a-cut", ')
    (folder / "b-gone.json").write_text(config("b-gone", device="/dev/gone").document())
    (folder / "db.json").write_text(config().document())
    failed = restore_all(secrets, folder, lio)
    assert {name: type(error) for name, error in failed.items()} == {
        "a-cut": InvalidInputError,
        "b-gone": StepFailedError,
    }
    assert lio.group(config().target).enable


def test_documents_read_back_and_wrong_ones_are_named():
    assert parse_document(config().document(), "x") == config()
    wrong = json.dumps({**json.loads(config().document()), "initiators": ["nobody"]})
    with pytest.raises(InvalidInputError, match=r"db\.json does not describe a target: initiators"):
        parse_document(wrong, "db.json")
    with pytest.raises(NotFoundError):
        targets.read_document(Path("/nonexistent/db.json"))


def test_lio_is_ready_for_use_on_a_node_that_never_had_a_target(
    lio: FakeLio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(targets, "DATABASE", tmp_path / "never" / "made")
    monkeypatch.setattr(importlib, "import_module", lambda name: lio)
    assert targets.load_lio() is lio
    assert {item.name for item in targets.DATABASE.iterdir()} == {"pr", "alua"}
    monkeypatch.setattr(lio, "RTSRoot", lio.fail)
    with pytest.raises(StepFailedError, match="did not take LIO itself"):
        targets.load_lio()


def test_a_machine_without_rtslib_says_so(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "rtslib_fb", None)
    with pytest.raises(UnavailableError, match="no rtslib"):
        targets.load_lio()


def test_kernel_errors_become_ours(lio: FakeLio):
    broken = SimpleNamespace(
        RTSLibError=RTSLibError, FabricModule=lambda name: lio.fail(), Target=None
    )
    with pytest.raises(StepFailedError, match="did not take target"):
        apply_target(config(), secrets, broken)
