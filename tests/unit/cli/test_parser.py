"""The whole parser walked: every verb has an example, every read can answer in JSON."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.cli.main import main
from appliance.cli.verbs.completion import whole_parser
from images.lab import build_parser as lab_parser

ROOM = Path(__file__).parents[3] / "appliance/cli/verbs"


def walk(
    parser: argparse.ArgumentParser, words: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], argparse.ArgumentParser]]:
    """Every parser that stands for a command, by its words."""
    inner = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if not inner:
        yield words, parser
    for action in inner:
        for word, child in action.choices.items():
            yield from walk(child, (*words, word))


COMMANDS = dict(walk(whole_parser()))
LAB = dict(walk(lab_parser()))


def _id(words: tuple[str, ...]) -> str:
    return " ".join(words)


def test_the_walk_sees_them_all() -> None:
    nouns = {words[0] for words in COMMANDS}
    # A verb that is large has a file of its own beside its noun's: disk_replace.
    files = {path.stem for path in ROOM.glob("*.py") if "_" not in path.stem} - {"resource"}
    assert "disk" in files
    assert files < nouns
    assert {"pool", "volume", "share", "lun", "vm"} < nouns
    assert {("status",), ("pool", "create"), ("volume", "snapshot"), ("disk", "verdict")} < set(
        COMMANDS
    )


@pytest.mark.parametrize("words", COMMANDS, ids=_id)
def test_every_command_shows_an_example_of_itself(words: tuple[str, ...]) -> None:
    shown = COMMANDS[words].format_help()
    _, found, example = shown.partition("example:\n")
    assert found, "its help has no example"
    assert f"appliance {' '.join(words)}" in example


@pytest.mark.parametrize("words", COMMANDS, ids=_id)
def test_every_command_speaks_json_and_takes_a_node(words: tuple[str, ...]) -> None:
    options = {option for action in COMMANDS[words]._actions for option in action.option_strings}
    assert {"--json", "-H", "--node", "-i", "--help"} <= options


@pytest.mark.parametrize("words", COMMANDS, ids=_id)
def test_every_option_says_what_it_is(words: tuple[str, ...]) -> None:
    silent = [
        action.option_strings
        for action in COMMANDS[words]._actions
        if action.option_strings and not (action.help or "").removeprefix("required")
    ]
    assert silent == []


@pytest.mark.parametrize("words", COMMANDS, ids=_id)
def test_what_changes_a_node_can_be_previewed(words: tuple[str, ...]) -> None:
    """Or it is one of those that change no disk and carry out no plan."""
    options = {option for action in COMMANDS[words]._actions for option in action.option_strings}
    reads = {"list", "show", "status", "site", "verify", "verdict", "watch", "completion",
             "metrics", "certificate", "handover"}  # fmt: skip
    planless = {("host", "trust"), ("secret", "set"), ("secret", "delete"), ("job", "undo"),
                ("job", "abandon"), ("alert", "acknowledge"), ("disk", "locate"), ("disk", "teach"),
                    ("network", "confirm")}  # fmt: skip
    assert "--preview" in options or words[-1] in reads or words in planless


@pytest.mark.parametrize("words", LAB, ids=_id)
def test_the_lab_shows_examples_too(words: tuple[str, ...]) -> None:
    assert f"example: appliance-lab {words[0]}" in LAB[words].format_help()


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["disk"], "the following arguments are required: VERB"),
        (["disk", "lst"], "invalid choice: 'lst'"),
        (["disk", "list", "--jsn"], "unrecognized arguments: --jsn"),
        (["audit", "list", "--limit", "many"], "invalid int value: 'many'"),
        (["--jsn", "status"], "'--jsn' is no option"),
        (["-H"], "'-H' is no option, or its value is missing"),
        (["-H", "http://x", "status"], "'http://x' is not the address of a node"),
        (["-H", "unix:///nowhere/agent.sock", "pol", "list"], "There is no noun 'pol'"),
        (["-H", "unix:///nowhere/agent.sock", "nfs", "list"], "nfs is a face of a share"),
    ],
)
@pytest.mark.usefixtures("allow_sockets")
def test_a_wrong_word_is_told_with_what_to_do(
    capsys: pytest.CaptureFixture[str], argv: list[str], said: str
) -> None:
    assert main(argv) == 64
    told = capsys.readouterr()
    assert told.out == ""
    first, *_, last = told.err.splitlines()
    assert first.startswith("error: ")
    assert said in first
    assert last.startswith("next: ")
