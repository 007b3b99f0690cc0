"""appliance job: changes being carried out, the exact commands they ran, and unfinished business."""

from __future__ import annotations

import argparse
from typing import Any

from appliance.api import paths
from appliance.api.words import clock, job_state
from appliance.cli import render
from appliance.cli.options import add_change_options
from appliance.cli.parsing import Parser, Verbs, add_verb, parser_for, verbs_of
from appliance.cli.session import Session

Json = dict[str, Any]


def parser() -> Parser:
    """The noun's parser."""
    top = parser_for("job", "Changes being carried out.", "appliance job list")
    verbs = verbs_of(top)
    add_verb(verbs, "list", "all jobs, newest first", _list, example="appliance job list")
    _numbered(verbs, "show", "a job's steps and the exact commands", _show)
    _numbered(verbs, "watch", "follow a job to its end", _watch)
    finish = _numbered(verbs, "finish", "look again, plan what is left, and do it", _finish)
    add_change_options(finish)
    _numbered(verbs, "undo", "take back the steps of an unfinished job", _undo)
    _numbered(verbs, "abandon", "give an unfinished job up as it stands", _abandon)
    return top


def _numbered(verbs: Verbs, name: str, title: str, run: Any) -> Parser:  # noqa: ANN401 - Run
    parser = add_verb(verbs, name, title, run, example=f"appliance job {name} 7")
    parser.add_argument("number", metavar="NUMBER")
    return parser


def _list(session: Session, arguments: argparse.Namespace) -> int:
    del arguments
    answer: Json = session.fetch(paths.JOBS)
    if session.as_json:
        session.print_json(answer)
        return 0
    if not answer["jobs"]:
        print("no jobs yet; a change makes one: appliance apply SPEC.toml")
        return 0
    headers = ("JOB", "STATE", "WHO", "BEGUN", "WHAT")
    rows = (
        (str(job["number"]), job_state(job), job["who"], clock(job["created_at"]), job["summary"])
        for job in answer["jobs"]
    )
    print(render.table(headers, rows))
    return 0


def _show(session: Session, arguments: argparse.Namespace) -> int:
    job: Json = session.fetch(paths.JOB, number=arguments.number)
    if session.as_json:
        session.print_json(job)
        return 0
    print(render.plain(f"job {job['number']} {job_state(job)}: {job['summary']}"))
    print(
        f"by {job['who']}, begun {clock(job['created_at'])}, ended {clock(job['ended_at'])} (UTC)"
    )
    if job["error"]:
        print(f"{render.paint('error:', 'critical')} {render.plain(job['error'])}")
    if job["next_step"]:
        print(render.plain(f"next: {job['next_step']}"))
    for step in job["steps"]:
        print(render.plain(f"\n{step['number']}. {step['title']} ({_how(step)})"))
        print(f"   {render.paint('$', 'dim')} {render.plain(step['line'])}")
        if step["code"]:
            print(f"   exit {step['code']}")
        for line in step["output"].splitlines():
            print(render.plain(f"   | {line}"))
    return 0


def _how(step: Json) -> str:
    """A step's state, and that it cannot be taken back; the way back is known once it has begun."""
    lasting = not step["has_undo"] and step["state"] != "planned"
    return f"{step['state']}, no undo" if lasting else str(step["state"])


def _watch(session: Session, arguments: argparse.Namespace) -> int:
    from appliance.api.contract import JOB_GET
    from appliance.cli.watching import report, watch

    job = session.client().call(JOB_GET, number=arguments.number)
    return report(session, watch(session, job))


def _finish(session: Session, arguments: argparse.Namespace) -> int:
    from appliance.api.contract import JOB_FINISH
    from appliance.cli.changes import carry_out_plan

    plan = session.client().call(JOB_FINISH, number=arguments.number)
    return carry_out_plan(session, plan, arguments)


def _undo(session: Session, arguments: argparse.Namespace) -> int:
    from appliance.api.contract import JOB_UNDO
    from appliance.cli.watching import report, watch

    job = session.client().call(JOB_UNDO, number=arguments.number)
    return report(session, watch(session, job))


def _abandon(session: Session, arguments: argparse.Namespace) -> int:
    job: Json = session.fetch(paths.JOB_ABANDON, "POST", {}, number=arguments.number)
    if session.as_json:
        session.print_json(job)
    else:
        print(f"job {job['number']} is {job['state']}; what it left behind: appliance status")
    return 0
