"""Site specs to resources and back, and every way a spec can be wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Annotated, Any

import pytest
from pydantic import Field, model_validator

from appliance.errors import InvalidInputError, NotFoundError
from appliance.kinds.base import Change, Kind, Probe, View
from appliance.kinds.registry import all_kinds
from appliance.model.base import Name, Size, Value
from appliance.model.plan import PlanRequest
from appliance.model.resource import ActionRequest, Found, Resource, Spec
from appliance.model.steps import Step
from appliance.planner.site import parse_site, show_site
from appliance.planner.wish import wish_of
from tests.unit.fakekinds import KINDS
from tests.unit.jobs.sites import FULL


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Wheel(Value):
    spokes: Annotated[int, Field(ge=3)]
    rim: Name = "rim"


class CartSpec(Spec):
    colour: Colour
    wheels: tuple[Wheel, ...] = ()
    spare: Wheel | None = None
    by_name: dict[str, Wheel] = Field(default_factory=dict)
    load: Size = 1
    code: Annotated[str, Field(pattern=r"^[0-7]{4}$")] = "0000"

    @model_validator(mode="after")
    def _no_blue_wheels(self) -> CartSpec:
        if self.colour is Colour.BLUE and self.wheels:
            msg = "a blue cart has no wheels"
            raise ValueError(msg)
        return self


class Cart(Kind[CartSpec, Found]):
    noun = "cart"
    title = "A cart"
    rank = 10
    spec_type = CartSpec
    found_type = Found

    def observe(self, probe: Probe) -> Mapping[str, Found]:
        return {}

    def plan(self, change: Change[CartSpec, Found], view: View) -> Iterator[Step]:
        yield from ()


CARTS = {"cart": Cart()}


def problems(document: dict[str, Any], kinds: Any = CARTS) -> tuple[str, ...]:
    with pytest.raises(InvalidInputError) as raised:
        parse_site(kinds, document)
    assert raised.value.message.startswith(f"The spec is not valid: {raised.value.details[0]}")
    return raised.value.details


def test_faces_become_resources_of_their_own_in_building_order() -> None:
    resources = parse_site(KINDS, FULL)
    assert [item.id for item in resources] == [
        "pool/tank", "volume/images", "volume/other", "share/images", "nfs/images",
    ]  # fmt: skip


def test_there_and_back_again() -> None:
    resources = parse_site(KINDS, FULL)
    assert show_site(KINDS, reversed(resources)) == FULL | {
        "volume": {"images": {"pool": "tank", "size": 5}, "other": {"pool": "tank"}}
    }
    assert parse_site(KINDS, show_site(KINDS, resources)) == resources


def test_the_real_kinds_parse_the_example_of_the_issue() -> None:
    document = {
        "pool": {"tank": {"performance": {"disks": ["bay:7", "bay:8"], "raid": "raid1"}}},
        "volume": {"images": {"pool": "tank", "size": "1 GiB", "tier": "performance"}},
    }
    resources = parse_site(all_kinds(), document)
    assert [item.id for item in resources] == ["pool/tank", "volume/images"]


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"crat": {}}, "crat: there is no kind 'crat'; did you mean 'cart'?"),
        ({"xyz": {}}, "xyz: there is no kind 'xyz'; there are: cart"),
        ({"cart": 1}, "cart: write it as a table with a name: [cart.NAME]"),
        ({"cart": {"a": 1}}, "cart.a: write it as a table: [cart.a]"),
        ({"cart": {"a": {}}}, "cart.a.colour: this key is required"),
        ({"cart": {"a": {"colour": "green"}}}, "cart.a.colour: 'green' is none of 'red' or 'blue'"),
        (
            {"cart": {"a": {"colour": "red", "laod": 1}}},
            "cart.a.laod: a cart has no key 'laod' here; did you mean 'load'?",
        ),
        (
            {"cart": {"a": {"colour": "red", "spare": {"spokes": 3, "q": 1}}}},
            "cart.a.spare.q: a cart has no key 'q' here; there are: spokes, rim",
        ),
        (
            {
                "cart": {
                    "a": {"colour": "red", "wheels": [{"spokes": 3}, {"spokes": 3, "rum": "x"}]}
                }
            },
            "cart.a.wheels.1.rum: a cart has no key 'rum' here; did you mean 'rim'?",
        ),
        (
            {"cart": {"a": {"colour": "red", "by_name": {"load": {"spokes": 3, "spoke": 1}}}}},
            "cart.a.by_name.load.spoke: a cart has no key 'spoke' here; did you mean 'spokes'?",
        ),
        (
            {"cart": {"a": {"colour": "red", "wheels": [{"spokes": 2}]}}},
            "cart.a.wheels.0.spokes: input should be greater than or equal to 3",
        ),
        (
            {"cart": {"a": {"colour": "red", "spare": {"spokes": 3, "rim": "No/Name"}}}},
            "cart.a.spare.rim: 'No/Name' is not a name: 1 to 31 characters",
        ),
        (
            {"cart": {"a": {"colour": "red", "code": "9"}}},
            "cart.a.code: '9' does not have the form ^[0-7]{4}$",
        ),
        (
            {"cart": {"a": {"colour": "red", "load": "2 bananas"}}},
            "cart.a.load: '2 bananas' is not a size; write for example 500 GiB",
        ),
        (
            {"cart": {"a": {"colour": "blue", "wheels": [{"spokes": 3}]}}},
            "cart.a: a blue cart has no wheels",
        ),
    ],
)
def test_a_wrong_key_is_named_with_its_rule(document: dict[str, Any], words: str) -> None:
    assert problems(document)[0].startswith(words)


@pytest.mark.parametrize(
    "name",
    ["a" * 32, "../etc", "a b", "a;reboot", "$(id)", "-rf", "A", "1a", "a-", "ä", "a/b", "", "a\n"],
)
def test_a_name_with_shell_or_path_characters_or_too_long(name: str) -> None:
    (words,) = problems({"cart": {name: {"colour": "red"}}})
    assert "is not a name: 1 to 31 characters" in words


def test_the_longest_name() -> None:
    (cart,) = parse_site(CARTS, {"cart": {"a" * 31: {"colour": "red"}}})
    assert cart.name == "a" * 31


def test_all_problems_are_told_at_once() -> None:
    found = problems({"cart": {"a": {"load": 0, "colur": "red"}, "B": {}}, "truck": {}})
    assert [line.split(":")[0] for line in found] == [
        "cart.a.colour", "cart.a.load", "cart.a.colur", "cart.B", "truck",
    ]  # fmt: skip


def test_a_face_outside_its_share_is_told_where_it_belongs() -> None:
    (words,) = problems({"nfs": {"images": {}}}, KINDS)
    assert words == "nfs: nfs stands inside a share: [share.NAME.nfs]"


def test_a_face_is_named_by_its_share_table() -> None:
    site = {
        "share": {"images": {"volume": "v", "nfs": {"clients": [1], "quite": True}, "nfss": {}}}
    }
    assert problems(site, KINDS) == (
        "share.images.nfss: a share has no key 'nfss' here; did you mean 'nfs'?",
        "share.images.nfs.clients.0: input should be a valid string",
        "share.images.nfs.quite: a nfs has no key 'quite' here; did you mean 'quiet'?",
    )


def wish(before: tuple[Resource, ...], **request: Any) -> list[str]:
    return [item.id for item in wish_of(KINDS, PlanRequest(**request), before).after]


def test_ways_of_asking() -> None:
    before = parse_site(KINDS, FULL)
    everything = [item.id for item in before]
    assert wish(before, site={}) == []
    assert wish(before, put={"pool": {"new": {"disks": ["d4"]}}}) == ["pool/new", *everything]
    assert wish(before, put={"share": {"images": {"volume": "other"}}}) == everything
    assert wish(before, remove=("share/images",)) == everything[:3]
    assert wish(before, remove=("nfs/images", "volume/other")) == [
        "pool/tank", "volume/images", "share/images",
    ]  # fmt: skip
    action = ActionRequest(resource="volume/other", verb="poke")
    acting = wish_of(KINDS, PlanRequest(action=action), before)
    assert (acting.after, acting.action) == (before, action)


@pytest.mark.parametrize("request_", [{}, {"site": {}, "put": {}}, {"put": {}, "remove": ("a",)}])
def test_exactly_one_way_of_asking(request_: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError, match="whole site, or things to put"):
        wish_of(KINDS, PlanRequest(**request_), ())


def test_what_is_not_managed_cannot_be_removed() -> None:
    with pytest.raises(NotFoundError, match="'volume/x' is not managed here"):
        wish_of(KINDS, PlanRequest(remove=("volume/x",)), ())
