"""Stage 1: Debian's packages, the kernel and the locked Python dependencies, as one tar."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

from appliance.kinds import registry
from images.cache import REPO, Progress, Stage, digest_of, digest_of_files
from images.errors import RigError
from images.run import run, stream

RECIPE = Path(__file__).resolve().parent / "recipe"
LOCK = REPO / "requirements.lock"
SUITE = "trixie"
DEBIAN_PYTHON = "3.13"
FROM_DEBIAN = frozenset({"libvirt-python"})
"""Locked, but taken from Debian: it is C bound to the image's own libraries."""
KEYRINGS = (Path("/usr/share/keyrings"), Path("/etc/apt/trusted.gpg.d"))
FORMAT = "1"
"""Raise it to rebuild although no input changed."""

WHEEL_TAGS = [
    *("--python-version", DEBIAN_PYTHON, "--implementation", "cp"),
    *("--abi", "cp313", "--abi", "abi3", "--abi", "none"),
    *("--platform", "manylinux_2_34_x86_64", "--platform", "manylinux_2_28_x86_64"),
    *("--platform", "manylinux_2_17_x86_64", "--platform", "manylinux2014_x86_64"),
    *("--platform", "any", "--only-binary=:all:"),
]

LEAN = [
    '--aptopt=APT::Install-Recommends "false"',
    "--dpkgopt=path-exclude=/usr/share/doc/*",
    "--dpkgopt=path-include=/usr/share/doc/*/copyright",
    "--dpkgopt=path-exclude=/usr/share/man/*",
    "--dpkgopt=path-exclude=/usr/share/locale/*",
    "--dpkgopt=path-exclude=/usr/share/info/*",
]


def root_stage(*, lab: bool) -> Stage:
    """The stage that makes root.tar; a lab image carries some packages more."""
    packages = wanted_packages(lab=lab)
    scripts = [RECIPE / "root-hook.sh", RECIPE / "local-block.sh"]
    key = digest_of(FORMAT, SUITE, *packages, LOCK.read_text(), digest_of_files(scripts))

    def make(folder: Path, progress: Progress) -> None:
        progress("root: fetching the locked Python wheels")
        wheels = folder / "wheels"
        _download_wheels(wheels)
        progress(f"root: mmdebstrap with {len(packages)} packages (about 90 s)")
        argv = _mmdebstrap(packages, wheels, folder / "root.tar")
        stream(argv, log=folder / "mmdebstrap.log", timeout_s=1800)

    return Stage("root", key, make)


def wanted_packages(*, lab: bool) -> tuple[str, ...]:
    """The recipe's own packages and those the kinds need, sorted."""
    names = set(read_list(RECIPE / "packages.txt")) | registry.needs().packages
    if lab:
        names |= set(read_list(RECIPE / "lab-packages.txt"))
    return tuple(sorted(names))


def read_list(path: Path) -> tuple[str, ...]:
    """The lines of a list file without comments; empty when there is no such file."""
    if not path.exists():
        return ()
    lines = (line.partition("#")[0].strip() for line in path.read_text().splitlines())
    return tuple(line for line in lines if line)


def image_requirements(lock: str) -> str:
    """The lock without what the image takes from Debian."""
    blocks = re.split(r"\n(?=[A-Za-z0-9])", lock)
    kept = [block for block in blocks if block.partition("==")[0].strip() not in FROM_DEBIAN]
    return "\n".join(kept) + "\n"


def _download_wheels(wheels: Path) -> None:
    wheels.mkdir()
    listing = wheels / "install.txt"
    listing.write_text(image_requirements(LOCK.read_text()))
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--dest", str(wheels)]
    run([*pip, "--require-hashes", "-r", listing, *WHEEL_TAGS], timeout_s=600)


def _mmdebstrap(packages: tuple[str, ...], wheels: Path, out: Path) -> list[str]:
    hook = shlex.quote(str(RECIPE / "root-hook.sh"))
    return [
        *("mmdebstrap", "--variant=minbase", "--architectures=amd64"),
        *LEAN,
        f"--include={','.join(packages)}",
        '--customize-hook=mkdir -p "$1/opt/wheels"',
        f"--customize-hook=sync-in {shlex.quote(str(wheels))} /opt/wheels",
        f'--customize-hook={hook} "$1"',
        *(SUITE, str(out)),
        *_sources(),
    ]


def _sources() -> list[str]:
    """apt lines for the image, from the mirrors this machine itself uses."""
    query = ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"]
    mirrors = sorted(set(run(query, timeout_s=60).stdout.split()))
    main = next((uri for uri in mirrors if "security" not in uri), None)
    security = next((uri for uri in mirrors if "security" in uri), None)
    if main is None or security is None:
        raise RigError(
            "This machine's apt knows no Debian mirror with its security archive.",
            hint="Run apt-get update, and look at `apt-get indextargets`.",
        )
    automatic, stable = _key("automatic"), _key("stable")
    return [
        f"deb [signed-by={stable},{automatic}] {main} {SUITE} main",
        f"deb [signed-by={automatic}] {main} {SUITE}-updates main",
        f"deb [signed-by={automatic}] {main} {SUITE}-backports main",
        f"deb [signed-by={_key('security-automatic')}] {security} {SUITE}-security main",
    ]


def _key(role: str) -> Path:
    for folder in KEYRINGS:
        for file in sorted(folder.glob(f"debian-archive-{SUITE}-{role}.*")):
            return file
    raise RigError(
        f"No {role} key of Debian {SUITE} on this machine.",
        hint="apt-get install debian-archive-keyring",
    )
