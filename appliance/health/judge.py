"""A reading, its past, what is acknowledged and its peers, to a verdict. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from statistics import median_low
from typing import Final, NamedTuple

from appliance.health.measures import Measure, measures_of, medium_of
from appliance.health.rules import Level, Rule, RuleBook, rule_book
from appliance.health.unreadable import why_unknown
from appliance.model.disk import Medium
from appliance.model.smart import SmartReading
from appliance.model.verdict import Confidence, Evidence, Grade, Part, PastMeasures, Verdict

FEWEST_PEERS: Final = 3
"""Fewer disks of a model say nothing about what is usual for it."""
_EASED: Final[Mapping[Grade, Grade]] = {
    Grade.FAILING: Grade.WATCH,
    Grade.PREFAIL: Grade.WATCH,
    Grade.WATCH: Grade.HEALTHY,
    Grade.HEALTHY: Grade.HEALTHY,
    Grade.UNKNOWN: Grade.UNKNOWN,
}
"""What an acknowledged value still says: known is not the same as gone."""
_SURE: Final = (Confidence.LOW, Confidence.MEDIUM, Confidence.HIGH)
_PARTS: Final = (Part.DISK, Part.BAY, Part.CABLE, Part.HBA, Part.ENCLOSURE, Part.NONE)
"""Among equally bad lines the disk is named first: it holds the data."""


class _Line(NamedTuple):
    evidence: Evidence
    confidence: Confidence
    next_step: str


class Known(NamedTuple):
    """What is known of a disk beside its reading. Measures go by the keys of `measure`."""

    history: Sequence[PastMeasures] = ()
    acknowledged: Mapping[str, int] = {}
    peers: Sequence[Mapping[str, int]] = ()
    """Measures of other disks of the same model."""
    noticed: Mapping[str, int] = {}
    """What was noticed of the disk from outside, counted: the kernel's words, its silence."""


def measure(reading: SmartReading) -> dict[str, int]:
    """The numbers to keep: history, acknowledgements and peers are made of these."""
    return {key: item.value for key, item in measures_of(reading, rule_book()).items()}


def judge(
    reading: SmartReading,
    history: Sequence[PastMeasures] = (),
    acknowledged: Mapping[str, int] | None = None,
    peers: Sequence[Mapping[str, int]] = (),
    noticed: Mapping[str, int] | None = None,
) -> Verdict:
    """What is thought of the disk. A disk that could not be read is unknown, never healthy; what
    was noticed of it from outside counts all the same."""
    book = rule_book()
    known = Known(history, acknowledged or {}, peers, noticed or {})
    unknown = why_unknown(reading, book)
    outside = {key: Measure(key, value) for key, value in known.noticed.items()}
    if unknown is not None:
        lines = _lines(outside, Medium.UNKNOWN, known, book)
        bad = [line for line in lines if line.evidence.grade.rank > 0]
        return _despite(unknown, bad) if bad else unknown
    lines = _lines(measures_of(reading, book) | outside, medium_of(reading), known, book)
    return _verdict(reading, lines)


def _lines(
    measures: Mapping[str, Measure], medium: Medium, known: Known, book: RuleBook
) -> list[_Line]:
    lines = [
        line
        for rule in book.rules
        if rule.key in measures and medium in rule.medium
        for line in _apply(rule, measures[rule.key], known, book)
    ]
    lines.sort(key=lambda line: (-line.evidence.grade.rank, _PARTS.index(line.evidence.part)))
    return lines


def _despite(unknown: Verdict, lines: Sequence[_Line]) -> Verdict:
    """The verdict on a disk that tells nothing of itself, while others have bad news of it."""
    worst = lines[0]
    return Verdict(
        verdict=worst.evidence.grade,
        part=worst.evidence.part,
        confidence=_confidence(lines),
        evidence=(*(line.evidence for line in lines), *unknown.evidence),
        next_step=worst.next_step,
    )


def _verdict(reading: SmartReading, lines: Sequence[_Line]) -> Verdict:
    own = _own_word(reading)
    worst = lines[0] if lines and lines[0].evidence.grade.rank > 0 else None
    evidence = (*(line.evidence for line in lines), own)
    if worst is None:
        return Verdict(
            verdict=Grade.HEALTHY,
            part=Part.NONE,
            confidence=Confidence.HIGH if reading.passed else Confidence.MEDIUM,
            evidence=evidence,
            next_step="Nothing to do.",
        )
    return Verdict(
        verdict=worst.evidence.grade,
        part=worst.evidence.part,
        confidence=_confidence(lines),
        evidence=evidence,
        next_step=worst.next_step,
    )


