"""The kinds as the API shows them: what a face needs to build flags, forms and lists."""

from __future__ import annotations

from collections.abc import Mapping

from appliance.api.field_docs import describe
from appliance.api.wire import KindList, KindView
from appliance.kinds.base import Kind
from appliance.kinds.registry import AnyKind


def kind_list(kinds: Mapping[str, AnyKind]) -> KindList:
    """All kinds in building order, each with the JSON schema of its spec."""
    return KindList(
        kinds=tuple(
            KindView(
                noun=kind.noun,
                title=kind.title,
                face_of=kind.face_of,
                verbs=_verbs(kind),
                columns=kind.columns,
                spec_schema=describe(kind.spec_type.model_json_schema(), kind.spec_type),
            )
            for kind in kinds.values()
        )
    )


def _verbs(kind: AnyKind) -> dict[str, str]:
    """Its acts; what can describe a found thing can be imported."""
    importable = type(kind).adopt is not Kind.adopt
    own = dict(kind.verbs)
    return (
        own | {"import": f"Manage a {kind.noun} that was found on the disks"} if importable else own
    )
