"""Each rule on both sides of its threshold, on a reading that shows nothing else."""

from __future__ import annotations

import pytest

from appliance.health.judge import judge
from appliance.health.rules import Level, Rule, RuleBook, rule_book
from appliance.model.smart import NamedCount, SelfTest, SmartReading
from appliance.model.verdict import Confidence, Grade, Part
from tests.unit.health.readings import attribute, hdd, nvme, sas, ssd

H, W, P, F = Grade.HEALTHY, Grade.WATCH, Grade.PREFAIL, Grade.FAILING

SEEKS = 52_383_508_216
"""A real drive's attribute 7: 12 errors in 843 million seeks."""


def crc_page(value: int) -> tuple[NamedCount, ...]:
    name = "Number of Interface CRC Errors"
    return (NamedCount(group="Transport Statistics", name=name, value=value),)


def used_page(value: int) -> tuple[NamedCount, ...]:
    name = "Percentage Used Endurance Indicator"
    return (NamedCount(group="Solid State", name=name, value=value),)


def phy(value: int) -> tuple[NamedCount, ...]:
    return (NamedCount(group="sata", name="Command failed due to ICRC error", value=value),)


def log_of(*outcomes: tuple[str, bool | None]) -> tuple[SelfTest, ...]:
    return tuple(SelfTest(kind=kind, outcome="as told", passed=ok) for kind, ok in outcomes)


