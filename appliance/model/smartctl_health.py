"""Health logs of ATA, NVMe and SCSI drives out of smartctl's JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from appliance.model.json_tree import Tree
from appliance.model.smart import (
    AtaAttribute,
    AtaHealth,
    ErrorCounter,
    NamedCount,
    NvmeHealth,
    ScsiHealth,
)

_GROWN_DEFECTS_RIGHT: Final = (7, 2)
"""Before this version scsi_grown_defect_list is a length in bytes, eight a defect."""
_DEFECT_BYTES: Final = 8
_NOT_MEASURED: Final = 253
"""SFF-8035i: an attribute's value before anything was measured."""
_FULL: Final = 100


def smartctl_version(root: Tree) -> tuple[int, int]:
    """Major and minor version of the smartctl that wrote the report, zeros when it does not say."""
    numbers = [row.count for row in root.at("smartctl", "version").rows()]
    return (numbers[0], numbers[1]) if len(numbers) > 1 else (0, 0)


def ata_health(root: Tree) -> AtaHealth | None:
    """What an ATA drive tells; None when it is none or tells nothing."""
    log = root.at("ata_smart_error_log")
    errors = log.at("extended", "count").number
    health = AtaHealth(
        attributes=tuple(map(_attribute, root.at("ata_smart_attributes", "table").rows())),
        error_count=log.at("summary", "count").number if errors is None else errors,
        pending_defects=root.at("ata_pending_defects_log", "count").number,
        statistics=tuple(_statistics(root)),
        phy_events=tuple(
            NamedCount(group="sata", name=row.at("name").text, value=row.at("value").count)
            for row in root.at("sata_phy_event_counters", "table").rows()
        ),
    )
    return None if health == AtaHealth() else health


def _attribute(row: Tree) -> AtaAttribute:
    value = row.at("value").number
    return AtaAttribute(
        id=row.at("id").count,
        name=row.at("name").text,
        value=_NOT_MEASURED if value is None else value,
        worst=row.at("worst").number,
        threshold=row.at("thresh").number,
        prefailure=row.at("flags", "prefailure").truth or False,
        when_failed=row.at("when_failed").text,
        raw=row.at("raw", "value").count,
        raw_text=row.at("raw", "string").text,
    )


def _statistics(root: Tree) -> Iterator[NamedCount]:
    for page in root.at("ata_device_statistics", "pages").rows():
        for row in page.at("table").rows():
            value = row.at("value").number
            if value is not None and row.at("flags", "valid").truth:
                yield NamedCount(group=page.at("name").text, name=row.at("name").text, value=value)


def nvme_health(root: Tree) -> NvmeHealth | None:
    """NVMe's health log; None when it is not there."""
    log = root.at("nvme_smart_health_information_log")
    if not log:
        return None
    spare = log.at("available_spare").number
    return NvmeHealth(
        critical_warning=log.at("critical_warning").count,
        available_spare=_FULL if spare is None else spare,
        spare_threshold=log.at("available_spare_threshold").count,
        percentage_used=log.at("percentage_used").count,
        media_errors=log.at("media_errors").count,
        error_log_entries=log.at("num_err_log_entries").count,
        unsafe_shutdowns=log.at("unsafe_shutdowns").count,
        data_units_read=log.at("data_units_read").count,
        data_units_written=log.at("data_units_written").count,
        warning_minutes=log.at("warning_temp_time").count,
        critical_minutes=log.at("critical_comp_time").count,
    )


def scsi_health(root: Tree) -> ScsiHealth:
    """What a SAS or SCSI drive tells; fields it does not tell are None."""
    asc = root.at("smart_status", "scsi", "asc").number
    scan = root.at("scsi_background_scan")
    return ScsiHealth(
        grown_defects=_grown_defects(root),
        pending_defects=root.at("scsi_pending_defects", "count").number,
        read=_counter(root, "read"),
        write=_counter(root, "write"),
        verify=_counter(root, "verify"),
        background_scan=scan.at("status", "string").text,
        background_scan_findings=sum(key.startswith("result_") for key, _ in scan.items()),
        phy_events=tuple(_phy_events(root)),
        non_medium_errors=root.at("scsi_non_medium_errors").number,
        sense=None if asc is None else (asc, root.at("smart_status", "scsi", "ascq").count),
    )


def _grown_defects(root: Tree) -> int | None:
    counted = root.at("scsi_grown_defects").number  # of a text report, right in all versions
    if counted is not None:
        return counted
    told = root.at("scsi_grown_defect_list").number
    version = smartctl_version(root)
    # A report without a version is judged by its field names: "vendor" was renamed in 7.3.
    old = version < _GROWN_DEFECTS_RIGHT if version != (0, 0) else bool(root.at("vendor"))
    return told // _DEFECT_BYTES if told is not None and old else told


def _counter(root: Tree, row: str) -> ErrorCounter | None:
    here = root.at("scsi_error_counter_log", row)
    if not here:
        return None
    return ErrorCounter(
        corrected=here.at("total_errors_corrected").count,
        corrected_fast=here.at("errors_corrected_by_eccfast").count,
        corrected_delayed=here.at("errors_corrected_by_eccdelayed").count,
        rereads=here.at("errors_corrected_by_rereads_rewrites").count,
        uncorrected=here.at("total_uncorrected_errors").count,
        bytes_processed=round(here.at("gigabytes_processed").decimal * 10**9),
    )


def _phy_events(root: Tree) -> Iterator[NamedCount]:
    """Link error counts of every phy; they accuse the cable, not the disk."""
    for port, ports in root.items():
        if port.startswith("scsi_sas_port_"):
            for phy, counters in ports.items():
                yield from _phy_counts(f"port {port.rpartition('_')[2]} {phy}", counters.items())


def _phy_counts(group: str, counters: Iterable[tuple[str, Tree]]) -> Iterator[NamedCount]:
    for name, place in counters:
        value = place.number
        if value is not None and name.lower().endswith("count"):
            yield NamedCount(
                group=group.replace("_", " "), name=name.replace("_", " "), value=value
            )
