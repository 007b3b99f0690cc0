"""The small site that has one of every kind, for the tests of faults."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from images.clinic import IMAGES_DIR, Clinic
from images.guests import boot_sector_disk

EVERY_KIND: Final = Path(__file__).parent / "sites" / "every-kind.toml"


def prepare(site: Clinic) -> None:
    """Pin the node's host key, store the secrets, bring the guest's image."""
    site.prepare()
    image = site.folder / "sector.img"
    image.write_bytes(boot_sector_disk("The site of every kind"))
    site.node.copy_in(image, f"{IMAGES_DIR}/sector.img")
