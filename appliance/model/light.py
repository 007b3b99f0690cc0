"""The lights of a bay."""

from __future__ import annotations

from enum import StrEnum

from appliance.model.base import Value


class Lamp(StrEnum):
    """Which of a bay's lights, by the words of SES-3 and NPEM."""

    LOCATE = "locate"
    """Here is the bay a person looks for."""
    FAULT = "fault"
    """The disk in it is to be replaced."""

    @property
    def ses_name(self) -> str:
        """What sg_ses(8) calls it; `sg_ses -ee` lists its words."""
        return "ident" if self is Lamp.LOCATE else "fault"


class Light(Value):
    """Whether a disk's bay can be lit and is. Not available is a value, with its reasons."""

    lamp: Lamp = Lamp.LOCATE
    available: bool
    on: bool | None = None
    """None while it is not available."""
    path: str = ""
    """The file in sysfs that switches it, or the enclosure's device that is asked to."""
    element: str = ""
    """SAS address by which the enclosure knows the bay; empty for a file in sysfs."""
    reasons: tuple[str, ...] = ()
    """Why it is not available, each way that was tried."""


class LitBay(Value):
    """A light that the node lit by itself, until its reason is over."""

    serial: str
    light: Light
    where: str
    """The disk's bay and serial in words, as it was then."""
    job: int | None = None
    """The replacement it was lit for; None where the disk itself is the reason."""
