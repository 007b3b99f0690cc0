"""Global hot spares: a disk kept for whichever pool loses one first."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from typing_extensions import override

from appliance.errors import InvalidInputError, NotFoundError
from appliance.kinds.base import Change, Kind, Probe, View
from appliance.kinds.documents import document_path, documents_in, unreadable
from appliance.kinds.pool_disks import check_blank, disks_of
from appliance.model.pool import PoolSpec
from appliance.model.resource import Finding
from appliance.model.spare import SPARE_DIR, SpareFound, SpareSpec
from appliance.model.steps import RemoveFileStep, Step, WriteFileStep


class SpareKind(Kind[SpareSpec, SpareFound]):
    """A blank disk that takes a lost one's place in any pool, once none of the pool's own fits."""

    noun = "spare"
    title = "a blank disk that takes a lost one's place in whichever pool needs it"
    rank = 65
    spec_type = SpareSpec
    found_type = SpareFound
    columns = ("disk",)

    @override
    def observe(self, probe: Probe) -> Mapping[str, SpareFound]:
        """Every document in the spares' folder."""
        documents = documents_in(SPARE_DIR, probe)
        return {name: SpareFound(disk=_serial_in(text)) for name, text in documents}

    @override
    def resolve(self, name: str, spec: SpareSpec, view: View) -> SpareSpec:
        """The disk becomes a serial; it is blank, and nobody else wants it."""
        found = view.found(self.noun).get(name)
        known = found.disk if isinstance(found, SpareFound) else ""
        disk = view.snapshot.disk(spec.disk)
        if disk is None and spec.disk != known:
            raise NotFoundError(
                f"There is no disk '{spec.disk}', which spare '{name}' is to be.",
                hint="List bays, serials and WWNs with: appliance disk list",
                subject=f"spare/{name}",
            )
        serial = disk.serial if disk else spec.disk
        self._check_others(name, serial, view)
        check_blank(serial, f"spare/{name}", view, tags=(known,))
        return SpareSpec(disk=serial)

    @override
    def plan(self, change: Change[SpareSpec, SpareFound], view: View) -> Iterator[Step]:
        """Write the document where it differs, or remove it."""
        resource, path = f"spare/{change.name}", document_path(SPARE_DIR, change.name)
        if change.wanted is None:
            if change.found is not None:
                yield RemoveFileStep(
                    title=f"{_where(change.found.disk, view)} is no spare any more",
                    resource=resource,
                    path=path,
                )
        elif change.found is None or change.found.disk != change.wanted.disk:
            yield WriteFileStep(
                title=f"Keep {_where(change.wanted.disk, view)} as a spare for any pool",
                resource=resource,
                path=path,
                content=json.dumps({"disk": change.wanted.disk}) + "\n",
            )

    @override
    def health(self, name: str, found: SpareFound) -> tuple[Finding, ...]:
        """A document that cannot be read keeps no disk."""
        return () if found.disk else (unreadable(self.noun, name, so="is none"),)

    @override
    def adopt(self, name: str, found: SpareFound) -> SpareSpec | None:
        """As its document says."""
        return SpareSpec(disk=found.disk) if found.disk else None

    def _check_others(self, name: str, serial: str, view: View) -> None:
        wanted = {
            _serial(reference, view): f"pool '{pool}'"
            for pool, spec in view.specs("pool").items()
            if isinstance(spec, PoolSpec)
            for reference in disks_of(spec)
        }
        wanted |= {
            _serial(spec.disk, view): f"spare '{other}'"
            for other, spec in view.specs(self.noun).items()
            if other != name and isinstance(spec, SpareSpec)
        }
        if serial in wanted:
            raise InvalidInputError(
                f"Spare '{name}' wants disk {serial}, and so does {wanted[serial]}.",
                hint="Name each disk in one place only.",
                subject=f"spare/{name}",
            )


def _serial(reference: str, view: View) -> str:
    disk = view.snapshot.disk(reference)
    return disk.serial if disk else reference


def _where(serial: str, view: View) -> str:
    disk = view.snapshot.disk(serial)
    return disk.where if disk else f"serial {serial}"


def _serial_in(text: str) -> str:
    try:
        disk = json.loads(text)["disk"]
    except (ValueError, KeyError, TypeError):
        return ""
    return disk if isinstance(disk, str) else ""


KIND = SpareKind()
