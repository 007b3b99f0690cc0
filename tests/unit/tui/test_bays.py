"""Pictures of all chassis we know: every bay is there once, fits 80 columns and can be reached."""

from __future__ import annotations

import pytest

from agents.node.profiles import all_profiles
from appliance.api.wire import Chassis
from appliance.model.disk import bay_order
from appliance.model.profile import Profile
from tui.bays import picture
from tui.widgets.chassis import ChassisView


def chassis(profile: Profile) -> Chassis:
    return Chassis(
        profile=profile.name, title=profile.title, bays=profile.bays, panels=profile.panels
    )


@pytest.mark.parametrize("profile", all_profiles(), ids=lambda profile: str(profile.name))
def test_every_bay_is_drawn_and_reached_by_arrow_keys(profile: Profile) -> None:
    drawn = picture(chassis(profile), ())
    assert sorted(drawn.order) == sorted(bay.label for bay in profile.bays)
    reached, edge = {drawn.order[0]}, [drawn.order[0]]
    while edge:
        label = edge.pop()
        for right, down in ((1, 0), (-1, 0), (0, 1), (0, -1)):
            near = drawn.move(label, right, down)
            if near not in reached:
                reached.add(near)
                edge.append(near)
    assert reached == set(drawn.order)


@pytest.mark.parametrize("profile", all_profiles(), ids=lambda profile: str(profile.name))
def test_the_picture_fits_eighty_columns_of_ascii(profile: Profile) -> None:
    view = ChassisView()
    for wall in picture(chassis(profile), ()).walls:
        for line in view._wall(wall):
            text = "".join(text for text, _ in line)
            assert len(text) <= 80
            assert text.isascii()


def test_bays_are_stepped_through_in_their_order_round_and_round() -> None:
    (lab,) = [profile for profile in all_profiles() if profile.name == "lab-12bay"]
    drawn = picture(chassis(lab), ())
    walked = [drawn.order[0]]
    for _ in range(12):
        walked.append(drawn.step(walked[-1], 1))
    assert walked == [*(str(number) for number in range(1, 13)), "1"]
    assert drawn.step("1", -1) == "12"
    assert drawn.move("1", -1, 0) == "1"


def test_bay_two_comes_before_bay_ten() -> None:
    assert sorted(["10", "2", "1-10", "1-9"], key=bay_order) == ["1-9", "1-10", "2", "10"]
