"""Files on the node: read as text, replaced whole, never edited in place."""

from __future__ import annotations

import errno
import os
import secrets
import stat
from pathlib import Path

from appliance.errors import FullError, InternalError, StepFailedError


class NodeFiles:
    """The node's file system; `root` is another folder in tests."""

    def __init__(self, root: Path = Path("/")) -> None:
        self._root = root

    def real(self, path: str) -> Path:
        """Where a path of the node is. Raises InternalError for one that is not absolute."""
        parts = path.split("/")
        if not path.startswith("/") or ".." in parts:
            raise InternalError(
                f"'{path}' is not an absolute path on the node.",
                hint="Report this: a kind planned it.",
                subject=path,
            )
        return self._root / path.lstrip("/")

    def read(self, path: str) -> str | None:
        """The text of a file, None when there is none. Raises StepFailedError.

        Bytes that are no UTF-8 come as U+FFFD: the kernel shows some firmware strings raw.
        """
        try:
            return self.real(path).read_bytes().decode(errors="replace")
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise _failed("read", path, error) from error

    def list_dir(self, path: str) -> tuple[str, ...]:
        """Sorted entry names of a folder, empty when there is none. Raises StepFailedError."""
        try:
            return tuple(sorted(entry.name for entry in self.real(path).iterdir()))
        except (FileNotFoundError, NotADirectoryError):
            return ()
        except OSError as error:
            raise _failed("list", path, error) from error

    def mode(self, path: str) -> int:
        """Permission bits of a file that exists."""
        return stat.S_IMODE(self.real(path).stat().st_mode)

    def write(self, path: str, content: str, mode: int) -> None:
        """Put a file in place by temp, fsync, rename, fsync of the folder (rename(2), fsync(2)).

        After a power cut there is the old file or the new one, never half a file. Folders on
        the way are made. Raises FullError or StepFailedError; the old file is then untouched.
        """
        target = self.real(path)
        try:
            _make_folders(target.parent)
            _replace(target, content.encode(), mode)
        except OSError as error:
            raise _failed("write", path, error) from error

    def remove(self, path: str) -> None:
        """Remove a file; one that is not there is fine. Raises StepFailedError."""
        target = self.real(path)
        try:
            target.unlink()
            _sync_folder(target.parent)
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as error:
            raise _failed("remove", path, error) from error


def _make_folders(folder: Path) -> None:
    if folder.is_dir():
        return
    _make_folders(folder.parent)
    folder.mkdir(mode=0o755, exist_ok=True)
    _sync_folder(folder.parent)


def _replace(target: Path, content: bytes, mode: int) -> None:
    draft = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            # Root's files are root's even in a folder with the setgid bit.
            os.fchown(handle, os.geteuid(), os.getegid())
            os.fchmod(handle, mode)
            os.fsync(handle)
        draft.rename(target)
    except OSError:
        draft.unlink(missing_ok=True)
        raise
    _sync_folder(target.parent)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _failed(verb: str, path: str, error: OSError) -> StepFailedError:
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return FullError(
            f"Cannot {verb} {path}: no space is left on its file system.",
            hint="Make room (journalctl --vacuum-size=100M frees log space), then go on.",
            subject=path,
        )
    return StepFailedError(
        f"Cannot {verb} {path}: {os.strerror(error.errno or 0)}.",
        hint="Look at the folder and the kernel's log: journalctl -k",
        subject=path,
    )
