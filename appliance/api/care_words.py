"""What is done by schedule, in words: for the command line and the console alike."""

from __future__ import annotations

from typing import Any

from appliance.api.words import clock


def care_line(item: dict[str, Any]) -> str:
    """One line: what, last time and what came of it, next time."""
    last = f"last {clock(item['last_at'])} ({item['outcome']})" if item["last_at"] else "not yet"
    if item["next_at"]:
        return f"{item['what']}, {item['rhythm']}: {last}, next {clock(item['next_at'])}"
    return f"{item['what']}, {item['rhythm']}: {last}"
