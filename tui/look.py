"""How the console looks: one style sheet, ASCII borders on plain terminals, 16 colours.

A colour never says anything that a word or a symbol does not say too.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from rich.style import Style

COLOURS_VARIABLE: Final = "APPLIANCE_COLOURS"
"""Names the palette; read when the program starts, as the styles are made then."""
_USUAL: Final = ("green", "yellow", "red")
_BLIND: Final = ("cyan", "yellow", "blue")
"""Red and green look alike to one man in twelve; blue and yellow do not (Okabe and Ito,
jfly.uni-koeln.de/color). The worst one is reversed as well, so that it stands out in grey."""


def tones(palette: str) -> Mapping[str, Style]:
    """The styles of a palette: `blind`, or the usual one."""
    blind = palette == "blind"
    ok, warning, critical = _BLIND if blind else _USUAL
    return MappingProxyType(
        {
            "": Style(),
            "ok": Style(color=ok),
            "warning": Style(color=warning, bold=True),
            "critical": Style(color=critical, bold=True, reverse=blind),
            "info": Style(),
            "dim": Style(dim=True),
            "bold": Style(bold=True),
            "title": Style(bold=True),
            "cursor": Style(reverse=True),
        }
    )


TONES: Final = tones(os.environ.get(COLOURS_VARIABLE, ""))

CSS: Final = """
Screen { layout: vertical; overflow: hidden; background: $background; color: $foreground; }
* { scrollbar-size: 0 0; }
#head, #nav, #hints { height: 1; width: 1fr; text-wrap: nowrap; text-overflow: clip; }
#head { text-style: reverse; }
#banner { display: none; height: auto; max-height: 3; text-style: reverse bold; }
#banner.shown { display: block; }
#body { height: 1fr; width: 1fr; }
#said { height: auto; max-height: 3; display: none; }
#said.shown { display: block; }
#filter { display: none; height: 1; }
#filter.shown { display: block; }
Input, Input:focus { border: none; height: 1; padding: 0; background: $background; background-tint: 0%; }
Input { text-style: underline; }
.scroll { height: 1fr; width: 1fr; }
.split { height: 1fr; width: 1fr; }
.split.beside { layout: horizontal; }
.split.stacked { layout: vertical; }
.beside > .detail { width: 1fr; height: 1fr; border-left: ascii $foreground; padding: 0 1; }
.stacked > .detail { width: 1fr; height: 1fr; max-height: 45%; border-top: ascii $foreground; padding: 0; }
.detail Static { width: 1fr; }
ModalScreen { align: center middle; background: transparent; }
.box { border: ascii $foreground; padding: 0 1; width: 76; max-width: 100%; height: auto; max-height: 100%;
       background: $background; }
.row { height: 1; layout: horizontal; }
.row .label { width: 26; }
.row Input, .row Choice { width: 1fr; }
.wrong { height: auto; display: none; padding: 0 0 0 2; text-style: bold; }
.wrong.shown { display: block; }
.hidden { display: none; }
#about { height: 3; border-top: ascii $foreground; }
"""

RICH: Final = """
.beside > .detail { border-left: solid $foreground 40%; }
.stacked > .detail { border-top: solid $foreground 40%; }
.box { border: round $primary; }
#about { border-top: solid $foreground 40%; }
"""
"""Added where the terminal can draw."""

PLAIN_THEME: Final = "ansi-dark"
RICH_THEME: Final = "textual-dark"
