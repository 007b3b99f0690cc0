"""What is told of spares: which disk's place was taken by which, and what to do now."""

from __future__ import annotations

from typing import Final

from appliance.errors import ApplianceError
from appliance.model.care import TakeoverRecord
from appliance.model.job import ENDED, Job, JobState
from appliance.model.resource import Finding, Severity

TOOK_OVER: Final = "spare-took-over"
IN_VAIN: Final = "spare-in-vain"


def takeover_finding(record: TakeoverRecord, job: Job) -> Finding:
    """A spare at work, or that was: what happened, and what a person does next."""
    old, new = place(record.old_bay, record.old_serial), place(record.new_bay, record.new_serial)
    done = job.state is JobState.DONE
    act = "took" if done else "takes" if job.state not in ENDED else "was to take"
    return Finding(
        severity=Severity.WARNING if done or job.state not in ENDED else Severity.CRITICAL,
        subject=f"disk/{record.old_serial}",
        what=f"the spare in {new} {act} the place of the disk in {old} in pool {record.pool}",
        why=job.error or f"job {job.number} is {job.state}",
        next_step=_next(record, job, old),
        cause=TOOK_OVER,
    )


def in_vain(serial: str, error: ApplianceError) -> Finding:
    """There are spares, and none could take a lost disk's place."""
    return Finding(
        severity=Severity.CRITICAL,
        subject=f"disk/{serial}",
        what=f"no spare takes the place of serial {serial} by itself",
        why=error.message,
        next_step=error.hint,
        cause=IN_VAIN,
    )


def place(bay: str, serial: str) -> str:
    """Bay and serial in words."""
    return f"bay {bay} (serial {serial})" if bay else f"serial {serial}"


def _next(record: TakeoverRecord, job: Job, old: str) -> str:
    if job.state not in ENDED:
        return f"Pull nothing until it is through: appliance job watch {job.number}"
    if job.state is JobState.UNDONE:
        return f"Remove the cause, then: appliance disk replace {record.old_serial}"
    if job.state is not JobState.DONE:
        return job.next_step or f"Finish it: appliance job finish {job.number}"
    if record.old_bay:
        return (
            f"Pull the disk in {old} and put a blank one of its kind into bay {record.old_bay}; "
            f"that one becomes the spare."
        )
    whose = (
        f"spare set {record.spare} --disk" if record.spare else f"pool set {record.pool} --spares"
    )
    return f"Take out serial {record.old_serial}, put a blank disk in, then: appliance {whose} DISK"
