"""How values of the API read to people, the same on every face. On plain JSON values, so that the
CLI's light path can use it: imports nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

Json = dict[str, Any]

NOTHING: Final = "-"
MOST: Final = 8
"""Lines a section of the status may have, so that a screen of 24 lines is enough."""
_SEVERITIES: Final = {"critical": "CRITICAL", "warning": "WARNING", "info": "note"}
_ENDED: Final = frozenset({"done", "failed", "undone", "unknown"})
"""See model/job.py, which is not imported here."""
_HEALTH: Final = {"healthy": "ok", "prefail": "PREFAIL", "failing": "FAILING"}
_TONES: Final = {"healthy": "ok", "watch": "warning", "prefail": "warning", "failing": "critical"}
_OUTCOMES: Final = {"ok": ("ok", "ok"), "warning": ("watch", "warning"),
                    "refused": ("REFUSED", "critical")}  # fmt: skip
_QUARANTINE: Final = {
    "new": "new here",
    "not-erased": "not erased: {was}",
    "not-admitted": "not admitted",
}
_STEP: Final = 1024
_SIZE_FIELDS: Final = frozenset({"size", "free", "used", "quota", "memory", "capacity", "usable",
                                 "floor", "ceiling"})  # fmt: skip


class Span(NamedTuple):
    """A piece of a line. The tone (ok, warning, critical) adds to words, it never replaces them."""

    text: str
    tone: str = ""


Line = tuple[Span, ...]


def size(amount: int | None) -> str:
    """Bytes in binary units: 1.5 TiB."""
    if amount is None:
        return NOTHING
    value, unit = float(amount), "B"
    for unit in ("B", "KiB", "MiB", "GiB", "TiB", "PiB"):
        if value < _STEP or unit == "PiB":
            break
        value /= _STEP
    return f"{value:.1f}".removesuffix(".0") + f" {unit}"


def cell(field: str, value: Any) -> str:  # noqa: ANN401 - any JSON value
    """A field's value as a table shows it; the field's name tells its unit."""
    word = field.rpartition(".")[2]
    if value is None or value in ("", [], {}):
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) and (word in _SIZE_FIELDS or word.endswith(("_size", "_free"))):
        return size(value)
    if isinstance(value, int | float) and word.endswith("_percent"):
        return f"{value:.0f} %"
    if isinstance(value, Mapping):
        return ", ".join(f"{key}={cell(key, item)}" for key, item in value.items())
    if isinstance(value, list):
        return ", ".join(cell(word, item) for item in value)
    return str(value)


def clock(moment: str | None) -> str:
    """A moment to the second, in the node's UTC."""
    return moment[:19].replace("T", " ") if moment else NOTHING


def disk_health(disk: Json) -> str:
    """A word on how a disk is, and which part is accused where it is not the disk itself."""
    if disk["missing"]:
        return "MISSING"
    if disk["size"] is None:
        return "no capacity"
    verdict = disk["verdict"]
    word = _HEALTH.get(verdict["verdict"], verdict["verdict"])
    part = verdict["part"]
    return word if part in {"none", "disk"} else f"{word} ({part})"


def disk_holds(disk: Json) -> str:
    """What was recognised on a disk, or why a blank one is quarantined."""
    kinds = dict.fromkeys(signature["type"] for signature in disk["signatures"])
    why = _QUARANTINE.get(disk["quarantine"] or "", NOTHING)
    return ", ".join(kinds) or why.format(was=disk["was"] or "was in use")


def disk_pairs(disk: Json) -> list[tuple[str, str]]:
    """All about a disk, name and value."""
    values = [(key.replace("_", " "), cell(key, value)) for key, value in disk.items()
              if key not in {"smart", "signatures", "verdict"}]  # fmt: skip
    values += [("health", disk_health(disk)), ("holds", disk_holds(disk))]
    values += [(key.replace("_", " "), cell(key, value)) for key, value in (disk["smart"] or {}).items()
               if key != "passed"]  # fmt: skip
    return values


