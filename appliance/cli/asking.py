"""Questions to a person at a terminal. Whoever leaves a question unanswered changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from appliance.errors import ConfirmationError

_YES: Final = frozenset({"y", "yes"})


def ask(question: str) -> str:
    """What a person types, without the blanks around it.

    Raises ConfirmationError when the input ends, KeyboardInterrupt saying that nothing was done.
    """
    return _answer(input, question).strip()


def agreed(question: str) -> bool:
    """Whether the answer is yes; no is the default."""
    return ask(f"{question} [y/N] ").lower() in _YES


def ask_hidden(question: str) -> str:
    """What a person types, unseen and as it is. Raises as `ask` does."""
    from getpass import getpass

    return _answer(getpass, question)


def _answer(read: Callable[[str], str], question: str) -> str:
    try:
        return read(question)
    except EOFError as error:
        print()
        raise ConfirmationError(
            "The question was not answered; nothing was done.",
            hint="Run it again and answer; which options answer it says --help.",
        ) from error
    except KeyboardInterrupt:
        raise KeyboardInterrupt("Interrupted; nothing was done.") from None
