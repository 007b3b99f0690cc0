"""A change on the command line: plan, show, confirm, carry out, watch."""

from __future__ import annotations

import argparse
import sys

from appliance.api.contract import JOB_START, PLAN_MAKE
from appliance.api.wire import ApplyRequest
from appliance.cli import render
from appliance.cli.asking import agreed, ask
from appliance.cli.session import Session
from appliance.cli.watching import report, watch
from appliance.errors import ConfirmationError
from appliance.model.job import Job
from appliance.model.plan import Plan, PlanRequest


def carry_out(session: Session, request: PlanRequest, options: argparse.Namespace) -> int:
    """Plan a request, show it, ask, carry it out. Raises what the node refuses it with."""
    return carry_out_plan(session, session.client().call(PLAN_MAKE, request), options)


def carry_out_plan(session: Session, plan: Plan, options: argparse.Namespace) -> int:
    """Show a plan, ask, carry it out. Raises ConfirmationError when a token is missing."""
    if session.as_json and options.preview:
        print(plan.model_dump_json(indent=2))
    elif not session.as_json:
        show_plan(plan)
    if options.preview:
        return 0
    if plan.empty and same_wish(plan):
        if session.as_json:
            print(plan.model_dump_json(indent=2))
        return 0
    confirmed = _confirmed(plan, frozenset(options.confirm))
    _agree(plan, yes=options.yes or bool(plan.confirmations and not confirmed.asked))
    started = _start(session, plan, confirmed.tokens)
    if options.no_wait:
        words = f"job {started.number} started; see: appliance job watch {started.number}"
        print(started.model_dump_json(indent=2) if session.as_json else words)
        return 0
    return report(session, watch(session, started, yes=options.yes))


def _start(session: Session, plan: Plan, confirm: frozenset[str]) -> Job:
    request = ApplyRequest(plan_id=plan.id, digest=plan.digest, confirm=confirm)
    try:
        return session.client().call(JOB_START, request)
    except KeyboardInterrupt:
        words = "Interrupted while the job was started; whether it runs: appliance job list"
        raise KeyboardInterrupt(words) from None


def same_wish(plan: Plan) -> bool:
    """The plan leaves the wish as it was."""
    return plan.same_wish


def show_plan(plan: Plan) -> None:
    """The plan for people: steps, what is lost, what to know."""
    if plan.empty:
        what = "the node is as wished" if same_wish(plan) else "only the record changes"
        print(f"Nothing to do: {what}.")
    else:
        print(f"{len(plan.steps)} steps:")
    width = len(str(len(plan.steps)))
    for number, step in enumerate(plan.steps, 1):
        lost = (
            f"  {render.paint('DESTROYS', 'critical')} {render.plain(step.destroys)}"
            if step.destroys
            else ""
        )
        title = render.plain(f"[{step.resource}] {step.title}")
        print(f"  {number:>{width}}. {title}{lost}")
    if plan.claims:
        print(render.paint("These disks are overwritten:", "critical"))
        headers = ("BAY", "SERIAL", "MODEL", "SIZE", "HOLDS NOW")
        rows = [
            (claim.bay or render.NOTHING, claim.serial, claim.model or render.NOTHING,
             render.size(claim.size), ", ".join(item.type for item in claim.signatures) or "nothing known")
            for claim in plan.claims
        ]  # fmt: skip
        print(render.table(headers, rows))
    for note in plan.notes:
        print(render.plain(f"note: {note}"))
    for warning in plan.warnings:
        print(f"{render.paint('warning:', 'warning')} {render.plain(warning)}")


class _Confirmed:
    """Tokens that were confirmed, and whether a person typed them just now."""

    def __init__(self, tokens: frozenset[str], *, asked: bool) -> None:
        self.tokens = tokens
        self.asked = asked


def _confirmed(plan: Plan, given: frozenset[str]) -> _Confirmed:
    """Every token the plan asks for; a person at a terminal types what was not passed."""
    missing = [item for item in plan.confirmations if item.token not in given]
    if not missing:
        return _Confirmed(given, asked=False)
    if not sys.stdin.isatty():
        flags = " ".join(f"--confirm {item.token}" for item in missing)
        raise ConfirmationError(
            "The plan destroys data and was not confirmed.",
            hint=f"If that is meant, add: {flags}",
            details=tuple(f"{item.token}: {item.why}" for item in missing),
        )
    tokens = set(given)
    for item in missing:
        print(f"{render.paint('destroys data:', 'critical')} {render.plain(item.why)}")
        if ask(f"Type {render.plain(item.token)} to confirm: ") != item.token:
            raise ConfirmationError(
                f"'{item.token}' was not confirmed; nothing was done.",
                hint="Run it again, and type exactly what is asked for.",
            )
        tokens.add(item.token)
    return _Confirmed(frozenset(tokens), asked=True)


def _agree(plan: Plan, *, yes: bool) -> None:
    if yes or plan.empty:
        return
    if not sys.stdin.isatty():
        raise ConfirmationError(
            "Nobody is there to agree to the plan.", hint="If it is as you want it, add: --yes"
        )
    if not agreed("Carry it out?"):
        raise ConfirmationError("Not agreed to; nothing was done.", hint="--preview only shows it.")
