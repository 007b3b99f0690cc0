"""What a person does to one disk: light its bay, admit, erase or replace it. Shared by list and details."""

from __future__ import annotations

from collections.abc import Callable

from pydantic import ValidationError

from appliance.api.contract import DISK_BAY_TEACH, DISK_LIGHT, DISK_LIGHT_SET, PLAN_MAKE
from appliance.api.wire import BayTeaching, DiskView, LightSwitch, TaughtMap
from appliance.model.light import Light
from appliance.model.plan import PlanRequest
from appliance.model.resource import ActionRequest
from tui.screens.ask import Write
from tui.screens.place import Place
from tui.screens.preview import follow, preview
from tui.screens.replace import Replace

NO_DISK = "There is no disk here."


def light_words(light: Light) -> str:
    """The light of a bay; why there is none where it cannot be lit."""
    if light.available:
        return "LIT" if light.on else "dark"
    return f"cannot be lit here: {'; '.join(light.reasons) or 'no way is known'}"


def turn_light(place: Place, disk: DiskView | None, told: Callable[[Light], None]) -> None:
    """Light the bay of a disk, or let it be dark again when it is lit."""
    if disk is None:
        place.say(NO_DISK)
        return
    ask, serial = place.desk.gateway.ask, disk.serial

    def tell(light: Light) -> None:
        place.say(f"The light of {disk.where}: {light_words(light)}.")
        told(light)

    def seen(light: Light) -> None:
        if not light.available:
            tell(light)
            return
        switch = LightSwitch(on=not light.on)
        ask(place, DISK_LIGHT_SET, switch, then=tell, refused=place.say_error, disk=serial)

    ask(place, DISK_LIGHT, then=seen, refused=place.say_error, disk=serial)


def act(place: Place, disk: DiskView | None, verb: str) -> None:
    """Preview an act on a disk: wipe, admit, erase."""
    if disk is None:
        place.say(NO_DISK)
        return
    request = PlanRequest(action=ActionRequest(resource=f"disk/{disk.serial}", verb=verb))
    place.desk.gateway.ask(
        place,
        PLAN_MAKE,
        request,
        then=lambda plan: preview(place, plan, request),
        refused=place.say_error,
    )


def teach(place: Place, disk: DiskView | None) -> None:
    """Say which bay a disk is in, where neither chassis nor profile tell."""
    if disk is None:
        place.say(NO_DISK)
        return
    serial = disk.serial

    def typed(label: str | None) -> None:
        if label is None:
            return
        try:
            body = BayTeaching(label=label)
        except ValidationError:
            place.say(f"'{label}' is no label: letters, digits, dots and hyphens, 16 at most.")
            return
        gateway = place.desk.gateway
        gateway.ask(
            place,
            DISK_BAY_TEACH,
            body,
            then=lambda taught: _taught(place, serial, taught),
            refused=place.say_error,
            disk=serial,
        )

    words = f"What is printed beside the bay of {disk.where}? (empty: nobody knows)"
    _ = place.app.push_screen(Write(words), typed)


def _taught(place: Place, serial: str, taught: TaughtMap) -> None:
    label = next((bay.label for bay in taught.bays if bay.serial == serial), "")
    place.say(f"The disk {serial} is in bay {label}." if label else "Its bay is unknown again.")
    place.look()


def replace(place: Place, disk: DiskView | None) -> None:
    """Begin to replace a disk of a pool."""
    if disk is None:
        place.say(NO_DISK)
    elif not disk.pool:
        place.say(f"The disk with {disk.where} is in no pool, so there is nothing to replace.")
    else:
        _ = place.app.push_screen(Replace(place.desk, disk), lambda number: _after(place, number))


def _after(place: Place, number: int | None) -> None:
    """Watch the job; the bay stays lit meanwhile, as the disk is still to be pulled out."""
    place.look()
    if number is not None:
        place.say("When the disk is out, l turns its light off.")
        follow(place, number)