def disk_verdict_lines(disk: Json) -> Iterator[Line]:
    """Why the disk is judged as it is, and what to do. What was thought of one that is gone is no
    advice any more."""
    verdict = disk["verdict"]
    if disk["missing"]:
        yield (
            Span(
                "It does not answer: it was pulled, its cable is loose, or it has died.", "critical"
            ),
        )
        yield (Span(f"while it was here: {verdict['verdict']}"),)
        yield (Span("next: ", "bold"), Span("Seat it again, or put a new disk into its bay and have it replaced."))  # fmt: skip
        return
    word, part = verdict["verdict"], verdict["part"]
    accused = f", the {part} is accused" if part not in {"none", "disk"} else ""
    tone = _TONES.get(word, "")
    yield (
        Span("verdict: "),
        Span(word, tone),
        Span(f"{accused} (confidence {verdict['confidence']})"),
    )
    for evidence in verdict["evidence"]:
        source = f" [{evidence['source']}]" if evidence["source"] else ""
        yield (Span(f"  - {evidence['words']}{source}"),)
    yield (Span("next: ", "bold"), Span(verdict["next_step"]))


def standing_lines(detail: Json) -> Iterator[Line]:
    """Whether a disk was admitted and on what; and that it was erased."""
    entry = detail["standing"]
    if entry and entry["depth"]:
        who = f" by {entry['who']}" if entry["who"] else ""
        yield (Span(f"admitted {clock(entry['at'])}{who}, depth {entry['depth']}:"),)
        for check in entry["checks"]:
            word, tone = _OUTCOMES[check["outcome"]]
            yield (Span("  "), Span(f"{check['name']:<9}"), Span(f"{word:<8}", tone),
                   Span(check["words"]))  # fmt: skip
    for item in detail["certificates"]:
        words = f"erased {clock(item['at'])} by {item['who']}: {item['method']}, {item['category']}"
        yield (Span(f"{words}; appliance disk certificate {item['serial']}"),)


def certificate_lines(item: Json) -> Iterator[Line]:
    """A certificate of erasure as one page of text."""
    yield (Span(f"Certificate of media sanitization {item['number']}", "bold"),)
    facts = (
        ("serial", item["serial"]), ("wwn", item["wwn"]),
        ("model", f"{item['vendor']} {item['model']}".strip()), ("firmware", item["firmware"]),
        ("size", size(item["size"])), ("bay", item["bay"]), ("node", item["node"]),
        ("held before", item["held"]),
        ("method", item["method"]), *(("command", line) for line in item["commands"]),
        ("category", f"{item['category']} ({item['standard']})"), ("verified", item["verified"]),
        ("carried out by", item["who"]), ("at (UTC)", item["at"][:19].replace("T", " ")),
        ("job", str(item["job"])), ("sha256", item["digest"]),
    )  # fmt: skip
    for key, value in facts:
        yield (Span(f"  {key:<15}{value or NOTHING}"),)


def alert_lines(alert: Json) -> Iterator[Line]:
    """All about an alert."""
    word = _SEVERITIES[alert["severity"]]
    yield (
        Span(f"alert {alert['number']}: "),
        Span(word, alert["severity"]),
        Span(f" {alert['what']}"),
    )
    facts = (
        ("why", alert["why"]), ("about", alert["subject"]), ("bay", alert["bay"]),
        ("serial", alert["serial"]), ("pool", alert["pool"]), ("state", alert["state"]),
        ("raised", clock(alert["raised_at"])), ("over", clock(alert["cleared_at"])),
        ("acknowledged", _known_by(alert)), ("note", alert["note"]),
    )  # fmt: skip
    for key, value in facts:
        if value and value != NOTHING:
            yield (Span(f"  {key.ljust(13)}{value}"),)
    if alert["cleared_at"] is None:
        yield (Span("next: ", "bold"), Span(alert["next_step"]))


def _known_by(alert: Json) -> str:
    who = alert["acknowledged_by"]
    return f"{clock(alert['acknowledged_at'])} by {who}" if who else ""


