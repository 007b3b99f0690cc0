"""The node, its chassis and its disks, as they were just now."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from agents.node.handlers.callers import Caller
from agents.node.handlers.context import Context
from agents.node.profiles import GENERIC, profile_named
from appliance.api.contract import LightQuery
from appliance.api.wire import Chassis, DiskDetail, DiskList, DiskView, Empty, LightSwitch
from appliance.errors import NotFoundError
from appliance.model.disk import Disk
from appliance.model.erasing import Certificate
from appliance.model.light import Lamp, Light
from appliance.model.profile import Profile
from appliance.model.snapshot import NodeSnapshot
from appliance.model.verdict import Verdict

_PARTS: Final = re.compile(r"\d+|\D+")


def disks(context: Context, caller: Caller, body: Empty) -> DiskList:
    """All disks in the order of their bays, missing ones included."""
    del caller, body
    seen = context.looking.recent()
    views = context.verdicts.judged(seen.disks, _listed)
    return DiskList.model_construct(disks=views, problems=seen.problems)


def disk(context: Context, caller: Caller, body: Empty, disk: str) -> DiskDetail:
    """One disk, by serial, WWN or bay:LABEL. Raises NotFoundError."""
    del caller, body
    found, verdicts = found_disk(context, disk), context.verdicts
    return DiskDetail(
        disk=disk_view(found, verdicts.verdict(found)),
        taken_at=verdicts.taken_at(found.serial),
        measures=dict(verdicts.measures(found.serial)),
        acknowledged=verdicts.acknowledged(found.serial),
        kernel=verdicts.kernel_words(found.serial),
        history=verdicts.history(found.serial),
        care=context.care.of_disk(found) if context.care else (),
        standing=context.book.entry(found.serial),
        certificates=context.book.certificates(found.serial),
    )


def disk_certificate(context: Context, caller: Caller, body: Empty, disk: str) -> Certificate:
    """The newest certificate, also of a disk that is long gone. Raises NotFoundError."""
    del caller, body
    found = context.looking.recent().disk(disk)
    return context.book.certificate(found.serial if found else disk)


def disk_light(context: Context, caller: Caller, body: LightQuery, disk: str) -> Light:
    """A light of the disk's bay; not available is an answer with its reasons."""
    del caller
    return _light(context, found_disk(context, disk), body.lamp)


def disk_light_set(context: Context, caller: Caller, body: LightSwitch, disk: str) -> Light:
    """Switch it; where it is not available nothing is done. Raises NotFoundError, StepFailedError."""
    found = found_disk(context, disk)
    light = _light(context, found, body.lamp)
    if light.available:
        words = f"{body.lamp} light {'lit' if body.on else 'dark'} ({found.where})"
        context.note(caller, what="disk_light_set", subject=f"disk/{found.serial}", outcome=words)
        context.lights.switch(light, on=body.on)
        light = _light(context, found, body.lamp)
    return light


def chassis(context: Context, caller: Caller, body: Empty) -> Chassis:
    """What the machine looks like, by the profile that fits it."""
    del caller, body
    profile = _profile(context)
    return Chassis(
        profile=profile.name, title=profile.title, bays=profile.bays, panels=profile.panels
    )


def snapshot(context: Context, caller: Caller, body: Empty) -> NodeSnapshot:
    """The node as one value."""
    del caller, body
    return context.looking.recent()


def _light(context: Context, disk: Disk, lamp: Lamp) -> Light:
    """As the disk leads to it; else one that the node lit by itself while the disk still did."""
    light = context.lights.seen(disk, _profile(context).locate, lamp)
    lit = None if light.available or context.care is None else context.care.lit(disk, lamp)
    return light if lit is None else lit


def _profile(context: Context) -> Profile:
    name = context.looking.recent().host.profile
    return GENERIC if name == GENERIC.name else profile_named(name)


def found_disk(context: Context, reference: str) -> Disk:
    """The disk a person means. Raises NotFoundError with the bays there are."""
    seen = context.looking.recent()
    found = seen.disk(reference)
    if found is None:
        bays = ", ".join(f"bay:{item.bay}" for item in sorted(seen.disks, key=_by_bay) if item.bay)
        raise NotFoundError(
            f"There is no disk '{reference}'.",
            hint=f"Name it by bay, serial or WWN. Bays with a disk: {bays or 'none known'}.",
            subject=reference,
        )
    return found


def disk_view(disk: Disk, verdict: Verdict) -> DiskView:
    """The disk with its verdict. Both were checked when they were made."""
    return DiskView.model_construct(**{**disk.__dict__, "verdict": verdict})


def _listed(judged: Sequence[tuple[Disk, Verdict]]) -> tuple[DiskView, ...]:
    ordered = sorted(judged, key=lambda pair: _by_bay(pair[0]))
    return tuple(disk_view(disk, _short(verdict)) for disk, verdict in ordered)


def _short(verdict: Verdict) -> Verdict:
    """Only the lines that say something is wrong: a list is for finding the bad one."""
    lines = tuple(line for line in verdict.evidence if line.grade.rank > 0)
    return verdict.model_copy(update={"evidence": lines})


def _by_bay(disk: Disk) -> tuple[bool, tuple[str, ...], str]:
    """Bay 2 before bay 10, and disks in no bay, such as the boot disk, last."""
    parts = tuple(
        f"{int(part):09}" if part.isdigit() else part for part in _PARTS.findall(disk.bay)
    )
    return not disk.bay, parts, disk.serial
