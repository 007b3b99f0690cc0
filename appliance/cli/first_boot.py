"""From answers to a working node: proposal, site spec, the usual plan and job, the sheet."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from contextlib import nullcontext, redirect_stdout
from typing import Any

from pydantic import SecretStr

from appliance.api.answers import BOOT, site_of
from appliance.api.contract import (
    HANDOVER,
    JOB_FINISH,
    JOB_GET,
    PLAN_MAKE,
    SECRET_PUT,
    SETUP,
    SETUP_KEEP,
    SETUP_PROPOSAL,
    SITE,
    STATUS,
)
from appliance.api.setup_words import handover_lines, installed_lines
from appliance.api.wire import SecretValue
from appliance.cli.changes import carry_out, carry_out_plan, same_wish
from appliance.cli.session import Session
from appliance.cli.watching import report, watch
from appliance.errors import NotFoundError, RefusedError, StepFailedError
from appliance.model.job import ENDED
from appliance.model.plan import Plan, PlanRequest
from appliance.model.setup import SetupRecord


def begin(
    session: Session,
    document: Mapping[str, Any],
    secrets: Mapping[str, str],
    options: argparse.Namespace,
) -> int:
    """Set a fresh node up by these answers; with --preview only show the plan.

    Raises RefusedError on a node that is managed already, and whatever the node refuses with.
    """
    client = session.client()
    _refuse_managed(session)
    site = site_of(document, client.call(SETUP_PROPOSAL))
    if not options.preview:
        for name, value in secrets.items():
            client.call(SECRET_PUT, SecretValue(value=SecretStr(value)), name=name)
        client.call(SETUP_KEEP, SetupRecord(answers=document, site=site))
    return _carry_through(session, site, options)


def resume(session: Session, options: argparse.Namespace) -> int:
    """Go on with an interrupted setup. Raises NotFoundError when none was begun."""
    client = session.client()
    record = client.call(SETUP)
    if not record.site:
        raise NotFoundError(
            "No setup was begun on this node.",
            hint="Begin one with: appliance setup --answers FILE",
            subject="setup",
        )
    for job in client.call(STATUS).jobs[:1]:
        if job.state not in ENDED:
            whole = client.call(JOB_GET, number=str(job.number))
            report(session, watch(session, whole, yes=options.yes))
            continue
        plan = client.call(JOB_FINISH, number=str(job.number))
        carry_out_plan(session, plan, options)
        if options.preview:
            return 0
    return _carry_through(session, record.site, options)


def _refuse_managed(session: Session) -> None:
    site, record = session.client().call(SITE).site, session.client().call(SETUP)
    if not site:
        return
    begun = bool(record.site) and not record.finished
    raise RefusedError(
        "A setup was begun on this node and not finished."
        if begun
        else f"This node is set up already: {', '.join(site)} are managed.",
        hint="Go on with it: appliance setup --resume"
        if begun
        else "Change it with: appliance site > site.toml; appliance apply site.toml --preview",
        subject="setup",
    )


def _carry_through(session: Session, site: Mapping[str, Any], options: argparse.Namespace) -> int:
    """Plan, show, do, and look whether all is as answered; then the sheet."""
    request = PlanRequest(put=dict(site))
    # A program gets one document: the plan of a preview, else the sheet.
    quiet = session.as_json and not options.preview
    try:
        with redirect_stdout(sys.stderr) if quiet else nullcontext():
            carry_out(session, request, options)
    except StepFailedError as error:
        raise StepFailedError(
            error.message,
            hint=f"{error.hint} Then go on with: appliance setup --resume",
            subject=error.subject,
            details=error.details,
        ) from error
    if options.preview:
        return 0
    left = session.client().call(PLAN_MAKE, request)
    if not (left.empty and same_wish(left)):
        raise StepFailedError(
            "The setup did not come through: the node is not as answered.",
            hint="See why: appliance job list; then go on with: appliance setup --resume",
            subject="setup",
        )
    record = session.client().call(SETUP)
    session.client().call(SETUP_KEEP, record.model_copy(update={"finished": True}))
    if set(site) == {BOOT}:
        return _installed(session, left)
    sheet = session.client().call(HANDOVER)
    if session.as_json:
        print(sheet.model_dump_json(indent=2))
    else:
        print("\n" + "\n".join(handover_lines(sheet.model_dump(mode="json"))))
    return 0


def _installed(session: Session, plan: Plan) -> int:
    """Where the system is now, and that it is to be started from there."""
    proposal = session.client().call(SETUP_PROPOSAL)
    wanted = {serial for item in plan.after for serial in getattr(item.spec, "disks", ())}
    lines = list(installed_lines(proposal.model_dump(mode="json"), wanted))
    if session.as_json:
        session.print_json({"installed_on": sorted(wanted), "next": " ".join(lines)})
    else:
        print("\n" + "\n".join(lines))
    return 0
