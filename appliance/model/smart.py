"""A SMART reading: what a drive says of itself, in full and typed, before anybody judges it.

None means that the drive or this version of smartctl does not tell; it never means zero.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from appliance.model.base import VOLATILE, Bytes, Value
from appliance.model.disk import Smart


class SmartProtocol(StrEnum):
    """What the drive was spoken to in. SCSI stands for SAS as well."""

    ATA = "ata"
    NVME = "nvme"
    SCSI = "scsi"
    UNKNOWN = "unknown"


class ExitBit(StrEnum):
    """The bits of smartctl's exit status, smartctl(8) "EXIT STATUS"."""

    USAGE = "usage"
    OPEN_FAILED = "open-failed"
    COMMAND_FAILED = "command-failed"
    """A command to the drive failed; usual behind RAID controllers, the rest is still read."""
    FAILING = "failing"
    PREFAIL = "prefail"
    """A pre-fail attribute is at or under its threshold."""
    PAST = "past"
    """An attribute was at or under its threshold in the past."""
    ERROR_LOG = "error-log"
    TEST_LOG = "test-log"
    """The self-test log holds failures."""


class AtaAttribute(Value):
    """One row of the ATA attribute table. Raw values are vendor's: several numbers may be packed."""

    id: int
    name: str
    value: int
    worst: int | None = None
    threshold: int | None = None
    prefailure: bool = False
    when_failed: str = ""
    """"now", "past" or empty."""
    raw: int
    raw_text: str = ""
    """The raw value as smartctl's drive database decodes it."""

    @property
    def low_word(self) -> int:
        """The lowest 32 bits: the count where higher bits hold minima, maxima or milliseconds."""
        return self.raw & 0xFFFFFFFF

    @property
    def words(self) -> tuple[int, int, int]:
        """The raw value as three 16-bit numbers, lowest first (Seagate's attribute 188)."""
        return self.raw & 0xFFFF, self.raw >> 16 & 0xFFFF, self.raw >> 32 & 0xFFFF


class NamedCount(Value):
    """A counter with its name, from ATA device statistics and SATA or SAS phy counters."""

    group: str
    """The page ("General Errors Statistics") or phy ("port 0 phy 1") it belongs to."""
    name: str
    value: int


class AtaHealth(Value):
    """What an ATA drive tells beyond its attributes."""

    attributes: tuple[AtaAttribute, ...] = ()
    error_count: int | None = None
    pending_defects: int | None = None
    """Entries of GP log 0x0c (ACS-4)."""
    statistics: tuple[NamedCount, ...] = ()
    phy_events: tuple[NamedCount, ...] = ()

    def attribute(self, number: int) -> AtaAttribute | None:
        """The attribute with this id."""
        return next((item for item in self.attributes if item.id == number), None)


class NvmeHealth(Value):
    """NVMe's health log (NVM Express Base Specification, log page 02h)."""

    critical_warning: int
    available_spare: int
    """Percent."""
    spare_threshold: int
    percentage_used: int
    """May exceed 100."""
    media_errors: int
    error_log_entries: int
    unsafe_shutdowns: int
    data_units_read: int
    """Thousands of 512-byte units."""
    data_units_written: int
    warning_minutes: int = 0
    """Minutes over the warning composite temperature."""
    critical_minutes: int = 0


class ErrorCounter(Value):
    """One row of SCSI's error counter log (SPC-5 log pages 02h, 03h, 05h)."""

    corrected: int = 0
    corrected_fast: int = 0
    corrected_delayed: int = 0
    rereads: int = 0
    uncorrected: int = 0
    bytes_processed: Bytes = 0


class ScsiHealth(Value):
    """What a SAS or SCSI drive tells."""

    grown_defects: int | None = None
    pending_defects: int | None = None
    read: ErrorCounter | None = None
    write: ErrorCounter | None = None
    verify: ErrorCounter | None = None
    background_scan: str = ""
    """Status in words; "halted" in it is bad news."""
    background_scan_findings: int = 0
    """Entries the background medium scan left: places it could not read at once."""
    phy_events: tuple[NamedCount, ...] = ()
    non_medium_errors: int | None = None
    """SPC-5 log page 06h: neither read, write nor verify; only smartctl's text form tells it."""
    sense: tuple[int, int] | None = None
    """ASC and ASCQ of a failure prediction: 5Dh is "failure prediction threshold exceeded"."""


class SelfTest(Value):
    """One entry of the self-test log, newest first."""

    kind: str
    """"short", "extended", "conveyance" or as the drive says."""
    outcome: str
    """In the drive's words."""
    passed: bool | None = None
    """None for one that was broken off or still runs."""
    at_hours: int | None = None
    """Power-on hours when it ended."""
    first_bad_lba: int | None = None


class SmartReading(Value):
    """One look at one drive. `error` says why there is no reading; then the rest is empty."""

    device: str = ""
    protocol: SmartProtocol = SmartProtocol.UNKNOWN
    serial: str = ""
    wwn: str = ""
    """0x and the logical unit's identifier; empty when not told."""
    model: str = ""
    vendor: str = ""
    firmware: str = ""
    family: str = ""
    """smartctl's drive database family."""
    size: Bytes | None = None
    rotation_rpm: int | None = None
    """0 for solid state."""
    smartctl_version: tuple[int, int] = (0, 0)
    exit_bits: frozenset[ExitBit] = frozenset()
    messages: tuple[str, ...] = ()
    """What smartctl warned of."""
    standby: bool = False
    """The drive sleeps and was left asleep; there is no reading."""
    supported: bool | None = None
    """Whether SMART is available; None when not told."""
    passed: bool | None = None
    """The drive's own verdict. One line of evidence, no more: many dying drives say yes."""
    verdict_text: str = ""
    temperature_c: Annotated[int | None, VOLATILE] = None
    temperature_limit_c: int | None = None
    power_on_hours: int | None = None
    power_cycles: int | None = None
    endurance_used_percent: int | None = None
    spare_percent: int | None = None
    ata: AtaHealth | None = None
    nvme: NvmeHealth | None = None
    scsi: ScsiHealth | None = None
    self_tests: tuple[SelfTest, ...] = ()
    self_test_remaining_percent: int | None = None
    """None when no self-test runs."""
    error: str = ""

    @property
    def has_health(self) -> bool:
        """Whether anything was read that a judgement could stand on; identity alone is not."""
        counted = self.scsi is not None and (
            self.scsi.grown_defects is not None or self.scsi.read is not None
        )
        return self.passed is not None or self.ata is not None or self.nvme is not None or counted

    def short(self, age_s: float = 0) -> Smart:
        """The short form for lists, with the reading's age in seconds."""
        return Smart(
            passed=self.passed,
            temperature_c=self.temperature_c,
            power_on_hours=self.power_on_hours,
            age_s=age_s,
            error=self.error,
        )
