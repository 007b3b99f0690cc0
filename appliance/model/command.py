"""A command as a value: what is run is data until the one executor runs it."""

from __future__ import annotations

import shlex
from enum import StrEnum
from typing import Annotated

from pydantic import Field, model_validator

from appliance.model.base import Value


class Effect(StrEnum):
    """What running a command does to the node."""

    READ = "read"
    CHANGE = "change"


class SecretInput(Value):
    """Standard input made of a stored secret; only its name is ever logged or journaled.

    `template` has one or more `{secret}`: "{secret}\\n{secret}\\n" for a tool that asks twice.
    """

    name: str
    template: str = "{secret}"


class Command(Value):
    """An argv and how to run it. A secret never stands in argv; it goes by `SecretInput`."""

    argv: Annotated[tuple[str, ...], Field(min_length=1)]
    timeout_s: Annotated[float, Field(gt=0)]
    effect: Effect
    stdin: str | SecretInput | None = None
    ok_codes: tuple[int, ...] = (0,)

    @model_validator(mode="after")
    def _no_nul(self) -> Command:
        if any("\0" in word for word in self.argv):
            msg = "a NUL byte cannot stand in a command"
            raise ValueError(msg)
        return self

    def line(self) -> str:
        """The command as one line to copy into a shell, secrets masked."""
        words = shlex.join(self.argv)
        if isinstance(self.stdin, SecretInput):
            return f"{words}  # stdin: secret '{self.stdin.name}'"
        if self.stdin is None:
            return words
        text = self.stdin.removesuffix("\n")  # a shell ends a here-string with one by itself
        return f"{words} <<< {shlex.quote(text)}"


class Output(Value):
    """What a finished command left: exit code and captured text (capped by the executor)."""

    code: int
    stdout: str
    stderr: str = ""


def read(*argv: str, timeout_s: float = 30, ok_codes: tuple[int, ...] = (0,)) -> Command:
    """A command that only looks."""
    return Command(argv=argv, timeout_s=timeout_s, effect=Effect.READ, ok_codes=ok_codes)


def change(
    *argv: str,
    timeout_s: float = 120,
    stdin: str | SecretInput | None = None,
    ok_codes: tuple[int, ...] = (0,),
) -> Command:
    """A command that changes the node."""
    return Command(
        argv=argv, timeout_s=timeout_s, effect=Effect.CHANGE, stdin=stdin, ok_codes=ok_codes
    )
