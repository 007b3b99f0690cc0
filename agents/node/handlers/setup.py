"""The first boot: what is here, what could be made of it, what was answered; and the sheet after."""

from __future__ import annotations

from agents.node.handlers.callers import Caller
from agents.node.handlers.context import Context
from agents.node.profiles import GENERIC, profile_named
from appliance.api.wire import Empty
from appliance.model.handover import Handover
from appliance.model.profile import Profile
from appliance.model.setup import ChassisSeen, Proposal, SetupRecord
from appliance.model.snapshot import NodeSnapshot
from appliance.planner.handover import Facts, handover_of
from appliance.planner.proposal import propose


def setup_proposal(context: Context, caller: Caller, body: Empty) -> Proposal:
    """The chassis, every disk checked, the network cards, and the layouts there are."""
    del caller, body
    seen = context.looking.fresh(context.jobs.claims())
    verdicts = {disk.serial: context.verdicts.verdict(disk) for disk in seen.disks}
    return propose(_chassis(context, seen), seen.model_copy(update={"verdicts": verdicts}))


def setup(context: Context, caller: Caller, body: Empty) -> SetupRecord:
    """What was answered so far."""
    del caller, body
    return context.setup.record()


def setup_keep(context: Context, caller: Caller, body: SetupRecord) -> SetupRecord:
    """Keep the answers, so that an interrupted setup goes on. Raises FullError."""
    outcome = "finished" if body.finished else "answered"
    context.note(caller, what="setup_keep", subject="setup", outcome=outcome)
    context.setup.keep(body)
    return body


def handover(context: Context, caller: Caller, body: Empty) -> Handover:
    """The handover sheet."""
    del caller, body
    seen = context.looking.fresh(context.jobs.claims())
    facts = Facts(_profile(seen).title, context.version, context.setup.host_keys())
    return handover_of(seen, context.wanted(), facts)


def _chassis(context: Context, seen: NodeSnapshot) -> ChassisSeen:
    profile = _profile(seen)
    full = {disk.bay for disk in seen.disks if disk.bay}
    return ChassisSeen(
        profile=profile.name,
        title=profile.title,
        score=context.setup.score(profile),
        bays=len(profile.bays),
        # Where no disk has a bay, nothing tells which ones are empty.
        empty_bays=tuple(bay.label for bay in profile.bays if bay.label not in full)
        if full
        else (),
    )


def _profile(seen: NodeSnapshot) -> Profile:
    name = seen.host.profile
    return GENERIC if name == GENERIC.name else profile_named(name)
