"""Change, acknowledgement and comparison; what no reading can tell."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.health.judge import judge, measure
from appliance.health.measures import medium_of
from appliance.health.rules import rule_book
from appliance.model.disk import Medium
from appliance.model.smart import SmartProtocol, SmartReading
from appliance.model.verdict import Confidence, Grade, Part, PastMeasures, Verdict
from tests.unit.health.readings import ata, attribute, hdd, nvme, sas, ssd

CRC = "interface-crc"
UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""A loaded machine is no failure."""


def past(**measures: int) -> PastMeasures:
    named = {key.replace("_", "-"): value for key, value in measures.items()}
    return PastMeasures(at=datetime(2026, 1, 1, tzinfo=UTC), measures=named)


def test_a_value_that_rose_is_surer_and_says_from_where():
    reading = hdd(attribute(199, 12))
    steady = judge(reading, history=[past(interface_crc=12)])
    rising = judge(reading, history=[past(interface_crc=3), past(interface_crc=9)])
    assert steady.confidence is Confidence.MEDIUM
    assert rising.confidence is Confidence.HIGH
    assert rising.evidence[0].before == 3
    assert "risen from 3" in rising.evidence[0].words


def test_a_counter_that_was_reset_has_not_risen():
    verdict = judge(hdd(attribute(199, 2)), history=[past(interface_crc=90)])
    assert verdict.evidence[0].before is None


def test_a_rise_under_every_level_is_told():
    verdict = judge(ssd(attribute(172, 3)), history=[past(erase_fails=1)])
    assert verdict.verdict is Grade.WATCH
    assert verdict.evidence[0].rule == "erase-fails"


def test_an_acknowledged_value_is_quiet_until_it_rises():
    reading = hdd(attribute(199, 12))
    quiet = judge(reading, acknowledged={CRC: 12})
    again = judge(hdd(attribute(199, 13)), acknowledged={CRC: 12})
    assert quiet.verdict is Grade.HEALTHY
    assert "acknowledged at 12" in quiet.evidence[0].words
    assert (again.verdict, again.part) == (Grade.WATCH, Part.CABLE)
    assert "risen since it was acknowledged at 12" in again.evidence[0].words


def test_known_bad_sectors_are_watched_not_forgotten():
    verdict = judge(hdd(attribute(5, 40)), acknowledged={"reallocated": 40})
    assert (verdict.verdict, verdict.part) == (Grade.WATCH, Part.DISK)


def test_what_is_no_counter_cannot_be_acknowledged():
    verdict = judge(hdd(passed=False), acknowledged={"self-assessment-failed": 1})
    assert verdict.verdict is Grade.FAILING


def test_a_disk_that_stands_out_among_its_kind():
    reading = sas(links={"Invalid DWORD count": 60})
    peers = [{"sas-invalid-dwords": value} for value in (2, 3, 4, 4)]
    assert judge(reading).verdict is Grade.HEALTHY
    verdict = judge(reading, peers=peers)
    assert (verdict.verdict, verdict.part) == (Grade.WATCH, Part.HBA)
    assert verdict.evidence[0].peers == 3
    few = judge(reading, peers=peers[:2])
    assert few.verdict is Grade.HEALTHY
    usual = judge(reading, peers=[{"sas-invalid-dwords": 50}] * 4)
    assert usual.verdict is Grade.HEALTHY


def test_what_most_disks_show_has_a_cause_they_share():
    reading = hdd(attribute(199, 12))
    alone = judge(reading, peers=[{CRC: 0}] * 5)
    shared = judge(reading, peers=[{CRC: 7}] * 4 + [{CRC: 0}])
    assert alone.part is Part.CABLE
    assert shared.part is Part.HBA


def test_the_disk_is_named_before_the_cable():
    verdict = judge(ssd(attribute(199, 5), attribute(5, 2)))
    assert (verdict.verdict, verdict.part) == (Grade.WATCH, Part.DISK)


