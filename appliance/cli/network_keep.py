"""Keeping a change of the network: only who still reaches the node may say so."""

from __future__ import annotations

import os
import sys
from typing import Final

from appliance.api.contract import NETWORK_CONFIRM
from appliance.cli.asking import agreed
from appliance.cli.session import Session
from appliance.errors import ApplianceError, ConfirmationError
from appliance.model.job import Job, StepState
from appliance.model.link import CONFIRM_TITLE, REVERT_AFTER_S

_BY_HAND: Final = (
    f"The network has changed; it goes back {REVERT_AFTER_S} s after that unless somebody who "
    "still reaches the node says: appliance network confirm"
)


def waits_for_word(job: Job) -> bool:
    """Whether the job waits for its new network settings to be confirmed."""
    return any(step.state is StepState.BEGUN and step.title == CONFIRM_TITLE for step in job.steps)


def keep_network(session: Session, *, yes: bool) -> None:
    """Confirm the new settings if that proves something, by a connection made anew.

    An agreement given beforehand counts only where the answer comes over the network that was
    changed, or from the machine's own screen; a shell over SSH on the node proves nothing until a
    person types into it.
    """
    alone = not sys.stdin.isatty()
    through_a_shell = session.address.scheme == "unix" and "SSH_CONNECTION" in os.environ
    try:
        if alone and (through_a_shell or not yes):
            _say(_BY_HAND)
        elif (yes and not through_a_shell) or agreed("\nThe network has changed. Keep it so?"):
            session.reconnect()
            session.client().call(NETWORK_CONFIRM)
            _say("The new network settings are confirmed: the node still answers.")
        else:
            _say(f"The network goes back in at most {REVERT_AFTER_S} s.")
    except ConfirmationError:
        _say(_BY_HAND)
    except ApplianceError as error:
        _say(f"Not confirmed: {error.message} {error.hint}")


def _say(words: str) -> None:
    sys.stderr.write(f"{words}\n")
