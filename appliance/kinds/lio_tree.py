"""LIO's tree in configfs, read into values."""

from __future__ import annotations

from typing import Final

from pydantic import ValidationError

from appliance.kinds.base import Probe
from appliance.model.lun import TARGET_DIR, TPG_ATTRIBUTES, Acl, LiveTarget, LunFound, TargetConfig

FABRIC: Final = "/sys/kernel/config/target/iscsi"


def read_lun(probe: Probe, name: str, *, document: bool, target: str = "") -> LunFound:
    """A LUN by its document, or by its target where there is none."""
    config = _document(probe, name) if document else None
    iqn = config.target if config else target
    live = _live(probe, iqn) if iqn else None
    return LunFound(
        target=iqn,
        device=(live.device if live else "") or (config.device if config else ""),
        enabled=live is not None and live.enabled,
        config=config,
        live=live,
        sessions=_sessions(probe, live) if live else (),
        document=document,
    )


def _document(probe: Probe, name: str) -> TargetConfig | None:
    text = probe.read_text(f"{TARGET_DIR}/{name}.json")
    try:
        return TargetConfig.model_validate_json(text or "")
    except ValidationError:
        return None  # cut short or by another version: the plan writes it again


def _live(probe: Probe, target: str) -> LiveTarget | None:
    if target not in probe.list_dir(FABRIC):
        return None
    group = f"{FABRIC}/{target}/tpgt_1"
    backstore = f"{group}/lun/lun_0/backstore"
    serial = _text(probe, f"{backstore}/wwn/vpd_unit_serial")
    return LiveTarget(
        target=target,
        device=_text(probe, f"{backstore}/udev_path"),
        serial=serial.partition(":")[2].strip(),
        enabled=_text(probe, f"{group}/enable") == "1",
        portals=probe.list_dir(f"{group}/np"),
        attributes={key: _text(probe, f"{group}/attrib/{key}") for key in TPG_ATTRIBUTES},
        acls=tuple(_acl(probe, group, name) for name in probe.list_dir(f"{group}/acls")),
    )


def _acl(probe: Probe, group: str, initiator: str) -> Acl:
    entry = f"{group}/acls/{initiator}"
    return Acl(
        initiator=initiator,
        user=_auth(probe, f"{entry}/auth/userid"),
        mutual_user=_auth(probe, f"{entry}/auth/userid_mutual"),
        mapped="disk" in probe.list_dir(f"{entry}/lun_0"),
        read_only=_text(probe, f"{entry}/lun_0/write_protect") == "1",
    )


def _sessions(probe: Probe, live: LiveTarget) -> tuple[str, ...]:
    """Initiators whose entry tells of a session; LIO writes "No active iSCSI Session" else."""
    group = f"{FABRIC}/{live.target}/tpgt_1"
    return tuple(
        acl.initiator
        for acl in live.acls
        if _text(probe, f"{group}/acls/{acl.initiator}/info").startswith("InitiatorName:")
    )


def _auth(probe: Probe, path: str) -> str:
    """LIO writes NULL for what is not set."""
    text = _text(probe, path)
    return "" if text == "NULL" else text


def _text(probe: Probe, path: str) -> str:
    return (probe.read_text(path) or "").strip()
