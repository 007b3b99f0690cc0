"""The command appliance-tui."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Sequence
from typing import Final

from appliance.errors import ApplianceError, UnavailableError
from tui.desk import is_plain

PORT: Final = 8000
_OUTRO = """\
examples:
  appliance-tui                                     this machine's node
  appliance-tui -H ssh://admin@node1                another one
  appliance-tui --recorded hardware-profiles/lab-12bay/captures
  appliance-tui --serve                             in a browser

On a plain console (TERM=linux, vt220, a serial line) it draws with ASCII and 16 colours.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the console. Returns the exit status; errors are told on standard error."""
    options = _parser().parse_args(argv)
    if options.serve is not None:
        return serve(options.serve, sys.argv[1:] if argv is None else argv)
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


def serve(port: int, words: Sequence[str]) -> int:
    """Serve the console with the other options to browsers, until it is ended."""
    try:
        from tui.web import Served  # noqa: PLC0415 - an optional part
    except ModuleNotFoundError as error:
        sys.stderr.write(
            f"error: The part for browsers is not installed: there is no {error.name}.\n"
            "next: pip install 'appliance-suite[web]'; the appliance's own image has it.\n"
        )
        return UnavailableError.exit_status
    command = shlex.join([sys.executable, "-m", "tui.main", *without_serve(words)])
    try:
        Served(command, port).serve()
    except OSError as error:
        sys.stderr.write(f"error: {error.strerror}\nnext: Name a free port: --serve 8001\n")
        return UnavailableError.exit_status
    return 0


def without_serve(words: Sequence[str]) -> list[str]:
    """The options of each browser's own console."""
    _, rest = _serving().parse_known_args(words)
    return rest


def _serving() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument(
        "--serve", metavar="PORT", type=int, nargs="?", const=PORT,
        help=f"in a browser, on this machine's loopback ({PORT}); from elsewhere by an SSH tunnel",
    )  # fmt: skip
    return parser


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="appliance-tui",
        description="The console of a storage appliance: everything by keyboard.",
        epilog=_OUTRO,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[_serving()],
        allow_abbrev=False,
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
