"""A frozen node is found again by every process, whatever order its sets come in."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

SAY_KEY = """
from pathlib import Path
from agents.node.profiles import profile_named
from images.build import Image
from images.frozen import frozen_key
print(frozen_key(Image(Path("/cache/disk/0123")), profile_named("lab-12bay"), "QEMU 7.2", "tcg"))
"""


@pytest.mark.usefixtures("allow_processes")
def test_the_key_is_the_same_in_every_process() -> None:
    keys = {
        subprocess.run(
            [sys.executable, "-c", SAY_KEY],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(keys) == 1, keys
