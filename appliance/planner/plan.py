"""The one pure function from what is and what is wanted to a plan."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from appliance.errors import InvalidInputError, NotFoundError
from appliance.kinds.base import View
from appliance.model.boot import CLAIM
from appliance.model.plan import Confirmation, DiskClaim, Plan
from appliance.model.resource import ActionRequest, Resource, Spec
from appliance.model.snapshot import NodeSnapshot
from appliance.model.steps import Step
from appliance.planner import disks
from appliance.planner.admission import admission
from appliance.planner.beside import EVERYTHING, Scope
from appliance.planner.diff import AnyChange, Difference, check_references, differences
from appliance.planner.guard import check_claims, needs_serial
from appliance.planner.order import in_order
from appliance.planner.site import Kinds, in_building_order
from appliance.planner.unread import check_read, unseen


def make_plan(
    kinds: Kinds,
    snapshot: NodeSnapshot,
    before: tuple[Resource, ...],
    after: tuple[Resource, ...],
    action: ActionRequest | None = None,
    *,
    plan_id: str,
    now: datetime,
    continues: int | None = None,
    scope: Scope = EVERYTHING,
) -> Plan:
    """The plan that leads from the snapshot to `after`, as far as `scope` goes.

    Raises InvalidInputError or NotFoundError for a wish that makes no sense, RefusedError for
    one that could lose data, and for one about what could not be read.
    """
    check_read(kinds, snapshot, before, after, action)
    check_references(kinds, View(snapshot), before, after)
    view, resolved = _resolve(kinds, snapshot, before, after, scope)
    found = in_order(kinds, differences(view, before, resolved), before, resolved)
    blind = unseen(kinds, snapshot, before, resolved)
    planned = [
        (item, tuple(kinds[item.noun].plan(item.change, view)))
        for item in found
        if scope.covers(item.id) and item.id not in blind
    ]
    acts = tuple(_act(kinds, action, view, now)) if action else ()
    steps = (*(step for _, own in planned for step in own), *acts)
    claims = check_claims(snapshot, steps)
    within = tuple(item for item in resolved if scope.covers(item.id))
    admitted = admission(snapshot, within, _taken(steps), now)
    steps = (*(step for step in admitted.steps if scope.covers(step.resource)), *steps)
    act_warnings, act_notes = _act_words(action, snapshot)
    return Plan(
        id=plan_id,
        created_at=now,
        digest=snapshot.digest(),
        before=before,
        after=resolved,
        action=action,
        steps=steps,
        claims=claims,
        confirmations=_confirmations(kinds, view, planned, acts, claims),
        warnings=(
            *_warnings(kinds, snapshot, before, after),
            *admitted.warnings,
            *act_warnings,
            *_no_way_back(steps),
        ),
        notes=(*_notes(kinds, planned, view), *act_notes, *_left_alone(scope)),
        continues=continues,
        aside=tuple(sorted(scope.aside)),
    )


def _resolve(
    kinds: Kinds,
    snapshot: NodeSnapshot,
    before: tuple[Resource, ...],
    after: tuple[Resource, ...],
    scope: Scope,
) -> tuple[View, tuple[Resource, ...]]:
    """Resolve specs from the lowest rank up, so that each sees what it stands on resolved."""
    wanted: dict[str, dict[str, Spec]] = {}
    for item in after:
        wanted.setdefault(item.kind, {})[item.name] = item.spec
    view = View(snapshot, wanted, frozenset(item.id for item in before), scope.aside)
    resolved = []
    for item in in_building_order(kinds, after):
        spec = kinds[item.kind].resolve(item.name, item.spec, view)
        wanted[item.kind][item.name] = spec
        resolved.append(Resource(kind=item.kind, name=item.name, spec=spec))
    return view, tuple(resolved)


def _act(kinds: Kinds, action: ActionRequest, view: View, now: datetime) -> Iterator[Step]:
    noun, _, name = action.resource.partition("/")
    if noun == disks.NOUN:
        yield from disks.plan_disk_act(action, view.snapshot, now)
        return
    kind = kinds.get(noun)
    if kind is None:
        raise InvalidInputError(
            f"There is no kind '{noun}'.",
            hint=f"Name the resource as KIND/NAME; kinds: {', '.join(kinds)}.",
            subject=action.resource,
        )
    if name not in view.specs(noun) and name not in view.found(noun):
        raise NotFoundError(
            f"There is no {noun} '{name}'.",
            hint=f"List them with: appliance {noun} list",
            subject=action.resource,
        )
    yield from kind.act(action.verb, name, action.arguments, view)


def _act_words(
    action: ActionRequest | None, snapshot: NodeSnapshot
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    if action is None or not action.resource.startswith(f"{disks.NOUN}/"):
        return (), ()
    return disks.disk_act_words(action, snapshot)


def _taken(steps: tuple[Step, ...]) -> Mapping[str, str]:
    """Serial -> resource of the disks that something other than the disk itself claims."""
    return {
        serial: step.resource
        for step in steps
        for serial in step.claims
        if step.resource != f"{disks.NOUN}/{serial}"
    }


def _notes(
    kinds: Kinds, planned: list[tuple[Difference, tuple[Step, ...]]], view: View
) -> Iterator[str]:
    for item, own in planned:
        if own:
            yield from kinds[item.noun].notes(item.change, view)


def _left_alone(scope: Scope) -> Iterator[str]:
    pools = sorted(item for item in scope.aside if item.startswith("pool/"))
    if pools:
        yield f"{', '.join(pools)}: left alone, for a job changes it and waits."


def _confirmations(
    kinds: Kinds,
    view: View,
    planned: list[tuple[Difference, tuple[Step, ...]]],
    acts: tuple[Step, ...],
    claims: tuple[DiskClaim, ...],
) -> tuple[Confirmation, ...]:
    """Each token once. Whatever destroys data needs one, also where its kind asks for none."""
    asked: dict[str, str] = {}
    pools = (*(item.change.name for item, _ in planned if item.noun == "pool"), CLAIM)
    for claim in claims:
        if needs_serial(view.snapshot, claim, pools):
            held = ", ".join(signature.type for signature in claim.signatures)
            asked.setdefault(claim.serial, f"the disk in bay {claim.bay or '?'} holds {held}")
    for item, own in planned:
        tokens = _asked_by_kind(kinds, item, own, view)
        for token, why in tokens or _asked_by_steps(own):
            asked.setdefault(token, why)
    for token, why in _asked_by_steps(acts, claimed=True):
        asked.setdefault(token, why)
    return tuple(Confirmation(token=token, why=why) for token, why in asked.items())


def _asked_by_kind(
    kinds: Kinds, item: Difference, own: tuple[Step, ...], view: View
) -> tuple[tuple[str, str], ...]:
    change: AnyChange = item.change
    if not own:
        return ()
    kind = kinds[item.noun]
    return kind.confirmations(change, view) if item.removal else kind.given_up(change, view)


def _asked_by_steps(steps: tuple[Step, ...], *, claimed: bool = False) -> Iterator[tuple[str, str]]:
    """The resource's name for each step that destroys data; `claimed`: also a claimed disk's,
    which is asked for by its serial as far as anything is known to be on it."""
    for step in steps:
        if step.destroys and (claimed or not step.claims):
            yield step.resource.partition("/")[2], step.destroys


def _warnings(
    kinds: Kinds,
    snapshot: NodeSnapshot,
    before: tuple[Resource, ...],
    after: tuple[Resource, ...],
) -> Iterator[str]:
    managed = {item.id for item in (*before, *after)}
    for noun, kind in kinds.items():
        for name, item in snapshot.found.get(noun, {}).items():
            if f"{noun}/{name}" not in managed and not kind.foreign(name, item):
                yield f"{noun}/{name} is on the node but not in the wish; it is left alone."
    yield from unread_warnings(snapshot)


def unread_warnings(snapshot: NodeSnapshot) -> Iterator[str]:
    """What a plan says of all that could not be read; what it stands on itself is refused."""
    for problem in snapshot.problems:
        yield f"Not everything could be read: {problem}"


def _no_way_back(steps: tuple[Step, ...]) -> Iterator[str]:
    for step in steps:
        if step.destroys:
            yield f"'{step.title}' cannot be undone; it destroys {step.destroys}."
