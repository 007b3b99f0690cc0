"""A plan: typed steps, what they destroy, what must be confirmed, and the digest they stand on."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import SerializeAsAny

from appliance.model.base import Bytes, Value
from appliance.model.disk import Signature
from appliance.model.resource import ActionRequest, Resource
from appliance.model.steps import Step


class PlanRequest(Value):
    """What a person asks for. Exactly one of the three ways is used.

    `site` is the whole wish: whatever is managed and not in it is to be removed. `put` adds or
    changes single resources in the site's own shape; `remove` names resources; `action` acts.
    """

    site: dict[str, Any] | None = None
    put: dict[str, Any] | None = None
    remove: tuple[str, ...] = ()
    action: ActionRequest | None = None


class DiskClaim(Value):
    """A disk the plan overwrites, named so that nobody can mistake it."""

    bay: str
    serial: str
    model: str
    size: Bytes | None
    signatures: tuple[Signature, ...]


class Confirmation(Value):
    """A name or serial to be typed before the plan is carried out."""

    token: str
    why: str


class Plan(Value):
    """A previewed change. Applying it takes `id` and `digest`."""

    id: str
    created_at: datetime
    digest: str
    """Of the snapshot the plan was made from. Where the node's is another when the plan is to be
    carried out, planning again must give the same, or the plan is refused as stale."""
    before: tuple[SerializeAsAny[Resource], ...]
    after: tuple[SerializeAsAny[Resource], ...]
    action: ActionRequest | None = None
    steps: tuple[Step, ...]
    claims: tuple[DiskClaim, ...] = ()
    confirmations: tuple[Confirmation, ...] = ()
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    """Facts worth knowing beforehand: usable capacity, what is wasted."""
    continues: int | None = None
    """Number of the unfinished job this plan finishes."""
    aside: tuple[str, ...] = ()
    """noun/name of what jobs that were waiting changed: this plan leaves it alone."""
    asked: ActionRequest | None = None
    """The act a person asked for, as it was asked: `disk replace` becomes a changed wish."""

    @property
    def empty(self) -> bool:
        """Nothing is to be done."""
        return not self.steps

    @property
    def same_wish(self) -> bool:
        """The wish stays as it was, in whatever order it is written down."""
        before, after = (
            {item.id: item.spec for item in side} for side in (self.before, self.after)
        )
        return before == after
