"""What the node says of shares, as recorded on a booted node, and what is read out of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from appliance.kinds.nfs_state import (
    EXPORTS_DIR,
    SETTINGS,
    SETTINGS_FILE,
    exports_file,
    parse_open_files,
)
from appliance.kinds.share_state import TRIM_FILE, TRIM_TEXT, mount_text
from appliance.kinds.shares import filesystem, nfs, smb, user
from appliance.kinds.smb_config import MAIN_FILE, main_text, parse_status, share_file, share_text
from appliance.kinds.units import (
    UNIT_DIR,
    device_link,
    device_unit,
    escape_path,
    logical_device,
    mount_unit,
    parse_unit_states,
    unescape_path,
)
from appliance.model.command import Output
from appliance.model.resource import Severity
from appliance.model.share import Encryption, NfsFound, NfsSpec, ShareFound, SmbFound, SmbSpec
from tests.unit.fakes import FakeProbe

RECORDED = Path(__file__).parents[3] / "recorded"
PATH = "/srv/shares/images"
DEVICE = "/dev/vg_tank/vol_images"
UNIT = "srv-shares-images.mount"
STATES = "systemctl show --property=Id,UnitFileState,ActiveState"
LEGACY = "rpcbind.socket rpcbind.service rpc-statd.service"


def recorded(kind: str, name: str) -> str:
    return (RECORDED / f"shares.{kind}" / name).read_text()


def head_of(device: str, in_progress: str) -> str:
    """As head(1) shows a superblock: bytes that are no text have come as U+FFFD."""
    return f"==> {device} <==\nXFSB\0\0\x10\0\N{REPLACEMENT CHARACTER}\n\x0f\0\0{in_progress}"


def wants(device: str) -> str:
    return f"{UNIT_DIR}/{device_unit(device_link(device))}.wants"


def node(**files: str) -> FakeProbe:
    """The recorded node: one share, mounted."""
    return FakeProbe(
        outputs={
            f"xfs_io -r -c stat -c statfs {PATH}": recorded("filesystem", "xfs_io.txt"),
            f"getfacl --absolute-names {PATH}": recorded("filesystem", "getfacl.txt"),
            f"xfs_quota -x -c 'report -p -b -n' {PATH}": recorded("filesystem", "xfs_quota.txt"),
        },
        files={
            f"{UNIT_DIR}/{UNIT}": mount_text("images", DEVICE),
            TRIM_FILE: TRIM_TEXT,
            "/proc/self/mountinfo": recorded("filesystem", "mountinfo.txt"),
            **files,
        },
        dirs={
            wants(DEVICE): (UNIT,),
            f"{UNIT_DIR}/timers.target.wants": ("fstrim.timer",),
        },
    )


def test_a_mounted_share() -> None:
    found = filesystem.KIND.observe(node())["images"]
    assert (found.volume, found.device, found.filesystem) == ("images", DEVICE, "xfs")
    assert found.mounted
    assert found.unit
    assert found.project
    assert found.trimmed
    assert found.quota == 200 << 20
    assert (found.owner, found.group, found.mode, found.default_mode) == (
        "root", "radiology", "2770", "770",
    )  # fmt: skip
    assert found.size == 1 << 30
    assert 0 < found.free <= 200 << 20
    adopted = filesystem.KIND.adopt("images", found)
    assert adopted is not None
    assert (adopted.volume, adopted.quota) == ("images", 200 << 20)


def test_a_node_without_shares_is_asked_nothing() -> None:
    probe = FakeProbe()
    for kind in (filesystem.KIND, nfs.KIND, smb.KIND):
        assert kind.observe(probe) == {}
    assert probe.ran == []


@pytest.mark.parametrize(("cut_off", "unfinished"), [("\1", True), ("\0", False)])
def test_an_unmounted_share(cut_off: str, *, unfinished: bool) -> None:
    probe = FakeProbe(
        outputs={
            f"blkid -c /dev/null -o export {DEVICE}": recorded("filesystem", "blkid.txt"),
            f"head --verbose --bytes=127 {DEVICE}": head_of(DEVICE, cut_off),
        },
        files={f"{UNIT_DIR}/{UNIT}": mount_text("images", DEVICE)},
        dirs={"/dev/vg_tank": ("vol_images",)},
    )
    found = filesystem.KIND.observe(probe)["images"]
    assert not found.mounted
    assert not found.unit, "the unit is not enabled"
    assert found.filesystem == "xfs"
    assert found.unfinished is unfinished
    (finding,) = filesystem.KIND.health("images", found)
    assert finding.severity is Severity.CRITICAL


def test_a_share_whose_volume_is_away_is_not_taken_for_blank() -> None:
    probe = FakeProbe(files={f"{UNIT_DIR}/{UNIT}": mount_text("images", DEVICE)})
    found = filesystem.KIND.observe(probe)["images"]
    assert found.filesystem is None
    (finding,) = filesystem.KIND.health("images", found)
    assert finding.why == "Its volume is not there."
    assert filesystem.KIND.adopt("images", found) is None


def test_a_blank_device_is_blank() -> None:
    probe = FakeProbe(
        outputs={f"blkid -c /dev/null -o export {DEVICE}": Output(code=2, stdout="")},
        files={f"{UNIT_DIR}/{UNIT}": mount_text("images", DEVICE)},
        dirs={"/dev/vg_tank": ("vol_images",)},
    )
    assert filesystem.KIND.observe(probe)["images"].filesystem == ""


def test_a_mount_of_something_else() -> None:
    line = "1 2 8:17 / /srv/shares/old rw - ext4 /dev/sdb1 rw\n1 2 0:5 / /srv/shares/old/in rw - tmpfs tmpfs rw"
    found = filesystem.KIND.observe(FakeProbe(files={"/proc/self/mountinfo": line}))
    assert list(found) == ["old"]
    assert (found["old"].volume, found["old"].filesystem, found["old"].unit) == ("", "ext4", False)


@pytest.mark.parametrize(
    ("free", "severity"),
    [(900, None), (190, Severity.WARNING), (60, Severity.CRITICAL)],
)
def test_how_full_a_share_is(free: int, severity: Severity | None) -> None:
    found = ShareFound(volume="v", device=DEVICE, filesystem="xfs", mounted=True, configured=True,
                       unit=True, quota=1000, size=5000, free=free)  # fmt: skip
    assert [item.severity for item in filesystem.KIND.health("v", found)] == (
        [severity] if severity else []
    )
    loose = found.model_copy(update={"unit": False, "quota": None, "free": 5000})
    assert [item.severity for item in filesystem.KIND.health("v", loose)] == [Severity.WARNING]


def test_two_hundred_shares_cost_as_many_processes_as_two() -> None:
    def processes(count: int) -> list[str]:
        probe = crowd(count)
        for kind in (filesystem.KIND, nfs.KIND, smb.KIND, user.KIND):
            kind.observe(probe)
        assert len(filesystem.KIND.observe(probe)) == 2 * count
        return [line.split()[0] for line in dict.fromkeys(probe.ran)]

    assert processes(200) == processes(2)


def test_of_many_shares_that_are_away_the_one_that_was_cut_off_is_known() -> None:
    found = filesystem.KIND.observe(crowd(200))
    assert [name for name, item in found.items() if item.unfinished] == ["away-7"]
    assert all(found[f"there-{n}"].quota == 200 << 20 for n in range(200))


@dataclass
class IndexedProbe(FakeProbe):
    """Knows its folders beforehand: looking for them in thousands of files takes long."""

    def __post_init__(self) -> None:
        self.folders: dict[str, set[str]] = {path: set(names) for path, names in self.dirs.items()}
        for path in self.files:
            folder, _, name = path.rpartition("/")
            self.folders.setdefault(folder, set()).add(name)

    def list_dir(self, path: str) -> tuple[str, ...]:
        return tuple(sorted(self.folders.get(path, ())))


def crowd(count: int) -> FakeProbe:
    """A node with so many shares that are mounted and served, and so many that are not."""
    there = [f"there-{n}" for n in range(count)]
    away = [f"away-{n}" for n in range(count)]
    paths = [f"/srv/shares/{name}" for name in sorted(there)]
    devices = [f"/dev/vg_tank/vol_{name}" for name in sorted(away)]

    def of_all(tool: str) -> str:
        return "\n".join(
            recorded("filesystem", f"{tool}.txt").replace(PATH, path) for path in paths
        )

    heads = "\n".join(
        head_of(device, "\1" if device.endswith("-7") else "\0") for device in devices
    )
    types = "\n\n".join(f"DEVNAME={device}\nTYPE=xfs" for device in devices)
    server = "ActiveState=active\nUnitFileState=enabled\n"
    spec = SmbSpec(writers=("alice",))
    return IndexedProbe(
        outputs={
            f"xfs_io -r -c stat -c statfs {' '.join(paths)}": of_all("xfs_io"),
            f"getfacl --absolute-names {' '.join(paths)}": of_all("getfacl"),
            f"xfs_quota -x -c 'report -p -b -n' {' '.join(paths)}": of_all("xfs_quota"),
            f"blkid -c /dev/null -o export {' '.join(devices)}": types,
            f"head --verbose --bytes=127 {' '.join(devices)}": heads,
            f"{STATES} nfs-server.service {LEGACY}": f"Id=nfs-server.service\n{server}",
            f"{STATES} smbd.service": f"Id=smbd.service\n{server}",
            "smbstatus --json": "{}",
            "pdbedit --list": recorded("user", "pdbedit.txt"),
        },
        files={
            f"{UNIT_DIR}/{mount_unit(f'/srv/shares/{name}')}": mount_text(
                name, f"/dev/vg_tank/vol_{name}"
            )
            for name in (*there, *away)
        }
        | {exports_file(name): f"/{name} 10.0.0.0/8(rw)\n" for name in there}
        | {share_file(name): share_text(name, spec, "users", nfs=True) for name in there}
        | {
            "/proc/self/mountinfo": "\n".join(
                f"1 2 253:{n} / /srv/shares/{name} rw - xfs {device_link(f'/dev/vg_tank/vol_{name}')} rw"
                for n, name in enumerate(there)
            ),
            "/etc/passwd": recorded("user", "passwd.txt"),
            "/etc/group": recorded("user", "group.txt"),
            "/var/lib/samba/private/passdb.tdb": "",
        },
        dirs={"/dev/vg_tank": tuple(f"vol_{name}" for name in away)},
    )


def exports(line: str, **files: str) -> FakeProbe:
    states = recorded("nfs", "systemctl.txt")
    return FakeProbe(
        outputs={f"{STATES} nfs-server.service {LEGACY}": states},
        files={
            exports_file("images"): f"# ours\n{line}\n",
            SETTINGS_FILE: SETTINGS,
            "/var/lib/nfs/etab": recorded("nfs", "etab.txt"),
            "/proc/self/mountinfo": recorded("filesystem", "mountinfo.txt"),
            **files,
        },
        dirs={EXPORTS_DIR: ("other.exports",)},
    )


LINE = "/images 127.0.0.1(rw,sync,root_squash,mountpoint) 10.0.2.15(ro,sync,root_squash,mountpoint)"


def test_an_export_the_server_has() -> None:
    info, states = (
        "/proc/1/root/proc/fs/nfsd/clients/7/info",
        "/proc/1/root/proc/fs/nfsd/clients/7/states",
    )
    held = '- 0x1: { type: open, access: rw, deny: --, superblock: "fd:04:132", filename: "/f1" }'
    files = {info: recorded("nfs", "nfs-client-info.txt"), states: held}
    found = nfs.KIND.observe(exports(LINE, **files))["images"]
    assert found == NfsFound(
        line=LINE, exported=True, running=True, enabled=True, settings=True, legacy=False,
        open_files=found.open_files,
    )  # fmt: skip
    assert [(item.who, item.path) for item in found.open_files] == [("127.0.0.1", "/f1")]
    assert nfs.KIND.health("images", found) == ()


@pytest.mark.parametrize(
    "line",
    ["", "/images 127.0.0.1(rw)", LINE.replace("(ro", "(rw"), LINE.replace("/images", "/other")],
)
def test_an_export_the_server_has_not(line: str) -> None:
    found = nfs.KIND.observe(exports(line))["images"]
    assert not found.exported
    (finding,) = nfs.KIND.health("images", found)
    assert finding.severity is Severity.CRITICAL


def test_health_of_a_server_that_is_down() -> None:
    found = NfsFound(line=LINE, exported=False, running=False, enabled=False, settings=True)
    assert [item.severity for item in nfs.KIND.health("images", found)] == [
        Severity.CRITICAL, Severity.WARNING,
    ]  # fmt: skip


def test_a_delegation_for_writing_counts_as_open() -> None:
    states = recorded("nfs", "nfs-client-states.txt")
    assert list(parse_open_files("", states)) == [], "delegations for reading hold nothing back"
    writing = states.replace("access: r,", "access: wa,", 1)
    ((number, held),) = parse_open_files("no address", writing)
    assert (number, held.who, held.path) == ("253:4", "unknown client", "/d1")


def samba(*, active: bool) -> FakeProbe:
    state = "active" if active else "inactive"
    spec = SmbSpec(writers=("alice",))
    return FakeProbe(
        outputs={
            f"{STATES} smbd.service": f"Id=smbd.service\nActiveState={state}\nUnitFileState=enabled\n",
            "smbstatus --json": recorded("smb", "smbstatus.json"),
        },
        files={
            share_file("images"): share_text("images", spec, "radiology", nfs=True),
            MAIN_FILE: main_text({"images": spec}),
        },
    )


def test_an_smb_share_in_use() -> None:
    found = smb.KIND.observe(samba(active=True))["images"]
    assert found.running
    assert found.enabled
    assert found.sessions == 1
    assert [(item.who, item.path) for item in found.open_files] == [("alice at 10.0.2.2", "f1")]
    assert smb.KIND.health("images", found) == ()


def test_samba_down_is_not_asked() -> None:
    probe = samba(active=False)
    found = smb.KIND.observe(probe)["images"]
    assert not found.running
    assert "smbstatus --json" not in probe.ran
    lost = found.model_copy(update={"enabled": False, "main": ""})
    assert len(smb.KIND.health("images", lost)) == 3


def test_the_top_folder_of_a_connection_is_no_open_file() -> None:
    status = json.loads(recorded("smb", "smbstatus.json"))
    (opened,) = status["open_files"].values()
    opened["filename"] = "."
    assert parse_status(json.dumps(status))[1] == {PATH: ()}
    opened["filename"], status["sessions"] = "f1", {}
    (file,) = parse_status(json.dumps(status))[1][PATH]
    assert file.who == "process 2413"


def test_one_share_that_leaves_encryption_open_is_the_only_one_that_does() -> None:
    strict = SmbSpec(writers=("a",))
    loose = SmbSpec(writers=("a",), encryption=Encryption.DESIRED)
    assert "server smb encrypt = required" in main_text({"s": strict})
    assert "server smb encrypt = desired" in main_text({"s": strict, "t": loose})
    assert "server smb encrypt = required" in share_text("s", strict, "users", nfs=False)


def test_accounts() -> None:
    probe = FakeProbe(
        outputs={"pdbedit --list": recorded("user", "pdbedit.txt")},
        files={
            "/etc/passwd": recorded("user", "passwd.txt"),
            "/etc/group": recorded("user", "group.txt"),
            "/var/lib/samba/private/passdb.tdb": "",
        },
    )
    found = user.KIND.observe(probe)
    assert (found["alice"].uid, found["alice"].password) == (2000, "alice-smb")
    assert found["alice"].groups == ("radiology:2100", "users:100")
    assert not user.KIND.foreign("alice", found["alice"])
    assert user.KIND.foreign("root", found["root"])
    assert user.KIND.foreign("lab-viewer", found["lab-viewer"])


def test_samba_is_not_asked_when_it_knows_nobody() -> None:
    probe = FakeProbe(files={"/etc/passwd": recorded("user", "passwd.txt")})
    assert user.KIND.observe(probe)["alice"].password is None
    assert user.KIND.observe(FakeProbe()) == {}


@pytest.mark.parametrize("path", ["/srv/shares/images", "/srv/shares/ct-2026", "/srv/a_b.c"])
def test_unit_names_lead_back_to_their_path(path: str) -> None:
    assert unescape_path(escape_path(path)) == path


def test_names_of_units_and_devices() -> None:
    assert mount_unit("/srv/shares/ct-2026") == r"srv-shares-ct\x2d2026.mount"
    link = device_link("/dev/vg_my-pool/vol_ct-2026")
    assert link == "/dev/disk/by-id/dm-name-vg_my--pool-vol_ct--2026"
    assert logical_device(link) == "/dev/vg_my-pool/vol_ct-2026"
    assert logical_device("/dev/mapper/int-ZSAS0000-x") == "/dev/mapper/int-ZSAS0000-x"
    assert logical_device("/dev/sda1") == "/dev/sda1"


def test_states_of_units() -> None:
    states = parse_unit_states(recorded("nfs", "systemctl.txt"))
    assert states["nfs-server.service"].enabled
    assert not states["rpcbind.socket"].startable
    assert not states["nosuch.service"].startable
    assert SmbFound(text="", main="", running=True, enabled=True).sessions == 0


@pytest.mark.parametrize(
    "wish",
    [
        {"clients": [{"address": "10.0.0.0/8"}]},
        {
            "clients": [
                {"address": "10.0.0.5", "access": "ro", "squash": "none"},
                {"address": "fd00::/64", "squash": "all", "security": ["krb5p", "sys"]},
            ],
            "insecure_ports": True,
            "anonymous_uid": 2000,
            "anonymous_gid": 2100,
        },
    ],
)
def test_an_export_found_on_the_node_is_wanted_as_it_is(wish: dict[str, object]) -> None:
    spec = NfsSpec.model_validate(wish)
    line = nfs.export_line("images", spec)
    found = NfsFound(line=line, exported=True, running=True, enabled=True, settings=True)
    assert nfs.KIND.adopt("images", found) == spec
    for other in (f"{line} 10.1.1.1(rw)", line.replace("sync,", ""), ""):
        assert nfs.KIND.adopt("images", found.model_copy(update={"line": other})) is None


@pytest.mark.parametrize("with_nfs", [True, False])
@pytest.mark.parametrize(
    "spec",
    [
        SmbSpec(writers=("alice", "@staff"), readers=("bob",)),
        SmbSpec(readers=("@staff",), encryption=Encryption.DESIRED, hidden=True),
    ],
)
def test_an_smb_share_found_on_the_node_is_wanted_as_it_is(
    spec: SmbSpec, *, with_nfs: bool
) -> None:
    text = share_text("images", spec, "staff", nfs=with_nfs)
    found = SmbFound(text=text, main="", running=True, enabled=True)
    assert smb.KIND.adopt("images", found) == spec
    for other in (f"{text}guest ok = yes\n", text.replace("read only = yes\n", ""), ""):
        assert smb.KIND.adopt("images", found.model_copy(update={"text": other})) is None


def test_previous_versions_are_read_off_the_mounts() -> None:
    probe = samba(active=False)
    versions = [f"1 2 253:9 / /srv/versions/images/@GMT-2026.11.{day}-22.00.00 ro - xfs /dev/x ro"
                for day in (24, 23)]  # fmt: skip
    others = ["1 2 253:9 / /srv/versions rw - tmpfs tmpfs rw",
              "1 2 253:9 / /srv/versions/other/@GMT-2026.11.20-22.00.00 ro - xfs /dev/y ro"]  # fmt: skip
    files = {**probe.files, "/proc/self/mountinfo": "\n".join((*versions, *others))}
    found = smb.KIND.observe(FakeProbe(outputs=probe.outputs, files=files))["images"]
    assert found.versions == ("@GMT-2026.11.23-22.00.00", "@GMT-2026.11.24-22.00.00")
