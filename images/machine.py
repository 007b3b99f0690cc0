"""A node in the lab: a chassis in QEMU with the verbs of a test, after the NixOS test driver."""

from __future__ import annotations

import dataclasses
import random
import shutil
import socket
import time
from typing import Self

from typing_extensions import override

from appliance.model.disk import Transport
from appliance.model.profile import EmulatedDisk, Profile
from images import bays, chassis, qemu
from images.build import Image
from images.cache import REPO
from images.deploy import code_of, deploy
from images.disk import lab_key
from images.errors import CheckFailedError, RigError
from images.qmp import connect
from images.record import Record, first_disks, load_record
from images.ssh import Ssh
from images.verbs import Verbs

L2_DEVICE = "/sys/bus/pci/devices/0000:00:05.0"
DROP_CACHES = """
    retain=/sys/module/dm_bufio/parameters/retain_bytes
    before=$(cat $retain)
    echo 0 > $retain
    echo 3 > /proc/sys/vm/drop_caches
    sleep 1
    echo $before > $retain
"""
"""Page cache, and the checksums that dm-integrity holds by dm-bufio.

By itself dm-bufio keeps the last 256 KiB, which are the checksums of 256 MiB: a checksum that is
held and was overwritten on the disk looks whole, and stays wrong there until the next start.
"""