CASES: list[tuple[str, SmartReading, Grade, Part]] = [
    ("self-assessment-failed", hdd(passed=True), H, Part.NONE),
    ("self-assessment-failed", hdd(passed=False), F, Part.DISK),
    ("self-assessment-failed", nvme(passed=False), F, Part.DISK),
    ("prefail-attribute-now", hdd(attribute(3, prefailure=True)), H, Part.NONE),
    ("prefail-attribute-now", hdd(attribute(3, prefailure=True, when_failed="now")), F, Part.DISK),
    ("oldage-attribute-now", hdd(attribute(184, when_failed="now")), P, Part.DISK),
    ("oldage-attribute-now", hdd(attribute(184, when_failed="past")), H, Part.NONE),
    (
        "prefail-attribute-past",
        hdd(attribute(3, prefailure=True, when_failed="past")),
        W,
        Part.DISK,
    ),
    ("heat-attribute-now", hdd(attribute(190, when_failed="now")), P, Part.ENCLOSURE),
    ("heat-attribute-now", hdd(attribute(190, when_failed="past")), H, Part.NONE),
    ("self-test-failed", hdd(self_tests=log_of(("extended", False))), F, Part.DISK),
    ("self-test-failed", hdd(self_tests=log_of(("extended", None))), H, Part.NONE),
    (
        "self-test-failed",
        hdd(self_tests=log_of(("short", True), ("extended", False))),
        F,
        Part.DISK,
    ),
    (
        "self-test-failed",
        hdd(self_tests=log_of(("extended", True), ("short", False))),
        H,
        Part.NONE,
    ),
    ("ata-error-log", hdd(error_count=98), H, Part.NONE),
    ("reallocated", hdd(attribute(5, 0)), H, Part.NONE),
    ("reallocated", hdd(attribute(5, 1)), P, Part.DISK),
    ("uncorrectable", hdd(attribute(187, 0)), H, Part.NONE),
    ("uncorrectable", hdd(attribute(187, 1)), P, Part.DISK),
    ("pending", hdd(attribute(197, 0)), H, Part.NONE),
    ("pending", hdd(attribute(197, 1)), P, Part.DISK),
    ("pending", hdd(pending_defects=1), P, Part.DISK),
    ("offline-uncorrectable", hdd(attribute(198, 0)), H, Part.NONE),
    ("offline-uncorrectable", hdd(attribute(198, 1)), P, Part.DISK),
    ("offline-uncorrectable", hdd(attribute(198, 9, raw_text="0/9")), H, Part.NONE),
    ("end-to-end", hdd(attribute(184, 0)), H, Part.NONE),
    ("end-to-end", hdd(attribute(184, 1)), W, Part.DISK),
    ("spin-retries", hdd(attribute(10, 0)), H, Part.NONE),
    ("spin-retries", hdd(attribute(10, 1)), W, Part.DISK),
    ("helium-lost", hdd(attribute(22, value=96)), H, Part.NONE),
    ("helium-lost", hdd(attribute(22, value=95)), W, Part.DISK),
    ("helium-lost", hdd(attribute(22, value=50)), P, Part.DISK),
    ("command-timeouts", hdd(attribute(188, 99)), H, Part.NONE),
    ("command-timeouts", hdd(attribute(188, 100)), W, Part.CABLE),
    # 12 time-outs, 12 slow commands twice: Seagate's three numbers in one.
    ("command-timeouts", hdd(attribute(188, 51_540_393_996)), H, Part.NONE),
    ("seek-errors", hdd(attribute(7, SEEKS)), H, Part.NONE),
    ("read-errors", hdd(attribute(1, 2**32 + 5)), H, Part.NONE),
    ("reallocated-flash", ssd(attribute(5, 0)), H, Part.NONE),
    ("reallocated-flash", ssd(attribute(5, 9)), W, Part.DISK),
    ("reallocated-flash", ssd(attribute(5, 10)), P, Part.DISK),
    ("uncorrectable-flash", ssd(attribute(187, 0)), H, Part.NONE),
    ("uncorrectable-flash", ssd(attribute(187, 1)), W, Part.DISK),
    ("uncorrectable-flash", ssd(attribute(187, 10)), P, Part.DISK),
    ("pending-flash", ssd(attribute(197, 0)), H, Part.NONE),
    ("pending-flash", ssd(attribute(197, 1)), W, Part.DISK),
    ("pending-flash", ssd(attribute(197, 10)), P, Part.DISK),
    ("offline-uncorrectable-flash", ssd(attribute(198, 9)), W, Part.DISK),
    ("offline-uncorrectable-flash", ssd(attribute(198, 10)), P, Part.DISK),
    ("program-fails", ssd(attribute(171, 9)), H, Part.NONE),
    ("program-fails", ssd(attribute(171, 10)), W, Part.DISK),
    ("erase-fails", ssd(attribute(172, 9)), H, Part.NONE),
    ("erase-fails", ssd(attribute(172, 10)), W, Part.DISK),
    ("endurance-used-ata", ssd(attribute(177, value=21)), H, Part.NONE),
    ("endurance-used-ata", ssd(attribute(231, value=20)), W, Part.DISK),
    ("endurance-used-ata", ssd(attribute(233, value=10)), P, Part.DISK),
    # A normalized 0 without a threshold: the drive keeps no such value.
    ("endurance-used-ata", ssd(attribute(233, value=0, threshold=0)), H, Part.NONE),
    ("endurance-used-ata", ssd(attribute(233, value=0, threshold=1)), P, Part.DISK),
    ("endurance-used", ssd(statistics=used_page(79)), H, Part.NONE),
    ("endurance-used", ssd(statistics=used_page(80)), P, Part.DISK),
    ("endurance-used", nvme(percentage_used=79), H, Part.NONE),
    ("endurance-used", nvme(percentage_used=80), P, Part.DISK),
    ("endurance-used", nvme(percentage_used=99), P, Part.DISK),
    ("endurance-used", nvme(percentage_used=100), F, Part.DISK),
    ("endurance-used", sas(endurance_used_percent=80), P, Part.DISK),
    ("interface-crc", hdd(attribute(199, 0)), H, Part.NONE),
    ("interface-crc", hdd(attribute(199, 1)), W, Part.CABLE),
    ("interface-crc", ssd(statistics=crc_page(4)), W, Part.CABLE),
    ("sata-link-crc", ssd(phy_events=phy(0)), H, Part.NONE),
    ("sata-link-crc", ssd(phy_events=phy(1)), W, Part.CABLE),
    ("sas-invalid-dwords", sas(links={"Invalid DWORD count": 99}), H, Part.NONE),
    ("sas-invalid-dwords", sas(links={"Invalid DWORD count": 100}), W, Part.CABLE),
    ("sas-disparity", sas(links={"running disparity error count": 99}), H, Part.NONE),
    ("sas-disparity", sas(links={"running disparity error count": 100}), W, Part.CABLE),
    ("sas-sync-losses", sas(links={"loss of dword synchronization count": 49}), H, Part.NONE),
    ("sas-sync-losses", sas(links={"loss of dword synchronization count": 50}), W, Part.CABLE),
    ("sas-reset-problems", sas(links={"phy reset problem count": 9}), H, Part.NONE),
    ("sas-reset-problems", sas(links={"phy reset problem count": 10}), W, Part.BAY),
    ("non-medium-errors", sas(non_medium_errors=9_999), H, Part.NONE),
    ("non-medium-errors", sas(non_medium_errors=10_000), W, Part.CABLE),
    ("scsi-prediction", sas(passed=False, sense=(0x5D, 0x10)), F, Part.DISK),
    ("scsi-prediction", sas(passed=False, sense=(0x5D, 0xFF)), H, Part.NONE),
    ("scsi-warning", sas(passed=False, sense=(0x0B, 0x05)), P, Part.DISK),
    ("scsi-heat-warning", sas(passed=False, sense=(0x0B, 0x01)), P, Part.ENCLOSURE),
    ("read-uncorrected", sas(read=0), H, Part.NONE),
    ("read-uncorrected", sas(read=1), P, Part.DISK),
    ("write-uncorrected", sas(write=1), F, Part.DISK),
    ("verify-uncorrected", sas(verify=1), F, Part.DISK),
    ("grown-defects", sas(grown_defects=0), H, Part.NONE),
    ("grown-defects", sas(grown_defects=9), W, Part.DISK),
    ("grown-defects", sas(grown_defects=10), P, Part.DISK),
    ("grown-defects", sas(grown_defects=999), P, Part.DISK),
    ("grown-defects", sas(grown_defects=1000), F, Part.DISK),
    ("pending-defects", sas(pending_defects=0), H, Part.NONE),
    ("pending-defects", sas(pending_defects=1), P, Part.DISK),
    ("scan-halted", sas(background_scan="scan is active"), H, Part.NONE),
    ("scan-halted", sas(background_scan="halted due to fatal error"), F, Part.DISK),
    (
        "scan-halted-heat",
        sas(background_scan="halted due to temperature out of range"),
        W,
        Part.ENCLOSURE,
    ),
    ("nvme-spare-low", nvme(available_spare=11), H, Part.NONE),
    ("nvme-spare-near", nvme(available_spare=10), W, Part.DISK),
    ("nvme-spare-near", nvme(available_spare=0, spare_threshold=0), H, Part.NONE),
    ("nvme-spare-low", nvme(available_spare=9), F, Part.DISK),
    ("nvme-spare-low", nvme(passed=False, critical_warning=0x01), F, Part.DISK),
    ("nvme-hot", nvme(passed=False, critical_warning=0x02), P, Part.ENCLOSURE),
    ("nvme-reliability", nvme(passed=False, critical_warning=0x04), F, Part.DISK),
    ("nvme-read-only", nvme(passed=False, critical_warning=0x08), F, Part.DISK),
    ("nvme-backup-failed", nvme(passed=False, critical_warning=0x10), F, Part.DISK),
    ("nvme-memory-unreliable", nvme(passed=False, critical_warning=0x20), P, Part.DISK),
    ("nvme-media-errors", nvme(media_errors=0), H, Part.NONE),
    ("nvme-media-errors", nvme(media_errors=1), P, Part.DISK),
    ("nvme-error-log", nvme(error_log_entries=8382), H, Part.NONE),
    ("nvme-critical-minutes", nvme(critical_minutes=0), H, Part.NONE),
    ("nvme-critical-minutes", nvme(critical_minutes=1), W, Part.ENCLOSURE),
    ("over-limit", sas(temperature_c=59, temperature_limit_c=60), H, Part.NONE),
    ("over-limit", ssd(temperature_c=70, temperature_limit_c=70), W, Part.ENCLOSURE),
    ("over-limit", ssd(temperature_c=75, temperature_limit_c=70), P, Part.ENCLOSURE),
    # A controller that tells 0 for "I do not know".
    ("over-limit", sas(temperature_c=0, temperature_limit_c=0), H, Part.NONE),
    ("hot-disk", hdd(temperature_c=60), H, Part.NONE),
    ("hot-disk", hdd(temperature_c=61), W, Part.ENCLOSURE),
]


