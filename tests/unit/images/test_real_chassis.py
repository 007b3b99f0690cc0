"""Real chassis: each tells its sources, is found by its DMI facts, and knows its bays."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents.node.profiles import all_profiles, best_profile, profile_named
from appliance.model.profile import Profile

FOLDER = Path(__file__).resolve().parents[3] / "hardware-profiles"
IMITATED = {"generic", "lab-12bay"}
REAL = [profile for profile in all_profiles() if profile.name not in IMITATED]


def test_there_are_chassis_of_every_size() -> None:
    sizes = {len(profile.bays) for profile in REAL}
    assert len(REAL) >= 4
    assert {12, 60} <= sizes


@pytest.mark.parametrize("profile", REAL, ids=lambda profile: profile.name)
class TestEveryChassis:
    def test_bays_are_unique_and_all_drawn(self, profile: Profile) -> None:
        labels = [bay.label for bay in profile.bays]
        drawn = [label for panel in profile.panels for row in panel.rows for label in row if label]
        assert 12 <= len(labels) <= 60
        assert len(set(labels)) == len(labels)
        assert sorted(drawn) == sorted(labels)

    def test_rows_of_a_panel_are_equally_long(self, profile: Profile) -> None:
        for panel in profile.panels:
            assert len({len(row) for row in panel.rows}) == 1

    def test_its_file_names_its_sources(self, profile: Profile) -> None:
        text = (FOLDER / profile.name / "profile.toml").read_text()
        header = text.split("\nname = ")[0]
        assert "# Source" in header
        assert "github.com/" in header

    def test_only_its_own_product_makes_it_this_chassis(self, profile: Profile) -> None:
        assert profile.match
        for rule in profile.match:
            assert rule.score < 3 or "product_name" in rule.dmi


@pytest.mark.parametrize(
    ("vendor", "product", "name"),
    [
        ("Supermicro", "SSG-6029P-E1CR12L", "supermicro-e1cr12"),
        ("Supermicro", "SSG-6048R-E1CR24H", "supermicro-e1cr24"),
        ("Supermicro", "SSG-6049P-E1CR36L", "supermicro-e1cr36"),
        ("Supermicro", "SSG-6029P-E1CR24L", "generic"),  # 2U: other bays than the 4U
        ("Supermicro", "Super Server", "generic"),
        ("45Drives", "Storinator-Q30-Turbo", "storinator-q30"),
        ("45Drives", "Storinator-S45-Turbo", "storinator-s45"),
        ("45Drives", "Storinator-XL60-Enhanced", "storinator-xl60"),
        ("45Drives", "Storinator-AV15-Base", "generic"),
        ("QEMU", "Standard PC (Q35 + ICH9, 2009)", "generic"),
    ],
)
def test_dmi_facts_pick_the_chassis(vendor: str, product: str, name: str) -> None:
    assert best_profile({"sys_vendor": vendor, "product_name": product}).name == name


@pytest.mark.parametrize(
    ("name", "enclosure", "slot", "bay"),
    [
        ("supermicro-e1cr24", "SMC SC846P", 0, "0"),
        ("supermicro-e1cr24", "LSI SAS3x40", 23, "23"),
        ("supermicro-e1cr36", "SMC SC846-P", 0, "front.0"),
        ("supermicro-e1cr36", "LSI SAS3x28", 11, "rear.11"),
        ("supermicro-e1cr12", "LSI SAS3x28", 0, "1"),
        ("supermicro-e1cr12", "SMC SC826-P", 11, "12"),
        ("supermicro-e1cr12", "DELL MD1200", 0, ""),
    ],
)
def test_slots_lead_to_bays(name: str, enclosure: str, slot: int, bay: str) -> None:
    assert profile_named(name).bay_of("", enclosure=enclosure, slot=slot) == bay


@pytest.mark.parametrize(
    ("name", "lowest", "left", "right"),
    [
        ("supermicro-e1cr12", "1", "3", "12"),
        ("supermicro-e1cr24", "0", "5", "23"),
        ("supermicro-e1cr36", "front.0", "front.5", "front.23"),
    ],
)
def test_supermicro_counts_up_each_column(name: str, lowest: str, left: str, right: str) -> None:
    rows = profile_named(name).panels[0].rows
    assert (rows[-1][0], rows[0][0], rows[0][-1]) == (lowest, left, right)
