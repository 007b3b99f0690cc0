"""iSCSI targets in the kernel (LIO), by rtslib: each made to match its document, and only it.

The disk, who may use it and with which secret are all in place before the portal group is
enabled, so no initiator ever sees half a target.
"""

from __future__ import annotations

import importlib
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from appliance.errors import (
    ApplianceError,
    InvalidInputError,
    NotFoundError,
    RefusedError,
    StepFailedError,
    UnavailableError,
)
from appliance.model.lun import (
    IQN_DATE,
    PORTAL,
    SECRET_LENGTHS,
    TARGET_DIR,
    TPG_ATTRIBUTES,
    Chap,
    TargetConfig,
)

LOG: Final = logging.getLogger(__name__)

Secrets = Callable[[str], str]
"""The value of a stored secret by its name. Raises NotFoundError."""

DATABASE: Final = Path("/etc/rtslib-fb-target")
"""Where Debian's rtslib has LIO keep its database; rtslib refuses to work without the folder, and
the kernel cannot keep persistent reservations over a reboot without the two in it. The package
brings none of them."""
LINK: Final = "backstore"
MAPPED: Final = "disk"
"""Names of the links in configfs; observers look for them."""
GROUP: Final = 1
LUN: Final = 0


def load_lio() -> Any:  # noqa: ANN401 - rtslib has no types
    """rtslib, which only nodes have, ready for use. Raises UnavailableError, StepFailedError."""
    try:
        lio = importlib.import_module("rtslib_fb")
    except ImportError as error:
        raise UnavailableError(
            "This machine has no rtslib, so it cannot offer iSCSI targets.",
            hint="Install it: apt-get install python3-rtslib-fb",
        ) from error
    with _kernel_errors(lio, "LIO itself"):
        for folder in ("pr", "alua"):
            (DATABASE / folder).mkdir(parents=True, exist_ok=True)
        lio.RTSRoot()  # mounts configfs if need be and points LIO to its database
    return lio


def read_document(path: Path) -> TargetConfig:
    """The document of a target. Raises NotFoundError or InvalidInputError."""
    try:
        return parse_document(path.read_text(), str(path))
    except FileNotFoundError as error:
        raise NotFoundError(
            f"There is no target document {path}.",
            hint=f"List them: ls {TARGET_DIR}; they are written by: appliance apply",
            subject=str(path),
        ) from error


def parse_document(text: str, origin: str) -> TargetConfig:
    """A target's document. Raises InvalidInputError."""
    try:
        return TargetConfig.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "the document"
        raise InvalidInputError(
            f"{origin} does not describe a target: {where}: {first['msg']}.",
            hint="Have it written again: appliance apply SPEC.toml",
            subject=origin,
        ) from error


def apply_target(config: TargetConfig, secrets: Secrets, lio: Any = None) -> None:  # noqa: ANN401
    """Make the kernel's target match; what matches already is not touched.

    Raises InvalidInputError for a secret no initiator could use, RefusedError when an initiator
    that is logged in would lose its disk, StepFailedError when the kernel refuses.
    """
    keys = _keys(config, secrets)
    lio = lio or load_lio()
    with _kernel_errors(lio, f"target '{config.target}'"):
        _Target(lio, config).apply(*keys)


def remove_target(name: str, lio: Any = None) -> None:  # noqa: ANN401
    """Take a LUN's target and its backstore away; gone already is fine.

    Raises RefusedError while an initiator is logged in, StepFailedError when the kernel refuses.
    """
    lio = lio or load_lio()
    with _kernel_errors(lio, f"the removal of target '{name}'"):
        for target in list(lio.FabricModule("iscsi").targets):
            if target.wwn.startswith(f"{IQN_DATE}.") and target.wwn.endswith(f":{name}"):
                _refuse_if_used(target, name)
                target.delete()
        for backstore in list(lio.RTSRoot().storage_objects):
            if backstore.name == f"lun-{name}":
                backstore.delete()


def restore_all(
    secrets: Secrets,
    folder: Path = Path(TARGET_DIR),
    lio: Any = None,  # noqa: ANN401
) -> dict[str, ApplianceError]:
    """Set up every target there is a document for; those that failed, by name.

    One broken target does not keep the others from their initiators.
    """
    failed: dict[str, ApplianceError] = {}
    for path in sorted(folder.glob("*.json")):
        try:
            lio = lio or load_lio()
            apply_target(read_document(path), secrets, lio)
        except ApplianceError as error:
            LOG.warning("target %s: %s", path.stem, error.message)
            failed[path.stem] = error
    return failed


