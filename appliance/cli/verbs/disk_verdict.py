"""appliance disk verdict: judge recorded smartctl outputs, without a node."""

from __future__ import annotations

import argparse
import codecs
from typing import TYPE_CHECKING, Final

from appliance.cli import render
from appliance.cli.parsing import Verbs, add_verb
from appliance.cli.session import Session
from appliance.errors import NotFoundError

if TYPE_CHECKING:
    from appliance.model.smart import SmartReading
    from appliance.model.verdict import Verdict

_LARGEST: Final = 16 * 2**20
"""Bytes; the longest report of a real drive is under 1 MiB."""
_HEADERS: Final = ("FILE", "MODEL", "VERDICT", "PART", "SURE", "CAUSE")
_UTF16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def add_verdict(verbs: Verbs) -> None:
    """The verb, beside the others of `appliance disk`."""
    verb = add_verb(
        verbs,
        "verdict",
        "judge recorded outputs of smartctl (-x, JSON or text), without a node",
        _verdict,
        example="smartctl -x -j /dev/sda > sda.json; appliance disk verdict --from sda.json",
    )
    verb.add_argument(
        "--from",
        dest="files",
        metavar="FILE",
        nargs="+",
        action="extend",
        required=True,
        help="what smartctl printed; may be given again",
    )


def _verdict(session: Session, arguments: argparse.Namespace) -> int:
    from appliance.health.judge import judge
    from appliance.model.smart import SmartReading
    from appliance.model.smartctl import parse_smart

    unreadable: list[str] = []
    judged: list[tuple[str, SmartReading, Verdict]] = []
    for file in arguments.files:
        text, trouble = _text_of(file)
        if trouble:
            unreadable.append(f"{file}: {trouble}")
        reading = SmartReading(error=trouble) if trouble else parse_smart(text)
        judged.append((file, reading, judge(reading)))
    if session.as_json:
        session.print_json([_document(*item) for item in judged])
    else:
        _print(judged)
    if unreadable:
        raise NotFoundError(
            f"{len(unreadable)} of {len(judged)} files could not be read.",
            hint="Name files that hold what `smartctl -x -j DEVICE` printed.",
            details=unreadable,
        )
    return 0


def _text_of(file: str) -> tuple[str, str]:
    """The text of a file and why there is none; one of them is empty."""
    try:
        from pathlib import Path

        with Path(file).open("rb") as stream:
            content = stream.read(_LARGEST + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        words = error.strerror if isinstance(error, OSError) else str(error)
        return "", f"The file cannot be read: {words}."
    if len(content) > _LARGEST:
        return "", f"The file is larger than {render.size(_LARGEST)}; no drive says so much."
    # PowerShell writes UTF-16 when smartctl's output is redirected.
    encoding = "utf-16" if content.startswith(_UTF16) else "utf-8-sig"
    return content.decode(encoding, errors="replace"), ""


def _document(file: str, reading: SmartReading, verdict: Verdict) -> dict[str, object]:
    return {
        "file": file,
        **verdict.model_dump(mode="json"),
        "model": reading.model,
        "serial": reading.serial,
    }


def _print(judged: list[tuple[str, SmartReading, Verdict]]) -> None:
    rows = [
        (
            file,
            reading.model or render.NOTHING,
            verdict.verdict.upper() if verdict.verdict.rank > 0 else str(verdict.verdict),
            str(verdict.part) if verdict.part != "none" else render.NOTHING,
            str(verdict.confidence),
            _cause(verdict),
        )
        for file, reading, verdict in judged
    ]
    print(render.table(_HEADERS, rows))
    if len(judged) == 1:
        verdict = judged[0][2]
        for line in verdict.evidence:
            print(f"  - {line.words}{f' [{line.source}]' if line.source else ''}")
        print(f"{render.paint('next:', 'bold')} {verdict.next_step}")


def _cause(verdict: Verdict) -> str:
    """The worst line; a healthy disk's lines only inform."""
    top = verdict.evidence[0]
    return top.words if top.grade == verdict.verdict and top.grade != "healthy" else "no bad sign"
