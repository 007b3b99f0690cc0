"""Secrets that specs refer to by name: values go in and never come out."""

from __future__ import annotations

from typing import ClassVar

from pydantic import SecretStr
from textual.binding import Binding, BindingType

from appliance.api.contract import SECRET_DROP, SECRET_PUT, SECRETS
from appliance.api.wire import SecretNames, SecretValue
from tui.forms import NAME, problem
from tui.screens.ask import Ask, Write
from tui.screens.listing import Listing
from tui.widgets.table import Row


class Secrets(Listing):
    """Names only."""

    HEADING = "secrets"
    EMPTY = "no secret yet: n stores one"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "new", "New"),
        Binding("e", "replace", "Replace"),
        Binding("d", "drop", "Forget"),
    ]

    def look(self) -> None:
        """Their names."""
        self.desk.gateway.ask(self, SECRETS, then=self._seen, refused=self.say_error)

    def action_new(self) -> None:
        """Ask for a name, then for the value."""

        def named(name: str | None) -> None:
            wrong = problem(NAME, name) if name is not None else ""
            if wrong:
                self.say(f"'{name}': {wrong}", "critical")
            elif name is not None:
                self._store(name)

        _ = self.app.push_screen(Write("Name of the secret:"), named)

    def action_replace(self) -> None:
        """Another value under the same name."""
        if self.table.key:
            self._store(self.table.key)

    def action_drop(self) -> None:
        """Forget it; the node refuses while something refers to it."""
        name = self.table.key

        def answered(yes: bool | None) -> None:  # noqa: FBT001 - as push_screen calls it
            if yes:
                self.desk.gateway.ask(
                    self, SECRET_DROP, then=self._seen, refused=self.say_error, name=name
                )

        if name:
            _ = self.app.push_screen(Ask(f"Forget the secret {name}? It is gone then."), answered)

    def _store(self, name: str) -> None:
        def written(value: str | None) -> None:
            if value is not None:
                self.desk.gateway.ask(
                    self,
                    SECRET_PUT,
                    SecretValue(value=SecretStr(value)),
                    then=self._seen,
                    refused=self.say_error,
                    name=name,
                )

        _ = self.app.push_screen(Write(f"Value of {name} (not shown):", hidden=True), written)

    def _seen(self, found: SecretNames) -> None:
        self.table.show(("SECRET",), (Row(name, (name,)) for name in found.names))
