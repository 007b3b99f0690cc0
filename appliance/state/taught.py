"""The taught map: labels of bays that nothing in the machine tells, by the path that leads there."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from appliance.state.db import Store


class TaughtBays:
    """Path -> label. Safe to use from several threads."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._labels: dict[str, str] = {
            row["path"]: row["label"] for row in store.rows("SELECT path, label FROM taught_bay")
        }

    def labels(self) -> Mapping[str, str]:
        """Every taught path (udev's ID_PATH) and its label."""
        return MappingProxyType(self._labels)

    def teach(self, path: str, label: str) -> None:
        """This path leads to that bay; an empty label forgets it. Raises FullError."""
        with self._store.writing() as db:
            if label:
                db.table("taught_bay").insert({"path": path, "label": label}, replace=True)
            else:
                db.table("taught_bay").delete_where("path = ?", [path])
        known = {key: value for key, value in self._labels.items() if key != path}
        self._labels = known | ({path: label} if label else {})
