"""Passwords of accounts that we made: set from a stored secret, whose name is noted in the account.

Nobody can read a password back, so the comment field (GECOS, passwd(5)) says which secret it was
set from, and a plan compares that.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from appliance.errors import InvalidInputError
from appliance.kinds.base import View
from appliance.model.command import Command
from appliance.model.command import change as changing
from appliance.model.steps import RunStep, Step


@dataclass(frozen=True, slots=True)
class Passwords:
    """How the accounts of one kind get and lose their password, and what people read of it."""

    noun: str
    mark: str
    """Start of the comment field of accounts of this kind."""
    given: str
    """What an account gets: a password."""
    taken: str
    """What is taken from it again: the password."""
    word: str
    """The password itself, in the middle of a sentence."""
    setting: Callable[[str, str], Command]
    """Account and name of the secret -> the command that sets it."""
    forgetting: Callable[[str], Command]

    def secret_in(self, comment: str) -> str | None:
        """The secret that a comment field names."""
        found = re.fullmatch(rf"{self.mark} \(password ([a-z0-9-]+)\)", comment)
        return found[1] if found else None

    def comment(self, secret: str | None) -> str:
        """The comment field of an account whose password comes from this secret."""
        return f"{self.mark} (password {secret})" if secret else self.mark

    def steps(
        self, name: str, earlier: str | None, wanted: str | None, view: View
    ) -> Iterator[Step]:
        """From one secret to the other. An empty name is a password that nobody noted.

        The comment is written last: cut off in between, the next plan sets the password again.
        """
        if wanted == earlier:
            return
        if wanted is None:
            yield self.take(name, earlier, view)
        else:
            undo = self.forgetting(name) if earlier is None else self._back(name, earlier, view)
            yield self._step(name, f"Give {name} {self.given}", self.setting(name, wanted), undo)
        yield self._step(
            name,
            f"Note where the {self.word} of {name} comes from",
            changing("usermod", "--comment", self.comment(wanted), name),
            changing("usermod", "--comment", self.comment(earlier), name),
        )

    def take(self, name: str, earlier: str | None, view: View) -> RunStep:
        """Take the password away; back only while the secret it came from is stored."""
        title = f"Take {self.taken} from {name}"
        return self._step(name, title, self.forgetting(name), self._back(name, earlier, view))

    def set_again(self, name: str, secret: str | None, view: View) -> RunStep:
        """After a secret was changed: nobody can see on the node which value was set.

        Raises InvalidInputError where the site names no secret.
        """
        subject = f"{self.noun}/{name}"
        if secret is None:
            raise InvalidInputError(
                f"{self.noun.capitalize()} '{name}' has no password in the site.",
                hint=f"Store one (appliance secret set NAME) and name it: password = NAME, "
                f"in [{self.noun}.{name}].",
                subject=subject,
            )
        view.require_secret(secret, subject)
        return self._step(name, f"Set the {self.word} of {name}", self.setting(name, secret))

    def _back(self, name: str, earlier: str | None, view: View) -> Command | None:
        known = bool(earlier) and earlier in view.snapshot.secrets
        return self.setting(name, earlier) if known and earlier else None

    def _step(
        self, name: str, title: str, command: Command, undo: Command | None = None
    ) -> RunStep:
        resource = f"{self.noun}/{name}"
        return RunStep(title=title, resource=resource, command=command, undo=undo)