def resource_state(item: Json) -> str:
    """A resource in words: is it there, is it wanted, is it well."""
    if item["found"] is None:
        return "not there yet"
    worst = [finding["severity"] for finding in item["findings"] if finding["severity"] != "info"]
    if worst:
        return "CRITICAL" if "critical" in worst else "WARNING"
    return "ok" if item["spec"] is not None else "not managed"


def resource_cell(item: Json, column: str) -> str:
    """A column's value: as found; as wished where nothing is found."""
    for side in ("found", "spec"):
        value: Any = item[side]
        for key in column.split("."):
            value = value.get(key) if isinstance(value, dict) else None
        if value is not None:
            return cell(column, value)
    return NOTHING


def flat(values: Json, prefix: str = "") -> list[tuple[str, str]]:
    """A nested value as dotted names and cells."""
    found: list[tuple[str, str]] = []
    for key, value in values.items():
        if isinstance(value, dict) and value:
            found += flat(value, f"{prefix}{key}.")
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            for number, item in enumerate(value):
                found += flat(item, f"{prefix}{key}.{number}.")
        else:
            found.append((prefix + key, cell(key, value)))
    return found


def status_lines(answer: Json) -> Iterator[Line]:
    """The node in one screen: is all well, what is not, what next."""
    host = answer["host"]
    yield (
        Span(f"{host['hostname']} ({host['profile']}, agent {answer['version']}): "),
        health_span(answer),
    )
    yield (Span(f"  {counted(answer['counts'])}"),)
    yield from _findings(answer["findings"])
    for job in answer["jobs"]:
        yield (Span(f"job {job['number']} {job_state(job)}: {job['summary']}"),)
        if job.get("waits"):
            yield (Span(f"  {job['waits']}; other things can be changed meanwhile"),)
        if job["error"]:
            yield (Span(f"  {job['error']}"),)
        yield (Span(f"  next: {job['next_step'] or 'appliance job watch ' + str(job['number'])}"),)
    if answer["drift"]:
        words = "The node is not as wished; these steps would bring it back:"
        yield (Span(words, "warning"),)
        yield from _more(answer["drift"])
        yield from ((Span(f"  - {title}"),) for title in answer["drift"][:MOST])
        yield (Span("  next: appliance site > site.toml; appliance apply site.toml --preview"),)


def job_state(job: Json) -> str:
    """A job's state; one that lets others in while it waits says so. An older node never does."""
    return f"{job['state']} (waits)" if job.get("waits") else str(job["state"])


def health_span(answer: Json) -> Span:
    """All in two words. A node whose only news is a running job is at work, not unwell."""
    if answer["well"]:
        return Span("all is well", "ok")
    told = [finding for finding in answer["findings"] if finding["severity"] != "info"]
    ended = [job for job in answer["jobs"] if job["state"] in _ENDED]
    if answer["drift"] or told or ended:
        return Span("NOT WELL", "critical")
    return Span("at work", "warning")


def runway_words(runway: Json) -> str:
    """How long a tier lasts."""
    if runway["pace"] == "filling":
        days = runway["days"]
        return "full within a day, as it goes" if days < 1 else f"full in about {days:.0f} days"
    if runway["pace"] == "steady":
        return "not filling up"
    since = f", looked at since {clock(runway['since'])}" if runway["since"] else ""
    return f"not known yet when it is full{since}"


def counted(counts: Mapping[str, int]) -> str:
    """How many there are of each: 12 disks, 1 pool."""
    return ", ".join(
        f"{number} {noun}{'' if number == 1 else 's'}" for noun, number in counts.items()
    )


def _findings(findings: list[Json]) -> Iterator[Line]:
    yield from _more(findings)
    for finding in findings[:MOST]:
        word = Span(_SEVERITIES[finding["severity"]], finding["severity"])
        why = f" ({finding['why']})" if finding["why"] else ""
        yield (word, Span(f" {finding['subject']}: {finding['what']}{why}"))
        yield (Span(f"  next: {finding['next_step']}"),)


def _more(items: list[Any]) -> Iterator[Line]:
    """That there are more is said, never hidden."""
    if len(items) > MOST:
        words = f"(the first {MOST} of {len(items)}; all of them: appliance status --json)"
        yield (Span(words),)
