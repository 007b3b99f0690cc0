"""Profiles: matching by score, bays from paths and slots, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from agents.node import profiles
from agents.node.profiles import all_profiles, best_profile, profile_named, read_profile
from appliance.errors import InvalidInputError, NotFoundError
from appliance.model.disk import Transport
from appliance.model.profile import Bay, BayRule, MatchRule, Panel, Profile, Reserve

RESERVE = Reserve(memory=1 << 30, cpus=1)


@pytest.fixture
def lab() -> Profile:
    return profile_named("lab-12bay")


@pytest.mark.parametrize("profile", all_profiles(), ids=lambda profile: profile.name)
def test_every_bay_is_drawn_once(profile: Profile) -> None:
    drawn = [label for panel in profile.panels for row in panel.rows for label in row if label]
    assert sorted(drawn) == sorted(bay.label for bay in profile.bays)


@pytest.mark.parametrize(
    ("path", "bay"),
    [
        ("pci-0000:00:06.0-sas-phy0-lun-0", "1"),
        ("pci-0000:00:06.0-sas-phy5-lun-0", "6"),
        ("pci-0000:00:06.0-sas-phy7-lun-0", "12"),
        ("pci-0000:00:0e.0-ata-1", "7"),
        ("pci-0000:00:0e.0-ata-2.0", "8"),
        ("pci-0000:01:00.0-nvme-1", "9"),
        ("pci-0000:04:00.0-nvme-1", "12"),
        ("pci-0000:00:02.0", ""),
        ("", ""),
    ],
)
def test_lab_paths_lead_to_bays(lab: Profile, path: str, bay: str) -> None:
    assert lab.bay_of(path) == bay


def test_enclosure_slots_lead_to_bays() -> None:
    rule = BayRule(enclosure="SMC .*", bay="front-{n}", offset=1)
    profile = Profile(name="x", title="X", reserve=RESERVE, bay_rules=(rule,))
    assert profile.bay_of("", enclosure="SMC SC846", slot=3) == "front-4"
    assert profile.bay_of("", enclosure="SMC SC846") == ""
    assert profile.bay_of("", enclosure="LSI SAS3x", slot=3) == ""


def test_best_score_wins_and_nothing_gives_generic(lab: Profile) -> None:
    assert best_profile({"sys_vendor": "Appliance", "product_name": "lab-12bay"}) == lab
    assert best_profile({"sys_vendor": "Appliance"}).name == "generic"
    assert best_profile({}).name == "generic"


def test_specific_beats_vendor(monkeypatch: pytest.MonkeyPatch) -> None:
    def made(name: str, score: int) -> Profile:
        rule = MatchRule(score=score, dmi={"sys_vendor": "ACME.*"})
        return Profile(name=name, title=name, reserve=RESERVE, match=(rule,))

    monkeypatch.setattr(profiles, "all_profiles", lambda: (made("vendor", 1), made("product", 3)))
    assert best_profile({"sys_vendor": "ACME Corp"}).name == "product"


def test_unknown_profile_names_the_known() -> None:
    with pytest.raises(NotFoundError) as caught:
        profile_named("nothing")
    assert "lab-12bay" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name = ", "Invalid value"),
        ('name = "x"', "title"),
        ('name = "x"\ntitle = "X"\nreserve = { memory = "1 GiB", cpus = 1 }\ncolour = 1', "colour"),
    ],
)
def test_broken_file_is_named_with_its_key(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "profile.toml"
    file.write_text(text)
    with pytest.raises(InvalidInputError, match=words) as caught:
        read_profile(file)
    assert str(file) in caught.value.message


def test_what_cannot_be_is_refused() -> None:
    bay = Bay(label="1", accepts=frozenset({Transport.SAS}))
    with pytest.raises(ValidationError, match="twice or nowhere: 2"):
        Profile(
            name="x",
            title="X",
            reserve=RESERVE,
            bays=(bay,),
            panels=(Panel(name="front", rows=(("1", "2"),)),),
        )
    with pytest.raises(ValidationError, match="twice or nowhere: 1"):
        Profile(name="x", title="X", reserve=RESERVE, bays=(bay, bay))
    with pytest.raises(ValidationError, match="either a path or an enclosure"):
        BayRule(bay="1")
    with pytest.raises(ValidationError, match="not a regular expression"):
        BayRule(path="(", bay="1")


def test_emulated_disk_needs_its_connector(lab: Profile) -> None:
    raw = lab.model_dump(mode="json")
    raw["emulation"]["bays"][0]["sas_phy"] = None
    with pytest.raises(ValidationError, match="bay 1 has no sas connector"):
        Profile.model_validate(raw)
    raw = lab.model_dump(mode="json")
    raw["bays"][0]["accepts"] = ["nvme"]
    with pytest.raises(ValidationError, match="do not take their disk's transport: 1"):
        Profile.model_validate(raw)
