"""How full the tiers are: written down at looks, and what that says of how long they last."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from agents.node.handlers.context import Context
from appliance.health.runway import runway
from appliance.model.capacity import Fill, Runway
from appliance.model.pool import pools_in
from appliance.model.snapshot import NodeSnapshot
from appliance.state.fills import FillBook

_PERCENT: Final = 100


def note_fills(book: FillBook, seen: NodeSnapshot) -> None:
    """Write down how full the tiers are, once an hour. Raises FullError."""
    book.note(_fills(seen))


def runways(context: Context, seen: NodeSnapshot) -> tuple[Runway, ...]:
    """How long each tier lasts."""
    return tuple(
        runway(fill.pool, fill.tier, context.fills.of(fill.pool, fill.tier), context.now())
        for fill in _fills(seen)
    )


def _fills(seen: NodeSnapshot) -> Iterator[Fill]:
    for name, pool in pools_in(seen.found).items():
        for tier, state in pool.tiers.items():
            if state.thin_pool and state.active and state.data_size:
                used = round(state.data_size * state.data_percent / _PERCENT)
                yield Fill(pool=name, tier=tier, at=seen.taken_at, used=used, size=state.data_size)
