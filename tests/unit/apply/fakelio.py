"""rtslib as far as targets.py uses it, in memory, with a log of every change."""
# ruff: noqa: N802 - the names are rtslib's

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NoReturn


class RTSLibError(Exception):
    pass


class FakeAcl:
    _log: list[str]
    node_wwn: str
    mapped_luns: list[Any]
    session: dict[str, int] | None
    owner: Any
    chap_userid: str
    chap_password: str
    chap_mutual_userid: str
    chap_mutual_password: str

    def __init__(self, log: list[str], wwn: str) -> None:
        self.__dict__["_log"] = log
        self.__dict__.update(node_wwn=wwn, mapped_luns=[], session=None, owner=None)
        for name in ("userid", "password", "mutual_userid", "mutual_password"):
            self.__dict__[f"chap_{name}"] = ""

    def __setattr__(self, name: str, value: object) -> None:
        if name.startswith("chap_"):
            self._log.append(f"{name} of {self.node_wwn}")
        self.__dict__[name] = value

    def delete(self) -> None:
        self._log.append(f"drop {self.node_wwn}")
        del self.owner.acls[self.node_wwn]


class FakeGroup:
    def __init__(self, lio: FakeLio) -> None:
        self.lio = lio
        self.attributes: dict[str, str] = {"authentication": "0", "generate_node_acls": "1"}
        self.acls: dict[str, FakeAcl] = {}
        self.luns: list[Any] = []
        self.network_portals: list[Any] = []
        self._enabled = False

    @property
    def enable(self) -> bool:
        return self._enabled

    @enable.setter
    def enable(self, value: bool) -> None:
        if value != self._enabled:
            self.lio.log.append(f"enable={value}")
        self._enabled = value

    @property
    def node_acls(self) -> Iterable[FakeAcl]:
        return list(self.acls.values())

    def get_attribute(self, name: str) -> str:
        return self.attributes.get(name, "")

    def set_attribute(self, name: str, value: str) -> None:
        self.lio.log.append(f"{name}={value}")
        self.attributes[name] = value


class FakeTarget:
    def __init__(self, lio: FakeLio, wwn: str) -> None:
        self.lio, self.wwn = lio, wwn
        self.group = FakeGroup(lio)

    @property
    def tpgs(self) -> Iterator[FakeGroup]:
        yield self.group

    def delete(self) -> None:
        del self.lio.targets[self.wwn]


class FakeBackstore:
    def __init__(self, lio: FakeLio, name: str, dev: str, wwn: str) -> None:
        if dev == "/dev/gone":
            msg = "no such device"
            raise RTSLibError(msg)
        self.lio, self.name, self.udev_path, self.wwn = lio, name, dev, wwn
        self.attributes: dict[str, int] = {}
        lio.log.append(f"backstore {dev}")
        lio.backstores[name] = self

    def set_attribute(self, name: str, value: int) -> None:
        self.attributes[name] = value

    def delete(self) -> None:
        del self.lio.backstores[self.name]


class FakePart:
    """A LUN, a mapped LUN or a portal: facts, and a list it takes itself out of."""

    def __init__(self, owner: list[Any], **facts: Any) -> None:
        self.__dict__.update(facts)
        self._owner = owner
        owner.append(self)

    def delete(self) -> None:
        self._owner.remove(self)


class FakeLio:
    RTSLibError = RTSLibError

    def __init__(self) -> None:
        self.log: list[str] = []
        self.targets: dict[str, FakeTarget] = {}
        self.backstores: dict[str, FakeBackstore] = {}

    def group(self, wwn: str) -> FakeGroup:
        return self.targets[wwn].group

    def fail(self) -> NoReturn:
        msg = "configfs is not there"
        raise RTSLibError(msg)

    # What rtslib calls these.

    @property
    def storage_objects(self) -> list[FakeBackstore]:
        return list(self.backstores.values())

    def RTSRoot(self) -> FakeLio:
        return self

    def FabricModule(self, name: str) -> FakeFabric:
        assert name == "iscsi"
        return FakeFabric(self)

    def Target(self, fabric: FakeFabric, wwn: str) -> FakeTarget:
        return self.targets.setdefault(wwn, FakeTarget(self, wwn))

    def TPG(self, target: FakeTarget, tag: int) -> FakeGroup:
        assert tag == 1
        return target.group

    def BlockStorageObject(self, name: str, dev: str, wwn: str) -> FakeBackstore:
        return FakeBackstore(self, name, dev, wwn)

    def LUN(self, group: FakeGroup, number: int, backstore: FakeBackstore, alias: str) -> None:
        FakePart(group.luns, lun=number, storage_object=backstore, alias=alias)

    def NodeACL(self, group: FakeGroup, wwn: str) -> FakeAcl:
        if wwn not in group.acls:
            group.acls[wwn] = FakeAcl(self.log, wwn)
            group.acls[wwn].owner = group
        return group.acls[wwn]

    def MappedLUN(
        self, acl: FakeAcl, number: int, lun: int, write_protect: bool, alias: str
    ) -> None:
        self.log.append(f"map {acl.node_wwn}")
        FakePart(acl.mapped_luns, mapped_lun=number, write_protect=write_protect, alias=alias)

    def NetworkPortal(self, group: FakeGroup, address: str, port: int) -> None:
        if not any((p.ip_address, p.port) == (address, port) for p in group.network_portals):
            self.log.append(f"portal {address}:{port}")
            FakePart(group.network_portals, ip_address=address, port=port)


class FakeFabric:
    def __init__(self, lio: FakeLio) -> None:
        self.lio = lio

    @property
    def targets(self) -> list[FakeTarget]:
        return list(self.lio.targets.values())
