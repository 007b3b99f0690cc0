"""Where the lab keeps what it builds and runs: outside the repository, one folder a stage and key."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from images.errors import RigError

REPO = Path(__file__).resolve().parent.parent
KEEP = 3
"""Results kept of each stage; older ones go unless a machine stands on them."""

Progress = Callable[[str], None]


def cache_root() -> Path:
    """The lab's folder: $XDG_CACHE_HOME/appliance or ~/.cache/appliance."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "appliance"


def run_root() -> Path:
    """Where machines live, one folder a name."""
    return cache_root() / "run"


def frozen_root() -> Path:
    """Where frozen machines live that people and tests named."""
    return cache_root() / "named"


def digest_of(*parts: str | bytes) -> str:
    """16 hexadecimal digits of the parts; their borders count."""
    total = hashlib.sha256()
    for part in parts:
        raw = part.encode() if isinstance(part, str) else part
        total.update(len(raw).to_bytes(8, "big") + raw)
    return total.hexdigest()[:16]


def digest_of_files(paths: Iterable[Path], *, root: Path = REPO) -> str:
    """Digest of names, modes and contents of files; a folder counts with all it holds."""
    parts: list[bytes] = []
    for file in sorted(_files(paths)):
        mode = file.stat().st_mode & 0o111
        parts += [str(file.relative_to(root)).encode(), bytes([bool(mode)]), file.read_bytes()]
    return digest_of(*parts)


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            inside = (found for found in path.rglob("*") if found.is_file())
            yield from (found for found in inside if "__pycache__" not in found.parts)
        elif path.exists():
            yield path


@contextmanager
def locked(name: str) -> Iterator[None]:
    """Hold a lock of the cache: two sessions on one machine build each thing once."""
    folder = cache_root() / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / name).open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


@dataclass(frozen=True)
class Stage:
    """One stage of the build: what it is called, the digest of its inputs, how it is made."""

    name: str
    key: str
    make: Callable[[Path, Progress], None]
    """Fills an empty folder; whatever is left of a failed try is removed."""

    @property
    def folder(self) -> Path:
        """Where the finished result lies."""
        return cache_root() / self.name / self.key

    def ensure(self, progress: Progress) -> Path:
        """The folder of the result, made now when it is missing. Raises RigError."""
        with locked(self.name):
            if self.folder.exists():
                os.utime(self.folder)
                return self.folder
            began = time.monotonic()
            progress(f"{self.name}: building {self.key}")
            self._build(progress)
            progress(f"{self.name}: done in {time.monotonic() - began:.0f} s")
            self._prune()
        return self.folder

    def _build(self, progress: Progress) -> None:
        draft = self.folder.with_name(f".{self.key}.{os.getpid()}")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        try:
            self.make(draft, progress)
        except RigError:
            self._keep_logs(draft)
            raise
        else:
            draft.rename(self.folder)
        finally:
            shutil.rmtree(draft, ignore_errors=True)

    def _keep_logs(self, draft: Path) -> None:
        folder = cache_root() / "failed" / self.name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for file in draft.glob("*.log"):
            shutil.copy(file, folder)

    def _prune(self) -> None:
        results = [entry for entry in self.folder.parent.iterdir() if entry.name[0] != "."]
        results.sort(key=lambda entry: entry.stat().st_mtime, reverse=True)
        for entry in results[KEEP:]:
            if not _in_use(entry):
                shutil.rmtree(entry, ignore_errors=True)


def _in_use(entry: Path) -> bool:
    """Whether a machine or frozen state names this result as the ground it stands on."""
    homes = [run_root(), frozen_root(), cache_root() / "frozen"]
    records = [file for home in homes for file in home.glob("*/*.json")]
    return any(entry.name in file.read_text(errors="replace") for file in records)
