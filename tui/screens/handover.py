"""The handover sheet, to read and to keep."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from textual.binding import Binding, BindingType

from appliance.api.setup_words import handover_lines
from appliance.api.words import Span
from appliance.model.handover import Handover
from tui.desk import Desk
from tui.screens.page import Page


class Sheet(Page):
    """The node as it was handed over."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("s", "save", "Save as text and JSON")]

    def __init__(self, desk: Desk, sheet: Handover) -> None:
        lines = tuple(handover_lines(sheet.model_dump(mode="json")))
        super().__init__(desk, "handover sheet", ((Span(line),) for line in lines))
        self._sheet = sheet
        self._text = "\n".join(lines) + "\n"

    def action_save(self) -> None:
        """Two files in the folder the console was started in, where this console runs."""
        stem = Path(f"handover-{self._sheet.hostname}")
        try:
            stem.with_suffix(".txt").write_text(self._text, encoding="utf-8")
            stem.with_suffix(".json").write_text(self._sheet.model_dump_json(indent=2) + "\n")
        except OSError as error:
            self.say(
                f"Not saved: {stem}.txt: {error.strerror}. Start where you may write.", "critical"
            )
            return
        self.say(f"Saved as {stem.absolute()}.txt and .json")
