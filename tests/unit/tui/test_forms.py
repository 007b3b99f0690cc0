"""Forms from the real kinds: what they ask for, what they refuse, and in which words."""

from __future__ import annotations

from typing import Any

import pytest

from appliance.api.catalog import kind_list
from appliance.api.fields import fields_of_kind
from appliance.errors import InvalidInputError
from appliance.kinds.registry import all_kinds
from appliance.model.plan import PlanRequest
from tui.forms import Form, changed_meanwhile, rule_words

NFS = {"clients": [{"address": "10.0.0.0/8"}]}
KINDS = [item.model_dump() for item in kind_list(all_kinds()).kinds]


def form(noun: str, name: str = "", now: dict[str, Any] | None = None) -> Form:
    view = next(item for item in KINDS if item["noun"] == noun)
    faces = [item for item in KINDS if item["face_of"] == noun]
    return Form(noun, name, fields_of_kind(view, faces), now)


def filled(made: Form, **texts: str) -> dict[str, str]:
    found = {field.dotted: made.initial(field) for field in made.fields}
    return found | {key.replace("__", "."): text for key, text in texts.items()}


def test_a_new_thing_asks_for_what_was_filled_in_and_nothing_else() -> None:
    made = form("pool")
    texts = filled(made, capacity="yes", capacity__disks="bay:1,bay:2", capacity__raid="raid1")
    assert made.request("tank", texts) == PlanRequest(
        put={"pool": {"tank": {"capacity": {"disks": ["bay:1", "bay:2"], "raid": "raid1"}}}}
    )


def test_fields_of_a_table_show_once_it_is_asked_for() -> None:
    made = form("share")
    assert "nfs.clients" not in made.shown(filled(made))
    assert "nfs.clients" in made.shown(filled(made, nfs="yes"))


def test_a_change_keeps_what_was_not_touched() -> None:
    made = form("share", "images", {"volume": "images", "quota": 1000, "nfs": NFS})
    request = made.request("images", filled(made, quota="2 GiB"))
    assert request.put == {"share": {"images": {"volume": "images", "quota": "2 GiB", "nfs": NFS}}}


def test_a_field_emptied_goes_back_to_its_default() -> None:
    made = form("share", "images", {"volume": "images", "quota": 1000})
    assert made.request("images", filled(made, quota="")).put == {
        "share": {"images": {"volume": "images"}}
    }


def test_what_a_table_needs_is_asked_for_once_it_is_wanted() -> None:
    made = form("pool")
    assert not made.wrong("tank", filled(made))
    wrong = made.wrong("tank", filled(made, capacity="yes"))
    assert wrong == {"capacity.disks": "this is required", "capacity.raid": "this is required"}


def test_a_face_taken_away_is_removed_alone() -> None:
    now = {"volume": "images", "nfs": NFS}
    made = form("share", "images", now)
    assert made.request("images", filled(made, nfs="no")).remove == ("nfs/images",)
    with pytest.raises(InvalidInputError) as raised:
        made.request("images", filled(made, nfs="no", quota="1 GiB"))
    assert raised.value.details == ("nfs: take it away first, in a change of its own",)


@pytest.mark.parametrize(
    ("noun", "field", "text", "words"),
    [
        ("vm", "memory", "", "this is required"),
        ("vm", "memory", "lots", "is not a size; write for example 500 GiB"),
        ("vm", "memory", "0", "more than nothing"),
        ("vm", "cpus", "two", "a whole number"),
        ("vm", "cpus", "999", "a whole number from 1 to 256"),
        ("vm", "disks", "ok,Not OK", "a small letter first"),
        ("vm", "network", "moon", "it must have the form"),
        ("share", "mode", "9999", "it must have the form ^[0-7]{4}$"),
        ("vm", "firmware", "coreboot", "one of: uefi, bios, kernel"),
    ],
)
def test_a_broken_rule_is_told_in_words_at_its_field(
    noun: str, field: str, text: str, words: str
) -> None:
    made = form(noun)
    needed = {"memory": "1 GiB"} if noun == "vm" else {"volume": "images"}
    wrong = made.wrong("fine", filled(made, **(needed | {field: text})))
    assert wrong.keys() == {field}
    assert words in wrong[field]


def test_a_name_that_is_none_is_refused() -> None:
    made = form("vm")
    assert made.wrong("Not a name", filled(made, memory="1 GiB")).keys() == {"name"}


def test_nothing_changed_is_said() -> None:
    made = form("share", "images", {"volume": "images"})
    with pytest.raises(InvalidInputError, match="Nothing was changed"):
        made.request("images", filled(made))


@pytest.mark.parametrize(
    ("detail", "key"),
    [
        ("share.images.nfs.clients.0.address: not an address", "nfs.clients"),
        ("share.images.quota: too much", "quota"),
        ("share.images: 'images' is not a name", "name"),
        ("name: taken", "name"),
        ("share.images.unheard: what is that", ""),
    ],
)
def test_what_the_node_found_is_put_to_its_field(detail: str, key: str) -> None:
    where, words = form("share").where("images", detail)
    assert where == key
    assert words == detail.partition(": ")[2]


def test_help_says_the_rule_before_it_is_broken() -> None:
    fields = {field.dotted: field for field in form("share").fields}
    assert "a size: 500 GiB" in rule_words(fields["quota"])
    assert "small letter first" in rule_words(fields["volume"])
    assert "each as ADDRESS;access=..." in rule_words(fields["nfs.clients"])


def test_what_others_changed_is_named() -> None:
    before, after = {"size": 1, "pool": "a"}, {"size": 2, "tier": "x", "pool": "a"}
    assert list(changed_meanwhile(before, after)) == [
        "size: was 1, is 2 now",
        "tier: was not set, is x now",
    ]
