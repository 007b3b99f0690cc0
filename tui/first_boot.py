"""The first boot's form: its fields, the answers they mean, and the fields that findings are about.

Pure. Rules and help come from the specs of the kinds that the answers are for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from appliance.api.fields import Field, fields_of
from appliance.api.setup_words import card_lines, layout_lines, medium_lines, proposal_lines
from appliance.api.wire import KindView
from appliance.errors import InvalidInputError
from appliance.model.base import NAME_PATTERN
from appliance.model.names import NODE
from appliance.model.setup import NO_POOL, Proposal
from tui.forms import problem

Json = dict[str, Any]
LINK, CARRIER = "lan", "wire"
"""Names of what is made: the link, what carries it when it is a VLAN."""
HIDDEN: Final = frozenset({"password"})
_NAME: Final = {"pattern": NAME_PATTERN}
_FROM_KINDS: Final = {
    "hostname": ("identity", "hostname"), "timezone": ("identity", "timezone"),
    "ntp": ("identity", "ntp"), "addresses": ("link", "addresses"), "gateway": ("link", "gateway"),
    "dns": ("link", "dns"), "keys": ("account", "keys"),
}  # fmt: skip
"""Key of a field -> noun and path in that kind's spec."""
_ORDER: Final = ("boot", "hostname", "timezone", "ntp", "interfaces", "vlan", "addresses", "gateway", "dns",
                 "account", "keys", "password", "layout", "pool")  # fmt: skip
_NETWORK: Final = frozenset({"interfaces", "vlan", "addresses", "gateway", "dns"})
_ABOUT: Final = {
    "link.lan.bond": "interfaces", "link.lan.interface": "interfaces", "link.wire": "interfaces",
    "link.lan.vlan": "vlan", "setup.layout": "layout", "setup.pool": "pool", "pool": "layout",
    "boot.node": "boot", "identity.node": "hostname", "link": "interfaces", "account": "account",
}  # fmt: skip
"""Where a finding belongs whose last word is no field of ours."""


def fields(kinds: Iterable[KindView], proposal: Proposal) -> tuple[Field, ...]:
    """What is asked, in the order of a person's thoughts: name, network, people, disks.

    Before all of it, on a medium: where to install the system, which is then all that is done.
    """
    schemas = {kind.noun: tuple(fields_of(kind.spec_schema)) for kind in kinds}
    cards = ", ".join(f"{card.interface} ({card.state})" for card in proposal.cards)
    layouts = tuple(layout.name for layout in proposal.layouts)
    best = next((layout.name for layout in proposal.layouts if layout.recommended), NO_POOL)
    own = {
        "interfaces": _own("interfaces", f"Empty leaves the network as it is; two make a bond. There are: {cards}", "list"),
        "vlan": _own("vlan", "Tag of the network the addresses are in; empty for none", rule={"type": "integer", "minimum": 1, "maximum": 4094}),
        "account": _own("account", "Name of the first administrator; empty for none yet", rule=_NAME),
        "password": _own("password", "For the screen and the serial line; over SSH only keys count"),
        "layout": _own("layout", "What each gives is told above", choices=(*layouts, NO_POOL), default=best),
        "pool": _own("pool", "What to call the pool", rule=_NAME, default="data"),
    }  # fmt: skip
    if proposal.on_medium and proposal.boot_disks:
        own["boot"] = _own(
            "boot",
            "Disks to install the system on first, two for a mirror; empty to stay on the medium",
            "list",
        )
    for key, (noun, name) in _FROM_KINDS.items():
        found = next((item for item in schemas.get(noun, ()) if item.path == (name,)), None)
        if found is not None:
            own[key] = found._replace(path=(key,), needed=key == "hostname")
    return tuple(own[key] for key in _ORDER if key in own)


def _own(key: str, title: str, shape: str = "text", **more: Any) -> Field:  # noqa: ANN401 - as Field has it
    return Field((key,), shape, required=False, title=title, **more)


def here_lines(proposal: Json, key: str, value: str) -> Iterator[str]:
    """Of what was found the part that the question is about: a small screen has no room for all."""
    if key == "boot":
        yield from medium_lines(proposal)
        yield from proposal_lines(proposal)
    elif key in _NETWORK:
        yield from card_lines(proposal)
    elif key in {"layout", "pool"} and proposal["layouts"]:
        chosen = [item for item in proposal["layouts"] if item["name"] == value]
        for layout in chosen or (proposal["layouts"] if key == "pool" else ()):
            yield from layout_lines(layout)
        if key == "layout" and not chosen:
            yield "none: no pool for now; make one later, in the place Pools"
    else:
        yield from proposal_lines(proposal)


