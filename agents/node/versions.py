"""What brings a share's previous versions in line with its volume's snapshots.

`appliance-versions@SHARE.service` runs `appliance-agent versions show SHARE` when the share is
mounted, and again whenever a snapshot was taken or deleted. Mounts of the agent itself would stay
in its private mount namespace.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from agents.node.apply.executor import Executor
from agents.node.apply.files import NodeFiles
from agents.node.apply.handles import NodeProbe, Runs
from agents.node.apply.secrets import SecretStore
from appliance.errors import ApplianceError, NotFoundError
from appliance.kinds.lvm_report import VolumeGroup, tag_value, volume_groups
from appliance.kinds.share_versions import shown_versions, versions_of
from appliance.kinds.units import logical_device, parse_mountinfo
from appliance.kinds.volume_snapshots import snapshots_in
from appliance.model.command import change
from appliance.model.guest import GuestRecord
from appliance.model.names import share_path, versions_path

MOUNTS: Final = "/proc/self/mountinfo"
OPTIONS: Final = "ro,norecovery,nouuid,nodev,nosuid,noexec,noatime"
"""norecovery: LVM froze the file system, so all is in place but for the log's own end, which
cannot be written to a snapshot. nouuid: it carries its origin's UUID (xfs(5))."""


@dataclass(frozen=True)
class Source:
    """The volume group and volume a share stands on."""

    group: VolumeGroup
    volume: str


class Versions:
    """Shows and hides the versions of one share at a time."""

    def __init__(self, executor: Runs, files: NodeFiles, say: Callable[[str], None]) -> None:
        self._executor = executor
        self._files = files
        self._say = say

    def show(self, share: str) -> int:
        """Mount what is missing, let go of what is gone; one that fails stops no other.

        Returns the exit status. Raises NotFoundError for a share that is not mounted from a
        volume of ours.
        """
        source = self._source(share)
        wanted = versions_of(snapshots_in(source.group, source.volume))
        shown = self._shown(share)
        failed = self._each(self._let_go, share, dict.fromkeys(set(shown) - set(wanted), ""))
        self._tidy(share, keep=set(wanted))
        missing = {
            name: f"{source.group.name}/{shot.logical_volume}"
            for name, shot in wanted.items()
            if name not in shown
        }
        failed += self._each(self._mount, share, missing)
        self._say(
            f"{share}: {len(wanted)} snapshots, {len(missing)} newly shown, {failed} failures"
        )
        return 1 if failed else 0

    def hide(self, share: str) -> int:
        """Let go of all; a client that looks into one sees it until it looks away.

        Returns the exit status.
        """
        failed = self._each(self._detach, share, dict.fromkeys(self._shown(share), ""))
        self._tidy(share, keep=set())
        return 1 if failed else 0

    def _source(self, share: str) -> Source:
        path = share_path(share)
        mounts = parse_mountinfo(self._files.read(MOUNTS) or "")
        device = next((logical_device(item.source) for item in mounts if item.target == path), "")
        name = device.rpartition("/")[2]
        for group in volume_groups(NodeProbe(self._executor, self._files, _no_guests)):
            volume = group.logical_volumes.get(name)
            if device == f"/dev/{group.name}/{name}" and volume is not None:
                return Source(group, tag_value(volume.tags, "volume"))
        raise NotFoundError(
            f"Share '{share}' is not mounted from a volume of ours, so it has no snapshots.",
            hint=f"Look at it with: appliance share show {share}",
            subject=f"share/{share}",
        )

    def _shown(self, share: str) -> tuple[str, ...]:
        return shown_versions(self._files.read(MOUNTS) or "").get(share, ())

    def _each(self, act: Callable[[str, str], None], share: str, items: Mapping[str, str]) -> int:
        """How many failed."""
        failed = 0
        for name, volume in sorted(items.items()):
            try:
                act(f"{versions_path(share)}/{name}", volume)
            except ApplianceError as error:
                self._say(f"{share}: {name}: {error.message}")
                failed += 1
        return failed

    def _mount(self, path: str, volume: str) -> None:
        self._run("lvchange", "--activate", "y", "--ignoreactivationskip", volume)
        self._run("install", "--directory", "--mode=0755", path)
        self._run("mount", "--types", "xfs", "--options", OPTIONS, f"/dev/{volume}", path)

    def _let_go(self, path: str, _: str) -> None:
        """The snapshot stays active: it costs nothing, and deleting it deactivates it."""
        self._run("umount", path)

    def _detach(self, path: str, _: str) -> None:
        self._run("umount", "--lazy", path)

    def _tidy(self, share: str, keep: set[str]) -> None:
        """A folder without a snapshot would be taken for an empty version."""
        folder = versions_path(share)
        left = set(self._files.list_dir(folder)) - set(self._shown(share)) - keep
        for name in sorted(left):
            self._run("rmdir", f"{folder}/{name}")

    def _run(self, *argv: str) -> None:
        self._executor.run(change(*argv, timeout_s=120))


def versions_of_this_machine() -> Versions:
    """For the machine the agent runs on; what it says goes to standard output."""
    files = NodeFiles()
    return Versions(Executor(SecretStore(files)), files, _say)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _no_guests() -> tuple[GuestRecord, ...]:
    return ()
