"""The taught map speaks where the profile is silent, and survives a restart."""

from __future__ import annotations

from pathlib import Path

from agents.node.profiles import GENERIC, profile_named
from agents.node.watch.taught import TaughtProfile
from appliance.state.db import Store
from appliance.state.taught import TaughtBays

KNOWN, UNKNOWN = "pci-0000:00:06.0-sas-phy0-lun-0", "pci-0000:00:99.0-sas-phy0-lun-0"


def test_the_profile_speaks_first() -> None:
    lab = profile_named("lab-12bay")
    taught = TaughtProfile(lab, lambda: {KNOWN: "X1", UNKNOWN: "X2"})
    assert (taught.name, taught.reserve) == (lab.name, lab.reserve)
    assert taught.bay_of(KNOWN) == lab.bay_of(KNOWN) != ""
    assert taught.bay_of(UNKNOWN) == "X2"
    assert taught.bay_of("", enclosure="NOBODY", slot=3) == ""
    assert TaughtProfile(GENERIC, lambda: {KNOWN: "X1"}).bay_of(KNOWN) == "X1"


def test_what_was_taught_is_kept(tmp_path: Path) -> None:
    store = Store(tmp_path / "state.db")
    bays = TaughtBays(store)
    bays.teach(KNOWN, "A1")
    bays.teach(UNKNOWN, "A2")
    bays.teach(KNOWN, "A3")
    bays.teach(UNKNOWN, "")
    assert dict(bays.labels()) == dict(TaughtBays(store).labels()) == {KNOWN: "A3"}
