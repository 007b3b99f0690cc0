"""Rules of a share that look beyond the share itself: its volume, its people, its open files."""

from __future__ import annotations

from typing import Final

from appliance.errors import InvalidInputError, RefusedError
from appliance.kinds.accounts import group_names, user_names
from appliance.kinds.base import View
from appliance.model.base import format_size
from appliance.model.share import NfsFound, ShareSpec, SmbFound, open_files_in_words
from appliance.model.volume import VolumeFound, VolumeSpec

SMALLEST: Final = 300 * 2**20
"""mkfs.xfs refuses less ("Filesystem must be larger than 300MB")."""


def volume_size(view: View, volume: str) -> int:
    """Bytes of a volume as it is or will be; 0 when neither is known."""
    wanted, found = view.specs("volume").get(volume), view.found("volume").get(volume)
    return max(
        wanted.size if isinstance(wanted, VolumeSpec) else 0,
        found.size if isinstance(found, VolumeFound) else 0,
    )


def check_size(name: str, spec: ShareSpec, view: View) -> None:
    """Raises InvalidInputError for a volume too small for XFS or for the quota."""
    size = volume_size(view, spec.volume)
    subject = f"share/{name}"
    if size and size < SMALLEST:
        raise InvalidInputError(
            f"Volume '{spec.volume}' has {format_size(size)}; XFS needs at least "
            f"{format_size(SMALLEST)}.",
            hint="Make the volume larger.",
            subject=subject,
        )
    if size and spec.quota is not None and spec.quota > size:
        raise InvalidInputError(
            f"The quota of {format_size(spec.quota)} is larger than volume '{spec.volume}' "
            f"({format_size(size)}), so it would never hold.",
            hint="Lower the quota, leave it out, or make the volume larger.",
            subject=subject,
        )


def check_owners(name: str, spec: ShareSpec, view: View) -> None:
    """Raises InvalidInputError for an owner or group that is none of ours."""
    users, groups = user_names(view) | {"root"}, group_names(view) | {"root"}
    for what, value, known in (("owner", spec.owner, users), ("group", spec.group, groups)):
        if value not in known:
            raise InvalidInputError(
                f"The {what} '{value}' of share '{name}' does not exist.",
                hint=f"Known are {', '.join(sorted(known))}; add a user with that "
                f"{'name' if what == 'owner' else 'group'} to the spec.",
                subject=f"share/{name}",
            )


def refuse_while_open(name: str, view: View) -> None:
    """Raises RefusedError when clients hold files of the share open, and says who."""
    for noun in ("nfs", "smb"):
        face = view.found(noun).get(name)
        if isinstance(face, NfsFound | SmbFound) and face.open_files:
            count = len(face.open_files)
            raise RefusedError(
                f"Share '{name}' has {count} open file{'s' * (count > 1)} over {noun.upper()}: "
                f"{open_files_in_words(face.open_files)}.",
                hint="Have them closed, or cut the clients off (they may lose what they did not "
                f"save): appliance share disconnect {name}",
                subject=f"{noun}/{name}",
            )