def test_two_signs_of_one_part_are_surer():
    one = judge(hdd(attribute(5, 1)))
    two = judge(hdd(attribute(5, 1), attribute(187, 1)))
    assert (one.confidence, two.confidence) == (Confidence.LOW, Confidence.MEDIUM)


@pytest.mark.parametrize(
    ("passed", "words"), [(True, "passed"), (False, "failed"), (None, "nothing")]
)
def test_the_drives_own_word_is_one_line(passed: bool | None, words: str):
    verdict = judge(hdd(passed=passed))
    assert verdict.evidence[-1].words == f"the drive's own verdict: {words}"
    if passed is None:
        assert (verdict.verdict, verdict.confidence) == (Grade.HEALTHY, Confidence.MEDIUM)


def volume(vendor: str, product: str) -> SmartReading:
    return SmartReading(
        protocol=SmartProtocol.SCSI, vendor=vendor, model=f"{vendor} {product}".strip()
    )


@pytest.mark.parametrize(
    ("vendor", "product"),
    [
        ("AVAGO", "MR9361-16i"),
        ("Intel", "Raid 1 Volume"),
        ("DELL", "PERC H730P Mini"),
        ("HP", "LOGICAL VOLUME"),
        ("HPE", "LOGICAL VOLUME"),
        ("LSI", "MR9271-8i"),
        ("SMC", "SMC3108"),
        ("Adaptec", "Array"),
        ("ASR8805", "LogicalDrv 0"),
        ("LENOVO", "RAID 930-8i-2GB"),
        ("Areca", "ARC-1882-VOL#00"),
        ("VMware", "Virtual disk"),
        ("Msft", "Virtual Disk"),
        ("QEMU", "QEMU HARDDISK"),
        ("LIO-ORG", "images"),
    ],
)
def test_volumes_are_unknown_whatever_they_say(vendor: str, product: str):
    healthy = sas(vendor=vendor, model=f"{vendor} {product}")
    verdict = judge(healthy)
    assert (verdict.verdict, verdict.part) == (Grade.UNKNOWN, Part.NONE)
    assert verdict.evidence[0].rule == "virtual-disk"


@pytest.mark.parametrize(
    ("vendor", "product"),
    [
        ("SEAGATE", "ST4000NM0023"),
        ("HGST", "HUH721212AL4204"),
        ("HP", "EG0300FAWHV"),
        ("IBM-ESXS", "ST600MM0006"),
        ("NETAPP", "X477_SMEGX04TA07"),
        ("LENOVO-X", "ST900MM0018"),
        ("TOSHIBA", "AL15SEB120N"),
        ("SAMSUNG", "MZILT7T6HALA/007"),
        ("INTEL", "SSDSC2BB480G6"),
    ],
)
def test_drives_sold_by_server_makers_are_drives(vendor: str, product: str):
    assert judge(sas(vendor=vendor, model=f"{vendor} {product}")).verdict is Grade.HEALTHY


def test_a_mirror_that_poses_as_an_ata_drive_is_unknown():
    assert judge(ssd(model="DELLBOSS VD")).verdict is Grade.UNKNOWN
    assert judge(ssd(model="Samsung SSD 860 EVO")).verdict is Grade.HEALTHY


def test_no_reading_is_unknown_and_says_why():
    verdict = judge(SmartReading(error="The drive could not be opened."))
    assert verdict.verdict is Grade.UNKNOWN
    assert verdict.evidence[0].words == "The drive could not be opened."


def test_a_bare_passed_is_not_enough():
    bare = SmartReading(protocol=SmartProtocol.ATA, passed=True)
    verdict = judge(bare)
    assert verdict.verdict is Grade.UNKNOWN
    assert "smartctl -x" in verdict.next_step
    assert judge(bare.model_copy(update={"passed": False})).verdict is Grade.FAILING


def test_a_sleeping_disk_is_left_asleep():
    verdict = judge(SmartReading(standby=True, error="The drive is in standby."))
    assert verdict.verdict is Grade.UNKNOWN
    assert "awake" in verdict.next_step