@pytest.mark.parametrize(("name", "reading", "grade", "part"), CASES)
def test_each_rule_on_both_sides(name: str, reading: SmartReading, grade: Grade, part: Part):
    verdict = judge(reading)
    assert (verdict.verdict, verdict.part) == (grade, part)
    if grade is not Grade.HEALTHY:
        assert verdict.evidence[0].grade is grade
        assert name in {line.rule for line in verdict.evidence}
        assert verdict.next_step != "Nothing to do."


NOTICED: list[tuple[str, int, Grade, Part]] = [
    ("kernel-no-answer", 1, F, Part.BAY),
    ("kernel-raid-dropped", 1, F, Part.DISK),
    ("kernel-wrong-checksums", 1, W, Part.DISK),
    ("kernel-wrong-checksums", 10, P, Part.DISK),
    ("kernel-medium-errors", 1, P, Part.DISK),
    ("kernel-io-errors", 1, W, Part.DISK),
    ("kernel-io-errors", 9, W, Part.DISK),
    ("kernel-io-errors", 10, P, Part.DISK),
    ("smart-silent", 2, W, Part.DISK),
]


@pytest.mark.parametrize(("name", "value", "grade", "part"), NOTICED)
def test_what_is_noticed_from_outside_counts_with_and_without_a_reading(
    name: str, value: int, grade: Grade, part: Part
):
    for reading in (hdd(), SmartReading(error="SMART support is: Unavailable")):
        verdict = judge(reading, noticed={name: value})
        assert (verdict.verdict, verdict.part) == (grade, part)
        assert verdict.evidence[0].rule == name
        assert verdict.evidence[0].source
        assert verdict.next_step != "Nothing to do."


