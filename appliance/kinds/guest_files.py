"""The files a guest stands on: its image on the first volume and its cloud-init seed.

A half-copied image is told from a whole one by a mark that is written before the copy begins and
removed after its end, so a power cut in between is noticed and only then the copy is made again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Final

from appliance.kinds.base import View
from appliance.model.command import change, read
from appliance.model.guest import (
    GUEST_DIR,
    SEED_DIR,
    CloudInit,
    GuestFound,
    GuestSpec,
    file_path,
)
from appliance.model.steps import RemoveFileStep, RunStep, Step, WaitStep, WriteFileStep
from appliance.model.volume import VolumeFound

IMPORT_MARK: Final = "importing"
LOOK_TIMEOUT_S: Final = 30
_BY_ITSELF: Final = r'\A(?![\s\S]*"(backing-filename|data-file)":)(?![\s\S]*"format":\s*"vmdk")[\s\S]*"virtual-size"'
"""What qemu-img(1) says of an image that names no other file. A file it names is read as root, and
the guest would see it: another guest's disk, or what only this node may know."""
COPY_TIMEOUT_S: Final = 4 * 3600
"""A terabyte image at 100 MB/s takes under three hours."""


def image_steps(name: str, spec: GuestSpec, found: GuestFound | None, view: View) -> Iterator[Step]:
    """Copy the image onto the first volume while that is blank; begin again what was cut short."""
    mark = f"{GUEST_DIR}/{name}/{IMPORT_MARK}"
    resource = f"vm/{name}"
    unfinished = found is not None and bool(found.importing)
    if unfinished and not spec.image:
        yield RemoveFileStep(title="Forget the image copy", resource=resource, path=mark)
    if not wants_import(spec, found, view):
        return
    volume = spec.disks[0]
    device = view.volume_device(volume)
    empty = change("blkdiscard", "-f", device, timeout_s=600)
    yield WaitStep(
        title=f"See that image {spec.image} is whole by itself: no VMDK, and no other file behind it",
        resource=resource,
        command=read("qemu-img", "info", "--output=json", file_path(spec.image)),
        until=_BY_ITSELF,
        timeout_s=LOOK_TIMEOUT_S,
    )
    if found is not None and found.importing == volume:
        yield RunStep(
            title=f"Empty volume {volume}, onto which an image was copied only in part",
            resource=resource,
            command=empty,
            undo=empty,
        )
    else:
        yield WriteFileStep(
            title=f"Note that an image is being copied onto volume {volume}",
            resource=resource,
            path=mark,
            content=f"{volume}\n",
            mode=0o600,
        )
    yield RunStep(
        title=f"Copy image {spec.image} onto volume {volume}",
        resource=resource,
        # Past the page cache: qemu-img's default would leave the end of the copy unwritten for
        # seconds. The volume reads as zeros, so empty parts of the image stay unallocated.
        command=change(
            *("qemu-img", "convert", "-n", "--target-is-zero", "-t", "none"),
            *("-O", "raw", file_path(spec.image), device),
            timeout_s=COPY_TIMEOUT_S,
        ),
        undo=empty,
    )
    yield RemoveFileStep(title="Note that the copy is complete", resource=resource, path=mark)


def wants_import(spec: GuestSpec, found: GuestFound | None, view: View) -> bool:
    """Only a guest that is being created gets its image, and only onto a blank first volume."""
    if not spec.image:
        return False
    if found is not None and found.importing == spec.disks[0]:
        return True
    created = found is None or found.domain is None
    return created and _is_blank(spec.disks[0], view)


def seed_name(name: str, cloud_init: CloudInit) -> str:
    """The seed's file name tells its content, so another content is another file."""
    text = "\0".join((cloud_init.user_data, meta_data(name, cloud_init)))
    return f"{name}-{hashlib.sha256(text.encode()).hexdigest()[:12]}.iso"


def meta_data(name: str, cloud_init: CloudInit) -> str:
    """What cloud-init asks for in the first place: an instance-id."""
    default = f"instance-id: {name}\nlocal-hostname: {name}\n"
    return cloud_init.meta_data or default


def seed_steps(name: str, spec: GuestSpec, found: GuestFound | None) -> Iterator[Step]:
    """Cloud-init's NoCloud seed: an ISO 9660 disk labelled cidata (cloud-init's documentation)."""
    if spec.cloud_init is None:
        return
    folder, resource = f"{GUEST_DIR}/{name}", f"vm/{name}"
    wanted = {"user-data": spec.cloud_init.user_data, "meta-data": meta_data(name, spec.cloud_init)}
    known = {"user-data": found.user_data, "meta-data": found.meta_data} if found else {}
    for file, text in wanted.items():
        if known.get(file) != text:
            yield WriteFileStep(
                title=f"Write the guest's {file}",
                resource=resource,
                path=f"{folder}/{file}",
                content=text,
                mode=0o600,
            )
    seed = f"{SEED_DIR}/{seed_name(name, spec.cloud_init)}"
    if found is not None and seed_name(name, spec.cloud_init) in found.seeds:
        return
    yield RunStep(
        title="Make the folder of the seed disks",
        resource=resource,
        command=change("mkdir", "-p", SEED_DIR),
        undo=change("rmdir", "--ignore-fail-on-non-empty", SEED_DIR),
    )
    yield RunStep(
        title="Make the guest's cloud-init seed disk",
        resource=resource,
        command=change(
            *("xorriso", "-as", "genisoimage", "-quiet", "-output", f"{seed}.part"),
            *("-volid", "cidata", "-joliet", "-rational-rock", "-graft-points"),
            *(f"{file}={folder}/{file}" for file in wanted),
        ),
        undo=change("rm", "-f", f"{seed}.part"),
    )
    yield RunStep(
        title="Put the seed disk in place",
        resource=resource,
        command=change("mv", f"{seed}.part", seed),
        undo=change("rm", "-f", seed),
    )


def removal_steps(name: str, found: GuestFound) -> Iterator[Step]:
    """The guest's own files go; volumes, images and the console log stay."""
    for file in found.files:
        yield RemoveFileStep(
            title=f"Remove the guest's {file}",
            resource=f"vm/{name}",
            path=f"{GUEST_DIR}/{name}/{file}",
        )
    if found.seeds:
        yield RunStep(
            title="Remove the guest's seed disk",
            resource=f"vm/{name}",
            command=change("rm", "-f", *(f"{SEED_DIR}/{seed}" for seed in found.seeds)),
        )


def _is_blank(volume: str, view: View) -> bool:
    """A volume that is yet to be made, or one no block of which was ever written; never one that
    nobody could look for."""
    found = view.found("volume").get(volume)
    if not isinstance(found, VolumeFound):
        return "volume" not in view.snapshot.unread
    return found.active and found.used_percent == 0 and not found.filesystem
