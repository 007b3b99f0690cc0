"""The wish as last applied."""

from __future__ import annotations

import json
from collections.abc import Iterable

from sqlite_utils import Database

from appliance.model.resource import Resource
from appliance.state.db import Store


class Desired:
    """What the node shall hold. Specs come back as the open type; the kinds know theirs."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def resources(self) -> tuple[Resource, ...]:
        """All of them, by kind and name."""
        rows = self._store.rows("SELECT kind, name, document FROM desired ORDER BY kind, name")
        return tuple(
            Resource.model_validate(
                {"kind": row["kind"], "name": row["name"], "spec": json.loads(row["document"])}
            )
            for row in rows
        )


def replace_desired(db: Database, resources: Iterable[Resource]) -> None:
    """Put another wish in place, within the transaction of the job that does so."""
    db.execute("DELETE FROM desired")
    db.table("desired").insert_all(
        {"kind": item.kind, "name": item.name, "document": item.spec.model_dump_json()}
        for item in resources
    )
