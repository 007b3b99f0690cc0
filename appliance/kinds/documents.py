"""Wishes that are kept as one JSON document each, in a folder of their kind."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from appliance.kinds.base import Probe
from appliance.model.resource import Finding, Severity

_SUFFIX: Final = ".json"


def document_path(folder: str, name: str) -> str:
    """Where the document of a resource lies."""
    return f"{folder}/{name}{_SUFFIX}"


def documents_in(folder: str, probe: Probe) -> Iterator[tuple[str, str]]:
    """Names and texts of all documents in a folder."""
    for entry in probe.list_dir(folder):
        text = probe.read_text(f"{folder}/{entry}") if entry.endswith(_SUFFIX) else None
        if text is not None:
            yield entry.removesuffix(_SUFFIX), text


def unreadable(noun: str, name: str, *, so: str) -> Finding:
    """What is told of a document that cannot be read."""
    return Finding(
        severity=Severity.WARNING,
        subject=f"{noun}/{name}",
        what=f"The document of {noun} {name} cannot be read, so it {so}.",
        next_step=f"Apply the spec again, or: appliance {noun} delete {name}",
        cause=f"{noun}-unreadable",
    )
