"""A form made of a kind's fields: what stands in it at first, what is wrong, what it asks for. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from appliance.api.fields import Field, collect, merge, text_of, value_of
from appliance.errors import InvalidInputError
from appliance.model.base import NAME_PATTERN, NAME_RULE, parse_size
from appliance.model.plan import PlanRequest

Json = dict[str, Any]
NAME: Final = Field(
    ("name",), "text", required=True, title="Its name", rule={"pattern": NAME_PATTERN}, needed=True
)
_REQUIRED: Final = "this is required"


@dataclass(frozen=True)
class Form:
    """A thing to make (`now` None) or to change."""

    noun: str
    name: str
    fields: tuple[Field, ...]
    now: Json | None

    def initial(self, field: Field) -> str:
        """What stands in the field when the form opens; empty for what is not set."""
        value: Any = self.now or {}
        for key in field.path:
            value = value.get(key) if isinstance(value, dict) else None
        if field.shape == "table":
            return "no" if value is None else "yes"
        return text_of(field, value)

    def request(self, name: str, texts: Mapping[str, str]) -> PlanRequest:
        """What the form asks for. Raises InvalidInputError with the fields at fault in `details`,
        each as "field: the rule"."""
        wrong = self.wrong(name, texts)
        if wrong:
            raise _invalid(self.noun, wrong)
        changed = [
            (field, texts[field.dotted])
            for field in self.fields
            if self._open(field, texts) and texts[field.dotted] != self.initial(field)
        ]
        if self.now is not None and not changed:
            raise InvalidInputError("Nothing was changed.", hint="Change a field, or leave.")
        gone = [field for field, text in changed if field.shape == "table" and text == "no"]
        faces = [field for field in gone if self._is_face(field)]
        if faces and len(faces) == len(changed):
            return PlanRequest(remove=tuple(f"{field.path[0]}/{name}" for field in faces))
        if faces:
            words = "take it away first, in a change of its own"
            raise _invalid(self.noun, {field.dotted: words for field in faces})
        values = collect((field, [text or "none"]) for field, text in changed if field not in gone)
        for field in gone:
            values = merge(values, {}) | {field.path[0]: None}
        return PlanRequest(put={self.noun: {name: merge(self.now or {}, values)}})

    def wrong(self, name: str, texts: Mapping[str, str]) -> dict[str, str]:
        """Field -> the rule it breaks, in words."""
        found = {field.dotted: problem(field, texts[field.dotted])
                 for field in self.fields if self._open(field, texts)}  # fmt: skip
        if self.now is None:
            found[NAME.dotted] = problem(NAME, name)
        return {key: words for key, words in found.items() if words}

    def shown(self, texts: Mapping[str, str]) -> frozenset[str]:
        """Fields that are to be seen: those of a table only once it is asked for."""
        return frozenset(field.dotted for field in self.fields if self._open(field, texts))

    def where(self, name: str, detail: str) -> tuple[str, str]:
        """The field a node's finding is about, and its words: "pool.x.capacity.raid: ..."."""
        key, _, words = detail.partition(": ")
        if key in {NAME.dotted, f"{self.noun}.{name}"} and self.now is None:
            return NAME.dotted, words
        path = key.removeprefix(f"{self.noun}.{name}").lstrip(".")
        known = {field.dotted for field in self.fields}
        while path and path not in known:
            path = path.rpartition(".")[0]
        return (path, words) if words else ("", detail)

    def _open(self, field: Field, texts: Mapping[str, str]) -> bool:
        tables = {item.dotted for item in self.fields if item.shape == "table"}
        above = (".".join(field.path[:i]) for i in range(1, len(field.path)))
        return all(texts.get(table) == "yes" for table in above if table in tables)

    def _is_face(self, field: Field) -> bool:
        return len(field.path) == 1 and field.rule == {}


def problem(field: Field, text: str) -> str:
    """The rule that a field's text breaks, in words; empty when it is well."""
    if not text:
        return _REQUIRED if field.needed else ""
    if field.shape in {"table", "yes-no"}:
        return ""
    if field.choices:
        return "" if text in field.choices else f"one of: {', '.join(field.choices)}"
    try:
        value = value_of(field, [text])
    except InvalidInputError as error:
        return error.message
    items = value if field.shape == "list" and isinstance(value, list) else [text]
    return next((words for item in items if (words := _broken(field.rule, item))), "")


def rule_words(field: Field) -> str:
    """What may stand in a field, for its help."""
    rule = field.rule
    parts = [
        " | ".join(field.choices),
        "a size: 500 GiB, 2 TB" if rule.get("format") == "size" else "",
        NAME_RULE if rule.get("pattern") == NAME_PATTERN else "",
        _range(rule) if rule.get("type") == "integer" else "",
        f"each as {field.keys[0].upper()};{';'.join(f'{key}=...' for key in field.keys[1:])}"
        if len(field.keys) > 1
        else "",
        "several with commas" if field.shape == "list" else "",
        "KEY=VALUE" if field.shape == "map" else "",
    ]
    return "; ".join(filter(None, parts))


def changed_meanwhile(before: Json | None, after: Json | None) -> Iterable[str]:
    """What somebody else changed since a form was opened, one line a key."""
    old, new = before or {}, after or {}
    for key in sorted(old.keys() | new.keys()):
        if old.get(key) != new.get(key):
            yield f"{key}: was {old.get(key, 'not set')}, is {new.get(key, 'not set')} now"


def _broken(rule: Mapping[str, Any], item: Any) -> str:  # noqa: ANN401 - JSON
    """The rule an item breaks. Tables in lists are left to the node."""
    if isinstance(item, dict):
        return ""
    text = str(item)
    if rule.get("format") == "size":
        return _no_size(text)
    if rule.get("type") == "integer":
        return _out_of_range(rule, text)
    pattern = rule.get("pattern")
    if pattern and not re.search(pattern, text):
        return NAME_RULE if pattern == NAME_PATTERN else f"it must have the form {pattern}"
    if "enum" in rule and text not in rule["enum"]:
        return f"one of: {', '.join(rule['enum'])}"
    longest = rule.get("maxLength")
    return f"at most {longest} characters" if longest and len(text) > longest else ""


def _no_size(text: str) -> str:
    try:
        size = int(str(parse_size(text)))
    except ValueError as error:
        return str(error)
    return "" if size > 0 else "more than nothing"


def _out_of_range(rule: Mapping[str, Any], text: str) -> str:
    if not re.fullmatch(r"-?\d+", text):
        return "a whole number"
    low, high = rule.get("minimum"), rule.get("maximum")
    fits = (low is None or int(text) >= low) and (high is None or int(text) <= high)
    return "" if fits else _range(rule)


def _range(rule: Mapping[str, Any]) -> str:
    low, high = rule.get("minimum"), rule.get("maximum")
    if low is None and high is None:
        return "a whole number"
    if high is None:
        return f"a whole number of at least {low}"
    return f"a whole number from {low} to {high}" if low is not None else f"at most {high}"


def _invalid(noun: str, wrong: Mapping[str, str]) -> InvalidInputError:
    return InvalidInputError(
        f"{len(wrong)} of the fields {'is' if len(wrong) == 1 else 'are'} not as it must be.",
        hint="Correct what is marked with !; nothing was changed.",
        subject=noun,
        details=tuple(f"{key}: {words}" for key, words in wrong.items()),
    )