class _Target:
    """One target on its way to its document."""

    def __init__(self, lio: Any, config: TargetConfig) -> None:  # noqa: ANN401
        self._lio = lio
        self._config = config

    def apply(self, key: str, mutual_key: str) -> None:
        """All parts in the order in which half of them does no harm; enabling comes last."""
        lio, config = self._lio, self._config
        target = lio.Target(lio.FabricModule("iscsi"), config.target)
        group = lio.TPG(target, GROUP)
        self._refuse_disturbance(target, group)
        if not config.enabled or not self._holds_disk(group):
            group.enable = False
        _set_attributes(group)
        self._put_disk(group)
        for acl in list(group.node_acls):
            if acl.node_wwn not in config.initiators:
                acl.delete()
        for initiator in config.initiators:
            self._admit(group, initiator, key, mutual_key)
        _put_portal(lio, group)
        group.enable = config.enabled

    def _refuse_disturbance(self, target: Any, group: Any) -> None:  # noqa: ANN401
        """The plan was made some time ago; whoever has logged in since keeps his disk."""
        config = self._config
        if not config.enabled:
            return
        if not self._holds_disk(group):
            _refuse_if_used(target, config.name)
        for acl in group.node_acls:
            protected = any(mapped.write_protect for mapped in acl.mapped_luns)
            kept = acl.node_wwn in config.initiators and protected == config.read_only
            if acl.session and not kept:
                raise _in_use(config.name, acl.node_wwn)

    def _holds_disk(self, group: Any) -> bool:  # noqa: ANN401
        """LUN 0 is the right device under the right serial already."""
        config = self._config
        for lun in group.luns:
            backstore = lun.storage_object
            return bool(
                lun.lun == LUN
                and backstore.name == config.backstore
                and backstore.udev_path == config.device
                and backstore.wwn == config.serial
            )
        return False

    def _put_disk(self, group: Any) -> None:  # noqa: ANN401
        lio, config = self._lio, self._config
        if self._holds_disk(group):
            return
        for lun in list(group.luns):
            lun.delete()
        for backstore in list(lio.RTSRoot().storage_objects):
            if backstore.name == config.backstore:
                backstore.delete()
        backstore = lio.BlockStorageObject(config.backstore, dev=config.device, wwn=config.serial)
        if _discards(config.device):
            # Freed blocks go back to the thin pool. The write cache needs no setting: for block
            # devices LIO reports the device's own.
            for attribute in ("emulate_tpu", "emulate_tpws"):
                backstore.set_attribute(attribute, 1)
        lio.LUN(group, LUN, backstore, alias=LINK)

    def _admit(self, group: Any, initiator: str, key: str, mutual_key: str) -> None:  # noqa: ANN401
        """Secrets before the disk: an entry without them would let nobody in anyway."""
        lio, config = self._lio, self._config
        acl = lio.NodeACL(group, initiator)
        mutual_user = config.mutual.user if config.mutual else ""
        for attribute, value in (
            ("chap_userid", config.chap.user),
            ("chap_password", key),
            ("chap_mutual_userid", mutual_user),
            ("chap_mutual_password", mutual_key),
        ):
            if getattr(acl, attribute) != value:
                setattr(acl, attribute, value)
        mapped = list(acl.mapped_luns)
        if mapped and all(item.write_protect == config.read_only for item in mapped):
            return
        for item in mapped:
            item.delete()
        lio.MappedLUN(acl, LUN, LUN, write_protect=config.read_only, alias=MAPPED)


def _set_attributes(group: Any) -> None:  # noqa: ANN401
    for attribute, value in TPG_ATTRIBUTES.items():
        if group.get_attribute(attribute) != value:
            group.set_attribute(attribute, value)


def _put_portal(lio: Any, group: Any) -> None:  # noqa: ANN401
    address, _, port = PORTAL.rpartition(":")
    for portal in list(group.network_portals):
        if (portal.ip_address, portal.port) != (address, int(port)):
            portal.delete()
    lio.NetworkPortal(group, address, int(port))


def _discards(device: str) -> bool:
    """Whether the device takes discards; LIO refuses to offer UNMAP for one that does not."""
    number = Path(device).stat().st_rdev
    limit = Path(f"/sys/dev/block/{os.major(number)}:{os.minor(number)}/queue/discard_max_bytes")
    return limit.exists() and int(limit.read_text()) > 0


def _keys(config: TargetConfig, secrets: Secrets) -> tuple[str, str]:
    key = _checked(secrets(config.chap.secret), config.chap, config.name)
    if config.mutual is None:
        return key, ""
    mutual_key = _checked(secrets(config.mutual.secret), config.mutual, config.name)
    if mutual_key == key:
        raise InvalidInputError(
            f"LUN '{config.name}' has one CHAP secret for both directions.",
            hint=f"Store another one: appliance secret set {config.mutual.secret} "
            "(RFC 7143, part 9.2.1)",
            subject=f"lun/{config.name}",
        )
    return key, mutual_key


def _checked(value: str, chap: Chap, name: str) -> str:
    if len(value.encode()) not in SECRET_LENGTHS:
        raise InvalidInputError(
            f"The CHAP secret '{chap.secret}' of LUN '{name}' has {len(value.encode())} bytes; "
            f"it must have {SECRET_LENGTHS[0]} to {SECRET_LENGTHS[-1]}.",
            hint=f"Store one of that length: appliance secret set {chap.secret}",
            subject=f"secret/{chap.secret}",
        )
    return value


def _refuse_if_used(target: Any, name: str) -> None:  # noqa: ANN401
    for group in target.tpgs:
        for acl in group.node_acls:
            if acl.session:
                raise _in_use(name, acl.node_wwn)


def _in_use(name: str, initiator: str) -> RefusedError:
    return RefusedError(
        f"LUN '{name}' is in use: initiator {initiator} is logged in.",
        hint="Log out on the initiator first, then try again.",
        subject=f"lun/{name}",
    )


@contextmanager
def _kernel_errors(lio: Any, subject: str) -> Iterator[None]:  # noqa: ANN401
    """What rtslib and configfs raise, as an error of ours."""
    try:
        yield
    except (OSError, lio.RTSLibError) as error:
        raise StepFailedError(
            f"The kernel did not take {subject}: {error}.",
            hint="Look at the kernel's log: journalctl -k; and whether the volume is there: lvs",
            subject=subject,
        ) from error
