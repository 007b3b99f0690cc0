"""The hardware profiles this program carries, and the one that fits a machine best."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from pydantic import ValidationError

from appliance.errors import InvalidInputError, NotFoundError
from appliance.model.profile import Profile, Reserve

GENERIC = Profile(
    name="generic",
    title="A machine no profile knows",
    reserve=Reserve(memory=2 << 30, cpus=1),
)


def profile_folder() -> Path:
    """Where profiles lie: beside this module when installed, else in the repository."""
    installed = Path(__file__).resolve().parent / "profile_data"
    if installed.is_dir():
        return installed
    return Path(__file__).resolve().parents[2] / "hardware-profiles"


def read_profile(path: Path) -> Profile:
    """A profile from its file. Raises InvalidInputError naming the file and the key at fault."""
    try:
        return Profile.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except tomllib.TOMLDecodeError as error:
        raise InvalidInputError(f"{path}: {error}", hint="Correct the TOML.") from error
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "the whole"
        raise InvalidInputError(
            f"{path}: {key}: {first['msg']}",
            hint="appliance/model/profile.py says what a profile holds.",
            subject=str(path),
        ) from error


@cache
def all_profiles() -> tuple[Profile, ...]:
    """Every profile this program carries, by name. Raises InvalidInputError on a broken one."""
    files = sorted(profile_folder().glob("*/profile.toml"))
    return tuple(read_profile(file) for file in files)


def profile_named(name: str) -> Profile:
    """The profile of that name. Raises NotFoundError naming those there are."""
    for profile in all_profiles():
        if profile.name == name:
            return profile
    known = ", ".join(profile.name for profile in all_profiles())
    raise NotFoundError(f"There is no hardware profile '{name}'.", hint=f"Profiles: {known}.")


def best_profile(dmi: Mapping[str, str]) -> Profile:
    """The profile that scores highest for these DMI facts (file name under /sys/class/dmi/id ->
    text); the generic one when none fits."""
    best = max(all_profiles(), key=lambda profile: profile.score(dmi), default=GENERIC)
    return best if best.score(dmi) else GENERIC
