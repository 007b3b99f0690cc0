"""From the answers of a first boot to a site spec: one way through the code from there on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pydantic import ValidationError

from appliance.errors import InvalidInputError, RefusedError
from appliance.model.setup import NO_POOL, RECOMMENDED, Layout, Proposal, SetupAnswers

SETUP: Final = "setup"
"""The table that is no part of a site spec."""
BOOT: Final = "boot"
"""The table of the disks the system is installed on."""


def parse_answers(document: Mapping[str, Any]) -> SetupAnswers:
    """The table [setup] of an answers file. Raises InvalidInputError naming the key."""
    try:
        return SetupAnswers.model_validate(document.get(SETUP, {}))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join((SETUP, *map(str, first["loc"])))
        raise InvalidInputError(
            f"The answers are not valid: {key}: {first['msg']}.",
            hint=f"Keys of [{SETUP}]: {', '.join(SetupAnswers.model_fields)}.",
            subject=key,
        ) from error


def site_of(document: Mapping[str, Any], proposal: Proposal) -> dict[str, Any]:
    """The site spec that the answers mean on this machine.

    On a live medium, answers that name boot disks mean those alone: all the rest is the installed
    system's, where the same answers are given again.

    Raises InvalidInputError for a layout there is not, RefusedError on another chassis than the
    one the answers were written for.
    """
    answers = parse_answers(document)
    site = {noun: tables for noun, tables in document.items() if noun != SETUP}
    found = proposal.chassis
    if answers.profile and answers.profile != found.profile:
        raise RefusedError(
            f"The answers are for {answers.profile}, and this is {found.profile} ({found.title}).",
            hint="Correct setup.profile, or go to the right machine.",
            subject="setup.profile",
        )
    if BOOT in site and proposal.on_medium:
        return {BOOT: site[BOOT]}
    own = bool(site.get("pool"))
    if answers.layout == NO_POOL or (own and "layout" not in answers.model_fields_set):
        return site
    if own:
        raise InvalidInputError(
            "The answers have pools of their own and a layout as well.",
            hint=f'Take the pools out, or write layout = "{NO_POOL}" in [{SETUP}].',
            subject="setup.layout",
        )
    return {**site, "pool": _pools(_chosen(answers.layout, proposal), answers.pool)}


def _chosen(name: str, proposal: Proposal) -> Layout:
    for layout in proposal.layouts:
        if layout.name == name or (name == RECOMMENDED and layout.recommended):
            return layout
    there = ", ".join(layout.name for layout in proposal.layouts)
    raise InvalidInputError(
        f"There is no layout '{name}' for the usable disks of this machine.",
        hint=f"There are: {there}." if there else "See why disks are not used: appliance setup",
        subject="setup.layout",
    )


def _pools(layout: Layout, name: str) -> dict[str, Any]:
    """The layout's pools under the name that was asked for."""
    pools = list(layout.site["pool"].values())
    if len(pools) == 1:
        return {name: pools[0]}
    return {f"{name}{number}": pool for number, pool in enumerate(pools, 1)}
