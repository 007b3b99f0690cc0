"""Things found that nobody manages: which of a stack are named, and how they are imported."""

from __future__ import annotations

import json
from pathlib import Path

from agents.node.handlers.loose_ends import unmanaged
from appliance.kinds.load import load_snapshot
from appliance.kinds.registry import all_kinds
from appliance.planner.site import parse_site

CASE = json.loads((Path(__file__).parents[2] / "plans/shares.smb/noop.json").read_text())


def told(*managed: str) -> dict[str, str]:
    """Subject -> next step, when only these nouns of the case are managed."""
    kinds = all_kinds()
    wanted = parse_site(kinds, CASE["after"])
    kept = [item for item in wanted if item.kind in managed]
    seen = load_snapshot(kinds, CASE["snapshot"])
    return {item.subject: item.next_step for item in unmanaged(kinds, seen, kept)}


def test_a_face_of_a_managed_share_is_imported_with_the_share() -> None:
    assert told("user", "share")["smb/images"] == "Manage it: appliance share import images"
    assert "smb/images" not in told("user", "share", "smb")


def test_a_face_of_nobodys_share_is_not_named_yet() -> None:
    assert "smb/images" not in told("user")