def document(texts: Mapping[str, str]) -> Json:
    """The answers, in the shape of an answers file."""
    made: Json = {"setup": {key: texts[key] for key in ("layout", "pool") if texts.get(key)}}
    identity = _set({"hostname": texts["hostname"], "timezone": texts.get("timezone", ""),
                     "ntp": _words(texts.get("ntp", ""))})  # fmt: skip
    made["identity"] = {NODE: identity}
    if texts.get("boot"):
        made["boot"] = {NODE: {"disks": _words(texts["boot"])}}
    links = _links(texts)
    if links:
        made["link"] = links
    account = texts.get("account", "")
    if account:
        secret = secret_name(account) if texts.get("password") else ""
        keys = [texts["keys"]] if texts.get("keys") else []
        made["account"] = {account: _set({"role": "admin", "keys": keys, "password": secret})}
    return made


def secret_name(account: str) -> str:
    """The secret that holds the password of the first administrator."""
    return f"{account}-login"


def _links(texts: Mapping[str, str]) -> Json:
    cards = _words(texts.get("interfaces", ""))
    if not cards:
        return {}
    way: Json = {"interface": cards[0]} if len(cards) == 1 else {"bond": {"interfaces": cards}}
    rest = _set({"addresses": _words(texts.get("addresses", "")),
                 "gateway": texts.get("gateway", ""), "dns": _words(texts.get("dns", ""))})  # fmt: skip
    if not texts.get("vlan"):
        return {LINK: way | rest}
    tagged = {"vlan": {"on": CARRIER, "id": int(texts["vlan"])}}
    return {CARRIER: way | {"dhcp": False}, LINK: tagged | rest}


def answered(kept: Mapping[str, Any]) -> dict[str, str]:
    """The texts of the fields from answers that were kept: the inverse of `document`."""
    identity = kept.get("identity", {}).get(NODE, {})
    links = kept.get("link", {})
    lan, carrier = links.get(LINK, {}), links.get(CARRIER, links.get(LINK, {}))
    account = next(iter(kept.get("account", {})), "")
    person = kept.get("account", {}).get(account, {})
    cards = carrier.get("bond", {}).get("interfaces") or [carrier.get("interface", "")]
    found = {
        **kept.get("setup", {}), **identity,
        "boot": kept.get("boot", {}).get(NODE, {}).get("disks", ""),
        "interfaces": cards, "vlan": lan.get("vlan", {}).get("id", ""),
        **{key: lan.get(key, "") for key in ("addresses", "gateway", "dns")},
        "account": account, "keys": person.get("keys", ""),
    }  # fmt: skip
    return {
        key: ",".join(value) if isinstance(value, list) else str(value)
        for key, value in found.items()
        if key in _ORDER
    }


def wrong(asked: Iterable[Field], texts: Mapping[str, str]) -> dict[str, str]:
    """Field -> the rule it breaks, in words. Where the system is installed first, all else is
    asked again on the installed one."""
    if texts.get("boot"):
        return {}
    found = {field.dotted: problem(field, texts.get(field.dotted, "")) for field in asked}
    if texts.get("account") and not (texts.get("keys") or texts.get("password")):
        found["keys"] = "a key or a password: without one nobody can log in"
    if not texts.get("interfaces") and any(texts.get(key) for key in ("vlan", "addresses")):
        found["interfaces"] = "which interface the addresses are for"
    return {key: words for key, words in found.items() if words}


def where(detail: str) -> tuple[str, str]:
    """The field a node's finding is about, and its words: "link.lan.gateway: ..."."""
    path, _, words = detail.partition(": ")
    parts = [part for part in path.split(".") if not part.isdigit()]
    if words and parts[-1] in _ORDER:
        return parts[-1], words
    for length in range(len(parts), 0, -1):
        known = _ABOUT.get(".".join(parts[:length]))
        if words and known:
            return known, words
    return "", detail


def about(error: InvalidInputError) -> list[str]:
    """What an error finds, each as "place: words"."""
    return list(error.details) or [f"{error.subject}: {error.message}"]


def _set(values: Json) -> Json:
    return {key: value for key, value in values.items() if value not in ("", [])}


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]