def test_one_miss_is_no_sign_and_leaves_a_disk_unknown():
    assert judge(hdd(), noticed={"smart-silent": 1}).verdict is Grade.HEALTHY
    silent = judge(SmartReading(error="hangs"), noticed={"smart-silent": 1})
    assert silent.verdict is Grade.UNKNOWN


def test_what_the_drive_does_not_tell_stays_in_the_evidence():
    verdict = judge(SmartReading(error="it hangs"), noticed={"kernel-no-answer": 3})
    assert [line.rule for line in verdict.evidence] == ["kernel-no-answer", "no-reading"]
    assert "3 commands lost" in verdict.evidence[0].words


def test_every_rule_has_a_case():
    tried = {name for name, *_ in CASES} | {name for name, *_ in NOTICED}
    assert {rule.name for rule in rule_book().rules} == tried


def test_every_line_names_its_source_and_number():
    for name, reading, _, _ in CASES:
        for line in judge(reading).evidence:
            if line.rule == name:
                assert line.source
                assert line.value is not None


def test_packed_values_are_unpacked_in_words():
    words = {line.rule: line for line in judge(hdd(attribute(7, SEEKS))).evidence}
    assert words["seek-errors"].value == 12
    packed = hdd(attribute(188, 0x0002_0003_0004))
    lines = {line.rule: line for line in judge(packed).evidence}
    assert lines["command-timeouts"].value == 4


def test_an_attribute_counts_only_under_a_name_that_means_it():
    assert judge(ssd(attribute(197, 7, name="Not_In_Use"))).verdict is Grade.HEALTHY
    assert judge(ssd(attribute(233, value=1, name="Flash_Writes_GiB"))).verdict is Grade.HEALTHY


def test_levels_must_get_worse_upwards():
    low = Level(at_least=1, grade=Grade.PREFAIL, confidence=Confidence.LOW)
    high = Level(at_least=9, grade=Grade.WATCH, confidence=Confidence.LOW)
    settings = {"name": "x", "part": "disk", "words": "x", "next_step": "x", "source": "x"}
    with pytest.raises(ValueError, match="rise in value"):
        Rule.model_validate({**settings, "levels": (low, high)})
    unknown = low.model_copy(update={"grade": Grade.UNKNOWN})
    with pytest.raises(ValueError, match="unknown"):
        Rule.model_validate({**settings, "levels": (unknown,)})


def test_a_source_nobody_uses_is_a_mistake():
    book = rule_book()
    parts = {key: getattr(book, key) for key in RuleBook.model_fields}
    with pytest.raises(ValueError, match="never used"):
        RuleBook.model_validate({**parts, "sources": {**book.sources, "hearsay": "x"}})
    with pytest.raises(ValueError, match="same name"):
        RuleBook.model_validate({**parts, "rules": (*book.rules, book.rules[0])})
