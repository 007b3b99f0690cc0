"""The smallest readings that make a point."""

from __future__ import annotations

from typing import Any

from appliance.model.smart import (
    AtaAttribute,
    AtaHealth,
    ErrorCounter,
    NamedCount,
    NvmeHealth,
    ScsiHealth,
    SmartProtocol,
    SmartReading,
)

NAMES = {
    1: "Raw_Read_Error_Rate",
    5: "Reallocated_Sector_Ct",
    7: "Seek_Error_Rate",
    10: "Spin_Retry_Count",
    22: "Helium_Level",
    169: "Remaining_Lifetime_Perc",
    171: "Program_Fail_Count",
    172: "Erase_Fail_Count",
    177: "Wear_Leveling_Count",
    184: "End-to-End_Error",
    187: "Reported_Uncorrect",
    188: "Command_Timeout",
    190: "Airflow_Temperature_Cel",
    197: "Current_Pending_Sector",
    198: "Offline_Uncorrectable",
    199: "UDMA_CRC_Error_Count",
    231: "SSD_Life_Left",
    233: "Media_Wearout_Indicator",
}


def attribute(number: int, raw: int = 0, **fields: Any) -> AtaAttribute:
    """An attribute in order, but for its raw value and what else is given."""
    settings: dict[str, Any] = {
        "name": NAMES.get(number, "Unknown_Attribute"),
        "value": 100,
        "raw_text": str(raw),
    }
    return AtaAttribute(id=number, raw=raw, **(settings | fields))


def hdd(*attributes: AtaAttribute, **fields: Any) -> SmartReading:
    """A SATA disk that says it passed."""
    return ata(7200, *attributes, **fields)


def ssd(*attributes: AtaAttribute, **fields: Any) -> SmartReading:
    """A SATA SSD that says it passed."""
    return ata(0, *attributes, **fields)


def ata(rpm: int | None, *attributes: AtaAttribute, **fields: Any) -> SmartReading:
    """A SATA drive."""
    parts = {key: fields.pop(key) for key in tuple(fields) if key in AtaHealth.model_fields}
    health = AtaHealth(attributes=(attribute(12, 3), *attributes), **parts)
    settings: dict[str, Any] = {"passed": True, "model": "ST4000NM0035"} | fields
    return SmartReading(protocol=SmartProtocol.ATA, rotation_rpm=rpm, ata=health, **settings)


def nvme(*, passed: bool = True, **fields: int) -> SmartReading:
    """An NVMe drive in order, but for what is given."""
    log = {
        "critical_warning": 0,
        "available_spare": 100,
        "spare_threshold": 10,
        "percentage_used": 1,
        "media_errors": 0,
        "error_log_entries": 0,
        "unsafe_shutdowns": 0,
        "data_units_read": 0,
        "data_units_written": 0,
    }
    return SmartReading(
        protocol=SmartProtocol.NVME, passed=passed, nvme=NvmeHealth(**(log | fields))
    )


def sas(read: int = 0, write: int = 0, verify: int = 0, **fields: Any) -> SmartReading:
    """A SAS disk in order, but for what is given."""
    reading = {key: fields.pop(key) for key in tuple(fields) if key in SmartReading.model_fields}
    links = fields.pop("links", {})
    health = ScsiHealth(
        **({"grown_defects": 0} | fields),
        read=ErrorCounter(uncorrected=read),
        write=ErrorCounter(uncorrected=write),
        verify=ErrorCounter(uncorrected=verify),
        phy_events=tuple(
            NamedCount(group="port 0 phy 0", name=name, value=value)
            for name, value in links.items()
        ),
    )
    settings: dict[str, Any] = {
        "passed": True,
        "vendor": "HGST",
        "model": "HGST HUH721212AL4204",
    } | reading
    return SmartReading(protocol=SmartProtocol.SCSI, rotation_rpm=7200, scsi=health, **settings)
