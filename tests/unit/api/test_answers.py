"""Answers of a first boot become a site spec like any other."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from appliance.api.answers import parse_answers, site_of
from appliance.api.setup_words import installed_lines, medium_lines
from appliance.errors import InvalidInputError, RefusedError
from appliance.kinds.registry import all_kinds
from appliance.model.setup import ChassisSeen, Layout, Proposal
from appliance.planner.layouts import layouts
from appliance.planner.site import parse_site
from tests.unit.planner.test_layouts import hdds

EXAMPLE = Path(__file__).parents[3] / "examples/answers.toml"


def proposal(*found: Layout) -> Proposal:
    chassis = ChassisSeen(profile="lab-12bay", title="The lab", score=3, bays=12)
    return Proposal(chassis=chassis, disks=(), cards=(), layouts=found)


TWELVE = proposal(*layouts(hdds(12)))
TWENTY_FOUR = proposal(*layouts(hdds(24)))
USER: dict[str, Any] = {"user": {"alice": {}}}


def test_the_example_is_a_site_spec_once_the_pool_is_chosen() -> None:
    document = tomllib.loads(EXAMPLE.read_text())
    site = site_of(document, TWELVE)
    assert "setup" not in site
    assert site["pool"]["data"]["capacity"]["raid"] == "raid6"
    kinds = {item.kind for item in parse_site(all_kinds(), site)}
    assert kinds == {"identity", "link", "account", "pool", "volume", "share", "nfs"}
    assert parse_answers(document).secrets == {"mary-login": "mary.secret"}


def test_without_a_word_the_recommended_layout() -> None:
    assert site_of(USER, TWELVE) == {**USER, **TWELVE.layouts[0].site}


def test_on_a_medium_the_boot_disks_are_all_there_is_to_do() -> None:
    boot = {"boot": {"node": {"disks": ["bay:7", "bay:8"]}}}
    medium = TWELVE.model_copy(update={"on_medium": True})
    assert site_of({**boot, **USER}, medium) == boot
    assert site_of(USER, medium) == {**USER, **TWELVE.layouts[0].site}
    assert site_of({**boot, **USER}, TWELVE) == {**boot, **USER, **TWELVE.layouts[0].site}


def test_a_layout_by_name_and_a_pool_by_name() -> None:
    site = site_of({"setup": {"layout": "raid10", "pool": "tank"}}, TWELVE)
    assert site["pool"]["tank"]["capacity"]["raid"] == "raid10"


def test_several_pools_are_numbered() -> None:
    assert list(site_of({"setup": {"pool": "tank"}}, TWENTY_FOUR)["pool"]) == ["tank1", "tank2"]


OWN = {"pool": {"mine": {"capacity": {"disks": ["bay:1", "bay:2"], "raid": "raid1"}}}}


@pytest.mark.parametrize("setup", [{}, {"setup": {}}, {"setup": {"layout": "none"}}])
def test_own_pools_are_taken_as_they_are(setup: dict[str, Any]) -> None:
    assert site_of({**OWN, **setup}, TWELVE) == OWN


def test_no_pool_at_all() -> None:
    assert site_of({**USER, "setup": {"layout": "none"}}, proposal()) == USER


@pytest.mark.parametrize(
    ("document", "given", "error", "said"),
    [
        ({"setup": {"layout": "raid7"}}, TWELVE, InvalidInputError, "There are: raid6, raid10"),
        (USER, proposal(), InvalidInputError, "See why disks are not used"),
        ({**OWN, "setup": {"layout": "raid6"}}, TWELVE, InvalidInputError, 'layout = "none"'),
        ({"setup": {"profile": "xl60"}}, TWELVE, RefusedError, "go to the right machine"),
        ({"setup": {"layuot": "raid6"}}, TWELVE, InvalidInputError, "setup.layuot"),
        ({"setup": {"pool": "Tank 1"}}, TWELVE, InvalidInputError, "setup.pool"),
        ({"setup": {"secrets": {"A": "x"}}}, TWELVE, InvalidInputError, "setup.secrets.A"),
    ],
)
def test_what_makes_no_sense_is_refused(
    document: dict[str, Any], given: Proposal, error: type[Exception], said: str
) -> None:
    with pytest.raises(error) as raised:
        site_of(document, given)
    assert isinstance(raised.value, InvalidInputError | RefusedError)
    assert said in f"{raised.value.message} {raised.value.hint}"


def test_where_a_medium_can_be_installed_and_where_it_was() -> None:
    seen: dict[str, Any] = {
        "on_medium": True,
        "boot_disks": ["Z1"],
        "disks": [{"serial": "Z1", "bay": "7"}, {"serial": "Z2", "bay": "8"}],
    }
    assert list(medium_lines(seen)) == [
        "system: runs from a medium; it can be installed on bay 7 (serial Z1)"
    ]
    assert "too small" in next(medium_lines({**seen, "boot_disks": []}))
    assert not list(medium_lines({**seen, "on_medium": False}))
    said = "\n".join(installed_lines(seen, {"Z1", "Z2"}))
    assert "installed on bay 7 (serial Z1) and bay 8 (serial Z2)" in said
    assert "take the live medium out" in said
