"""The command appliance-tui."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from appliance.errors import ApplianceError
from tui.desk import is_plain

_OUTRO = """\
examples:
  appliance-tui                                     this machine's node
  appliance-tui -H ssh://admin@node1                another one
  appliance-tui --recorded hardware-profiles/lab-12bay/captures

On a plain console (TERM=linux, vt220, a serial line) it draws with ASCII and 16 colours.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the console. Returns the exit status; errors are told on standard error."""
    options = _parser().parse_args(argv)
    address = f"recorded://{options.recorded}" if options.recorded else options.node
    plain = options.plain or is_plain()
    if plain:
        # Textual reads these when it is imported.
        os.environ.setdefault("TEXTUAL_ANIMATIONS", "none")
        os.environ.setdefault("TEXTUAL_COLOR_SYSTEM", "standard")
        os.environ.setdefault("TEXTUAL_DISABLE_KITTY_KEY", "1")
    if options.colours:
        os.environ["APPLIANCE_COLOURS"] = options.colours
    from tui.app import Console  # noqa: PLC0415 - after the environment is as it shall be
    from tui.gateway import Gateway, opener  # noqa: PLC0415 - as above

    try:
        gateway = Gateway(opener(address, options.identity))
    except ApplianceError as error:
        sys.stderr.write(f"error: {error.message}\nnext: {error.hint}\n")
        return error.exit_status
    console = Console(gateway, plain=plain, idle_s=60 * options.idle)
    console.run(mouse=not plain)
    return console.return_code or 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="appliance-tui",
        description="The console of a storage appliance: everything by keyboard.",
        epilog=_OUTRO,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "-H", "--node", metavar="ADDRESS", default=os.environ.get("APPLIANCE_HOST", ""),
        help="the node: ssh://USER@HOST[:PORT]; without it this machine ($APPLIANCE_HOST)",
    )  # fmt: skip
    which.add_argument("--recorded", metavar="DIR", default="", help="play a recorded node")
    parser.add_argument(
        "-i", "--identity", metavar="FILE", default="", help="private SSH key to use"
    )
    parser.add_argument(
        "--idle", metavar="MINUTES", type=float, default=0,
        help="leave when nobody has pressed a key for so long: a console in a rack",
    )  # fmt: skip
    parser.add_argument(
        "--colours", choices=("usual", "blind"), default="",
        help="blind: blue and yellow, for people who cannot tell red from green "
        "($APPLIANCE_COLOURS); NO_COLOR=1 takes all colours away",
    )  # fmt: skip
    parser.add_argument("--plain", action="store_true", help="ASCII and 16 colours on any terminal")
    return parser


if __name__ == "__main__":
    sys.exit(main())