def _confidence(lines: Sequence[_Line]) -> Confidence:
    """The surest of the worst lines; two that accuse the same part are one step surer."""
    top = lines[0].evidence
    same = [line for line in lines if line.evidence.grade is top.grade]
    same = [line for line in same if line.evidence.part is top.part]
    sure = max(_SURE.index(line.confidence) for line in same)
    return _SURE[min(sure + (len(same) > 1), len(_SURE) - 1)]


def _own_word(reading: SmartReading) -> Evidence:
    words = {True: "passed", False: "failed", None: "nothing"}[reading.passed]
    return Evidence(
        rule="self-assessment",
        grade=Grade.HEALTHY,
        part=Part.NONE,
        words=f"the drive's own verdict: {words}",
    )


def _apply(rule: Rule, found: Measure, known: Known, book: RuleBook) -> Iterator[_Line]:
    """At most one line: by level, by change and by comparison, the worst of them."""
    level = rule.level_of(found.value)
    grade = level.grade if level else Grade.HEALTHY
    before = _risen_from(rule, found, known)
    if before is not None and rule.rising is not None:
        grade = max(grade, rule.rising, key=_rank)
    peers = [peer[rule.key] for peer in known.peers if rule.key in peer]
    usual = median_low(peers) if len(peers) >= FEWEST_PEERS else None
    stands_out = usual is not None and _stands_out(rule, found.value, usual)
    if stands_out and rule.outlier is not None:
        grade = max(grade, rule.outlier.grade, key=_rank)
    accepted = known.acknowledged.get(rule.key) if rule.counter else None
    is_known = accepted is not None and found.value <= accepted
    if is_known:
        grade = _EASED[grade]
    if level is None and before is None and not stands_out:
        return
    evidence = Evidence(
        rule=rule.name,
        grade=grade,
        part=_accused(rule, peers),
        words=_words(rule, found, before=before, accepted=accepted, usual=usual),
        value=found.value,
        threshold=level.at_least if level else None,
        before=before,
        acknowledged=accepted,
        peers=usual,
        source=book.source(rule.source),
    )
    yield _Line(evidence, _sureness(level, before=before, stands_out=stands_out), rule.next_step)


def _rank(grade: Grade) -> int:
    return grade.rank


def _sureness(level: Level | None, *, before: int | None, stands_out: bool) -> Confidence:
    """A number that moves, or that no other disk of the kind shows, is a surer sign."""
    sure = _SURE.index(level.confidence) if level else 0
    return _SURE[min(sure + (before is not None) + stands_out, len(_SURE) - 1)]


def _risen_from(rule: Rule, found: Measure, known: Known) -> int | None:
    """The value it rose from: the acknowledged one, else the lowest that was seen."""
    if not rule.counter and rule.rising is None:
        return None
    start = known.acknowledged.get(rule.key)
    if start is None:
        start = min(
            (past.measures[rule.key] for past in known.history if rule.key in past.measures),
            default=None,
        )
    return start if start is not None and found.value > start else None


def _stands_out(rule: Rule, value: int, usual: int) -> bool:
    limit = rule.outlier
    return limit is not None and value >= max(limit.at_least, limit.factor * usual)


def _accused(rule: Rule, peers: Sequence[int]) -> Part:
    """What most disks of a kind show at once has a cause they share."""
    shared = sum(value > 0 for value in peers)
    if rule.shared_part and shared >= FEWEST_PEERS and 2 * shared > len(peers):
        return rule.shared_part
    return rule.part


def _words(
    rule: Rule, found: Measure, *, before: int | None, accepted: int | None, usual: int | None
) -> str:
    words = [rule.words.format(value=found.value, told=found.told).replace(" ()", "")]
    if accepted is not None and found.value <= accepted:
        words.append(f"acknowledged at {accepted}")
    elif accepted is not None:
        words.append(f"risen since it was acknowledged at {accepted}")
    elif before is not None:
        words.append(f"risen from {before}")
    if usual is not None:
        words.append(f"disks of this model usually have {usual}")
    return "; ".join(words)
