"""Wishes the tests go between."""

from __future__ import annotations

from typing import Any

SMALL: dict[str, Any] = {"pool": {"tank": {"disks": ["d1", "d2"]}}}
FULL: dict[str, Any] = {
    "pool": {"tank": {"disks": ["d1", "d2"]}},
    "volume": {"images": {"pool": "tank", "size": 5}, "other": {"pool": "tank"}},
    "share": {"images": {"volume": "images", "nfs": {"clients": ["10.0.0.1"]}}},
}
GROWN: dict[str, Any] = {
    "pool": {"tank": {"disks": ["d1", "d2", "d3"]}},
    "volume": {"images": {"pool": "tank", "size": 7}, "new": {"pool": "tank"}},
    "share": {
        "images": {"volume": "images", "nfs": {"clients": ["10.0.0.1", "10.0.0.2"]}},
        "new": {"volume": "new"},
    },
}