@pytest.mark.parametrize(
    ("reading", "medium"),
    [
        (hdd(), Medium.HDD),
        (ssd(), Medium.SSD),
        (nvme(), Medium.SSD),
        (ata(None, attribute(7)), Medium.HDD),
        (ata(None, attribute(177)), Medium.SSD),
        (ata(None, attribute(10, name="Unknown_SSD_Attribute")), Medium.SSD),
        (ata(None, model=""), Medium.UNKNOWN),
    ],
)
def test_disk_or_flash(reading: SmartReading, medium: Medium):
    assert medium_of(reading) is medium


def test_the_measures_to_keep_are_the_keys_of_rules():
    kept = measure(hdd(attribute(199, 4), attribute(5, 1), temperature_c=33))
    assert kept == {CRC: 4, "reallocated": 1, "hot-disk": 33}
    keys = {rule.key for rule in rule_book().rules}
    assert kept.keys() <= keys


COUNTERS = st.integers(0, 3000)
KNOWN = st.dictionaries(
    st.sampled_from(sorted({rule.key for rule in rule_book().rules})), COUNTERS, max_size=6
)


def rank(verdict: Verdict) -> int:
    return verdict.verdict.rank


@UNHURRIED
@given(
    values=st.lists(COUNTERS, min_size=6, max_size=6),
    which=st.integers(0, 5),
    more=st.integers(1, 5000),
    flash=st.booleans(),
    before=KNOWN,
    acknowledged=KNOWN,
    peers=st.lists(KNOWN, max_size=5),
)
def test_a_rising_ata_counter_never_improves_a_verdict(
    *,
    values: list[int],
    which: int,
    more: int,
    flash: bool,
    before: dict[str, int],
    acknowledged: dict[str, int],
    peers: list[dict[str, int]],
):
    numbers = (5, 187, 188, 197, 198, 199)
    history = [past(**before)]
    risen = [value + more * (place == which) for place, value in enumerate(values)]
    # 188 counts in 16 bits; above that another of its numbers begins.
    risen[2] = min(risen[2], 0xFFFF)

    def judged(raws: list[int]) -> Verdict:
        attributes = map(attribute, numbers, raws)
        reading = ssd(*attributes) if flash else hdd(*attributes)
        return judge(reading, history=history, acknowledged=acknowledged, peers=peers)

    assert rank(judged(risen)) >= rank(judged(values))


SAS_COUNTERS = ("read", "write", "verify", "grown_defects", "pending_defects", "non_medium_errors")
NVME_COUNTERS = ("media_errors", "percentage_used", "error_log_entries", "critical_minutes")


@UNHURRIED
@given(
    name=st.sampled_from(SAS_COUNTERS),
    start=st.dictionaries(st.sampled_from(SAS_COUNTERS), COUNTERS),
    more=st.integers(1, 20_000),
    before=KNOWN,
    acknowledged=KNOWN,
    peers=st.lists(KNOWN, max_size=5),
)
def test_a_rising_sas_counter_never_improves_a_verdict(
    *,
    name: str,
    start: dict[str, int],
    more: int,
    before: dict[str, int],
    acknowledged: dict[str, int],
    peers: list[dict[str, int]],
):
    start = {name: 0} | start
    history = [past(**before)]
    verdicts = [
        judge(sas(**values), history=history, acknowledged=acknowledged, peers=peers)
        for values in (start, start | {name: start[name] + more})
    ]
    assert rank(verdicts[1]) >= rank(verdicts[0])


@UNHURRIED
@given(
    name=st.sampled_from(NVME_COUNTERS),
    start=st.dictionaries(st.sampled_from(NVME_COUNTERS), COUNTERS),
    more=st.integers(1, 5000),
    acknowledged=KNOWN,
)
def test_a_rising_nvme_counter_never_improves_a_verdict(
    name: str, start: dict[str, int], more: int, acknowledged: dict[str, int]
):
    start = {name: 0} | start
    verdicts = [
        judge(nvme(passed=True, **values), acknowledged=acknowledged)
        for values in (start, start | {name: start[name] + more})
    ]
    assert rank(verdicts[1]) >= rank(verdicts[0])