class Machine(Verbs):
    """A machine by its record. Every change of it is written down at once."""

    def __init__(self, record: Record) -> None:
        self.record = record

    @classmethod
    def create(
        cls, name: str, profile: Profile, image: Image, *, number: int = 1, l2_port: int | None = None,
        uefi: bool = False, nvme: bool = True,
    ) -> Self:  # fmt: skip
        """A new machine, off, with the profile's disks blank in their bays. Raises RigError."""
        record = Record(
            name=name,
            number=number,
            profile=profile,
            image=image.folder,
            uefi=uefi,
            l2_port=l2_port or free_l2_port(),
            placed=first_disks(profile, nvme=nvme),
        )
        refuse_taken(record)
        qemu.create_root(record)
        qemu.create_disks(record)
        record.save()
        return cls(record)

    @classmethod
    def load(cls, name: str) -> Self:
        """The machine of that name, started by whatever process. Raises RigError."""
        return cls(load_record(name))

    @property
    @override
    def name(self) -> str:
        """Its name; also the node's host name."""
        return self.record.name

    @property
    @override
    def ssh(self) -> Ssh:
        """Root's login."""
        port = self.record.ports.get(22)
        if port is None:
            raise RigError(f"{self.name} was never started.", hint="start() it first.")
        return Ssh(port=port, key=lab_key(), folder=self.record.folder)

    def ssh_as(self, user: str) -> Ssh:
        """The login of another account of the lab image: lab-admin, lab-viewer and so on."""
        return dataclasses.replace(self.ssh, user=user)

    @property
    def address(self) -> str:
        """Its address on the network between nodes."""
        return address_of(self.record.number)

    # power

    def start(self, *, timeout_s: float = 900) -> None:
        """Power on and wait for the login; after a cut the disks are as they were. Raises RigError."""
        if self.record.running:
            raise RigError(f"{self.name} is on.", hint="cut_power() or stop() first.")
        self.record = qemu.launch(self.record)
        self.log_in(timeout_s=timeout_s)
        self.introduce()

    def log_in(self, *, timeout_s: float) -> None:
        """Open the shared connection, with the image's host key pinned; an installed system has
        one of its own, which is taken as it shows it."""
        known = self.record.folder / "known_hosts"
        pid = self.record.pid
        key = (
            self.record.built.host_key.read_text()
            if self.record.medium
            else self.ssh.shown_key(timeout_s=timeout_s, pid=pid)
        )
        known.write_text(f"appliance-lab {key}")
        self.ssh.open(timeout_s=timeout_s, pid=pid)

    def introduce(self) -> None:
        """Tell the node the time and who it is: a clone wakes with another's clock, name and MAC."""
        mac, address = chassis.mac_of(self.record.number), f"{self.address}/24"
        network = f"[Match]\nPath=pci-0000:00:05.0\n[Link]\nMACAddress={mac}\n[Network]\nAddress={address}\n"
        lines = (
            f"date -s @{time.time():.3f} >/dev/null",
            f"hostname {self.name}; echo {self.name} > /etc/hostname",
            f"sed -i 's/^127.0.1.1.*/127.0.1.1 {self.name}/' /etc/hosts",
            f"printf '{network}' > /etc/systemd/network/40-lab-l2.network",
            f"link=$(basename {L2_DEVICE}/virtio*/net/*)",
            # The frozen node's own address would stay beside the new one: two nodes with one address.
            f"ip link set $link down; ip link set $link address {mac}; ip address flush dev $link",
            "networkctl reload; ip link set $link up",
            f"ip address replace {address} dev $link",
            # networkd takes the link anew when it is up: its address goes and comes once more.
            "/usr/lib/systemd/systemd-networkd-wait-online -i $link:routable -4 --timeout 60",
        )
        self.succeed("\n".join(lines))

    def take_medium_out(self) -> None:
        """Take out the disk with the image: from the next start on the bays' disks start the node.

        Raises RigError on a machine that is on, or that starts without firmware.
        """
        if self.record.running or not self.record.uefi:
            raise RigError(
                f"{self.name} cannot lose its medium now.", hint="stop() it; create it with uefi."
            )
        self.record = self.record.model_copy(update={"medium": False})
        self.record.save()

    def cut_power(self) -> None:
        """End QEMU at once, as if the cord was pulled."""
        if self.record.running:
            self.ssh.close()
            qemu.kill(self.record.pid)

    def stop(self) -> None:
        """Shut the node down in order, then cut what is left after a minute."""
        if not self.record.running:
            return
        self.execute("systemctl poweroff --no-block")
        self.ssh.close()
        if not qemu.await_end(self.record.pid, timeout_s=60):
            self.cut_power()

    def remove(self) -> None:
        """Cut the power and throw the machine away, disks and all."""
        self.cut_power()
        self.record.forget()

    # disks

    def add_disk(
        self,
        bay: str,
        *,
        serial: str = "",
        transport: Transport | None = None,
        size: int = 1 << 30,
        unreadable: tuple[int, ...] = (),
    ) -> EmulatedDisk:
        """Put a disk into an empty bay: a pulled one by its serial, else a new blank one.

        Reading one of the `unreadable` sectors of 512 bytes is answered with an I/O error.
        """
        self.record, disk = bays.add_disk(
            self, bay, serial=serial, transport=transport, size=size, unreadable=unreadable
        )
        return disk

    def pull_disk(self, bay: str) -> EmulatedDisk:
        """Pull the disk out of a bay; its content stays on the shelf. Raises RigError."""
        self.record, disk = bays.pull_disk(self, bay)
        return disk

    def corrupt_disk(self, serial: str, offset: int, length: int, *, seed: int = 1) -> None:
        """Overwrite bytes of a disk (serial or bay) behind the node's back; its caches are dropped."""
        placed = self.record.with_serial(serial)
        if offset < 0 or length <= 0 or offset + length > placed.disk.size:
            raise RigError(
                f"{length} bytes at {offset} are not on {serial}.",
                hint=f"It has {placed.disk.size} bytes.",
            )
        noise = random.Random(seed).randbytes(length)  # noqa: S311 - not for secrets
        with self.record.backing(placed.disk.serial).open("r+b") as content:
            content.seek(offset)
            content.write(noise)
        if self.record.running:
            self.succeed(DROP_CACHES)

    def throttle_disk(self, serial: str, iops: int, *, rate: int = 0) -> None:
        """Bound a disk (serial or bay) to `iops` operations and `rate` bytes a second; 0: unbound."""
        self._limit(serial, iops=iops, bps=rate)

    def hang_disk(self, serial: str) -> None:
        """Let a disk (serial or bay) answer nothing more, until `throttle_disk` lifts the bound.

        A byte a second: the first request of a page takes more than an hour.
        """
        self._limit(serial, bps=1)

    def _limit(self, serial: str, *, iops: int = 0, bps: int = 0) -> None:
        device = chassis.device_id(self.record.with_serial(serial).bay)
        none = dict.fromkeys(("iops_rd", "iops_wr", "bps_rd", "bps_wr"), 0)
        with connect(self.record.folder / "qmp.sock") as qmp:
            qmp.command("block_set_io_throttle", id=device, iops=iops, bps=bps, **none)

    # network and evidence

    def forward(self, guest_port: int) -> int:
        """The loopback port of this machine that leads to a TCP port of the node."""
        known = self.record.ports.get(guest_port)
        if known:
            return known
        with connect(self.record.folder / "qmp.sock") as qmp:
            port = qemu.forward(qmp, guest_port)
        self.record = self.record.model_copy(
            update={"ports": {**self.record.ports, guest_port: port}}
        )
        self.record.save()
        return port

    def serial_log(self) -> str:
        """All the node ever said on its serial line."""
        log = self.record.folder / "serial.log"
        return log.read_text(errors="replace") if log.exists() else ""

    def journal(self) -> str:
        """The node's journal of this boot."""
        return self.succeed("journalctl", "-b", "--no-pager", "-o", "short-precise", timeout_s=300)

    def deploy(self) -> tuple[str, ...]:
        """Bring our packages in the node to the working tree's, and restart the agent; what of
        them changed."""
        changed = deploy(self, code_of(REPO))
        if changed:
            words = "systemctl reset-failed appliance-agent; systemctl restart appliance-agent"
            self.succeed(words)
        self.wait_for_agent()
        return changed

    def wait_for_agent(self, *, timeout_s: float = 60) -> None:
        """Wait until the agent listens; fails at once, with its log, when it ended instead."""

        def listening() -> bool:
            if not self.execute("test -S /run/appliance/agent.sock").status:
                return True
            restarts = self.succeed("systemctl show -P NRestarts appliance-agent").strip()
            if restarts != "0":
                log = self.execute("journalctl -b --no-pager -n 40 -u appliance-agent").text
                raise CheckFailedError(f"{self.name}: the agent ended\n{log}", output=log)
            return False

        self.wait_until(listening, "the agent does not listen", timeout_s=timeout_s)


def address_of(number: int) -> str:
    """The address of a node's place on the network between nodes."""
    return f"10.9.0.{number}"


def free_l2_port() -> int:
    """A UDP port for a network of one's own between nodes."""
    return qemu.free_port(socket.SOCK_DGRAM)


def refuse_taken(record: Record) -> None:
    """Raises RigError when a machine of that name exists and runs; a dead one is cleared away."""
    if record.file.exists():
        if load_record(record.name).running:
            raise RigError(
                f"A machine '{record.name}' is running.",
                hint=f"End it with: appliance-lab down {record.name}; or take another name.",
            )
        shutil.rmtree(record.folder)
