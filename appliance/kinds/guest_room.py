"""Whether a node has what a guest asks for: memory, processors, files, a bridge."""

from __future__ import annotations

from appliance.errors import InvalidInputError, RefusedError
from appliance.kinds.base import View
from appliance.model.base import format_size
from appliance.model.guest import IMAGE_DIR, GuestSpec, file_path


def check_files(resource: str, spec: GuestSpec, view: View) -> None:
    """Raises InvalidInputError for a file that should lie in IMAGE_DIR and does not."""
    images = view.snapshot.images
    for reference in (spec.image, spec.iso, spec.kernel, spec.initrd):
        file = file_path(reference).removeprefix(f"{IMAGE_DIR}/")
        if images is not None and file and "/" not in file and file not in images:
            raise InvalidInputError(
                f"{resource} refers to the file '{file}', which is not in {IMAGE_DIR}.",
                hint=f"Copy it to the node: scp {file} root@NODE:{IMAGE_DIR}/",
                subject=resource,
            )


def check_room(name: str, spec: GuestSpec, view: View) -> None:
    """Raises RefusedError for a guest that does not fit beside storage and the other guests.

    Memory is shared out for good; processors are shared in time, so each guest is judged alone.
    """
    host = view.snapshot.host
    cpus = max(1, host.cpus - host.cpus_reserved)
    if spec.cpus > cpus:
        raise RefusedError(
            f"vm/{name} wants {spec.cpus} CPUs; this node has {cpus} for guests "
            f"({host.cpus} less {host.cpus_reserved} kept for storage).",
            hint=f"Give it {cpus} at most.",
            subject=f"vm/{name}",
        )
    others = {
        other: guest.memory
        for other, guest in view.specs("vm").items()
        if isinstance(guest, GuestSpec) and guest.running and other != name
    }
    room = host.memory - host.memory_reserved - sum(others.values())
    if spec.memory > room:
        taken = f", and {', '.join(sorted(others))} {format_size(sum(others.values()))}"
        raise RefusedError(
            f"vm/{name} wants {format_size(spec.memory)} of memory; "
            f"{format_size(max(0, room))} is free for guests: this node has "
            f"{format_size(host.memory)}, storage keeps {format_size(host.memory_reserved)}"
            f"{taken if others else ''}.",
            hint="Give it less memory, or stop another guest (running = false).",
            subject=f"vm/{name}",
        )


def check_bridge(resource: str, spec: GuestSpec, view: View) -> None:
    """Raises InvalidInputError for a network bridge that does not exist."""
    bridges = view.snapshot.host.bridges
    bridge = spec.network.removeprefix("bridge:")
    if bridge != spec.network and bridges is not None and bridge not in bridges:
        there = ", ".join(sorted(bridges)) or "none"
        raise InvalidInputError(
            f"{resource} wants network bridge '{bridge}', which does not exist.",
            hint=f"Bridges on this node: {there}; or use network = 'user'.",
            subject=resource,
        )
