"""Kinds and resources: what is wanted beside what is found."""

from __future__ import annotations

from agents.node.handlers.callers import Caller
from agents.node.handlers.context import Context
from appliance.api.catalog import kind_list
from appliance.api.wire import Empty, KindList, ResourceList, ResourceView, SiteDocument
from appliance.errors import NotFoundError
from appliance.kinds.registry import AnyKind
from appliance.model.resource import Spec
from appliance.model.snapshot import NodeSnapshot
from appliance.planner.site import show_site


def kinds(context: Context, caller: Caller, body: Empty) -> KindList:
    """The kinds of things managed here, with their schemas."""
    del caller, body
    return kind_list(context.kinds)


def resources(context: Context, caller: Caller, body: Empty, noun: str) -> ResourceList:
    """All resources of a kind. Raises InvalidInputError for a noun that is none."""
    del caller, body
    kind = context.kind(noun)
    seen, wanted = context.looking.recent(), _wanted(context, noun)
    names = sorted({*wanted, *seen.found.get(noun, {})})
    views = tuple(_view(kind, name, wanted.get(name), seen) for name in names)
    return ResourceList(kind=noun, columns=kind.columns, resources=views)


def resource(context: Context, caller: Caller, body: Empty, noun: str, name: str) -> ResourceView:
    """One resource. Raises NotFoundError when it is neither wanted nor found."""
    del caller, body
    kind = context.kind(noun)
    seen, spec = context.looking.recent(), _wanted(context, noun).get(name)
    if spec is None and name not in seen.found.get(noun, {}):
        raise NotFoundError(
            f"There is no {noun} '{name}'.",
            hint=f"List them with: appliance {noun} list",
            subject=f"{noun}/{name}",
        )
    view = _view(kind, name, spec, seen)
    care = context.care.of_pool(name) if context.care and noun == "pool" else ()
    return view.model_copy(update={"care": care})


def site(context: Context, caller: Caller, body: Empty) -> SiteDocument:
    """The whole wish, in the shape of a site spec."""
    del caller, body
    return SiteDocument(site=show_site(context.kinds, context.wanted()))


def _wanted(context: Context, noun: str) -> dict[str, Spec]:
    return {item.name: item.spec for item in context.wanted() if item.kind == noun}


def _view(kind: AnyKind, name: str, spec: Spec | None, seen: NodeSnapshot) -> ResourceView:
    found = seen.found.get(kind.noun, {}).get(name)
    return ResourceView(
        id=f"{kind.noun}/{name}",
        kind=kind.noun,
        name=name,
        spec=spec,
        found=found,
        findings=kind.health(name, found) if found is not None else (),
    )
