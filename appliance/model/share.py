"""A share: one file system with one set of permissions, shown by faces (NFS, SMB) to users."""

from __future__ import annotations

import ipaddress
import re
from enum import StrEnum
from typing import Annotated, Final, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from appliance.model.base import VOLATILE, Bytes, Name, Size, Value, without_scope
from appliance.model.resource import Found, Spec

_GROUP: Final = re.compile(r"^[a-z]([a-z0-9-]{0,29}[a-z0-9])?(:[0-9]{4,9})?$")


class ShareSpec(Spec):
    """XFS on a volume, mounted under /srv/shares/NAME."""

    volume: Name
    """The volume that holds it."""
    quota: Size | None = None
    """Project quota over the whole share; None for the volume's own size. A full quota answers
    "no space left" to clients: XFS has ENOSPC, not EDQUOT, for project quotas."""
    owner: Name = "root"
    """Whose the top folder is."""
    group: Name = "users"
    """Whose members may write."""
    mode: Annotated[str, Field(pattern=r"^[0-7]{4}$")] = "2770"
    """Permissions of the top folder, octal; new files inherit them by its default ACL, so that
    NFS and SMB writers of the group can work on each other's files."""


class ShareFound(Found):
    """The file system as it is."""

    volume: str
    """Empty when the file system is mounted from something that is no volume of ours."""
    device: str
    filesystem: str | None
    """Type on the device as blkid(8) names it; "" for none, None while the device is away."""
    mounted: bool
    configured: bool = False
    """There is a mount unit of ours."""
    unit: bool = False
    """The mount unit that brings it back at boot is as it should be, and enabled."""
    unfinished: bool = False
    """mkfs.xfs was cut off: nothing was ever stored in it."""
    project: bool = False
    """The top folder carries the project that quotas count, and hands it down."""
    quota: Bytes | None = None
    owner: str = ""
    group: str = ""
    mode: str = ""
    default_mode: str = ""
    """What new files inherit by the default ACL, octal; empty without one."""
    size: Bytes = 0
    """Of the file system, whatever the quota; 0 while it is not mounted."""
    free: Annotated[Bytes, VOLATILE] = 0
    """What is left under quota and file system alike."""
    trimmed: bool = True
    """The weekly trim that gives freed blocks back to the thin pool is on."""


class OpenFile(Value):
    """A file a client holds open through a face."""

    who: str
    """Address of the client, and its user where the protocol tells."""
    path: str


def open_files_in_words(files: tuple[OpenFile, ...]) -> str:
    """The first three open files and who holds them, and how many more there are."""
    shown = ", ".join(f"{item.path} ({item.who})" for item in files[:3])
    return shown if len(files) <= 3 else f"{shown} and {len(files) - 3} more"  # noqa: PLR2004


def _group(text: str) -> str:
    if _GROUP.match(text) is None:
        msg = f"'{text}' is no group; write a name, or name:number for a group made with that gid"
        raise ValueError(msg)
    return text


Group = Annotated[str, AfterValidator(_group)]
"""A group's name, or `name:gid` so that it has the same number on every NFS client."""


class UserSpec(Spec):
    """A local account for SMB and file ownership: no shell, no home, no login."""

    uid: Annotated[int, Field(ge=1000, le=59999)] | None = None
    """NFS clients go by number; None for the next free one."""
    groups: tuple[Group, ...] = ("users",)
    """Supplementary groups; they decide about shares together with the shares' own group."""
    password: Name | None = None
    """Name of the stored secret that is the SMB password; None for no SMB access."""


class UserFound(Found):
    """An account on the node, ours or not: other accounts take names and numbers."""

    uid: int
    ours: bool
    groups: tuple[str, ...] = ()
    """Supplementary groups as `name:gid`, in order of the names."""
    password: str | None = None
    """Name of the secret its SMB password was set from; None while Samba does not know it."""


class Access(StrEnum):
    """Whether a client may write."""

    READ_ONLY = "ro"
    READ_WRITE = "rw"


class Squash(StrEnum):
    """Whose rights a client's users lose: root's, everybody's, nobody's."""

    ROOT = "root"
    ALL = "all"
    NONE = "none"


class Security(StrEnum):
    """How a client proves who its users are, as exports(5) names it."""

    SYS = "sys"
    KRB5 = "krb5"
    KRB5I = "krb5i"
    KRB5P = "krb5p"


def _address(text: str) -> str:
    try:
        return (
            str(ipaddress.ip_network(without_scope(text))).removesuffix("/32").removesuffix("/128")
        )
    except ValueError as error:
        msg = f"'{text}' is no address or network; write for example 10.0.0.5 or 10.0.0.0/24"
        raise ValueError(msg) from error


class NfsClient(Value):
    """Who may mount, and how."""

    address: Annotated[str, AfterValidator(_address)]
    """An address or a network without host bits; 0.0.0.0/0 for everybody."""
    access: Access = Access.READ_WRITE
    squash: Squash = Squash.ROOT
    security: tuple[Security, ...] = (Security.SYS,)


class NfsSpec(Spec):
    """An NFSv4.2 export; clients mount NODE:/NAME."""

    clients: Annotated[tuple[NfsClient, ...], Field(min_length=1)]
    insecure_ports: bool = False
    """Take clients behind address translation, whose source ports are above 1023."""
    anonymous_uid: Annotated[int, Field(ge=1, le=65534)] = 65534
    """Whose rights squashed users get; 65534 is nobody."""
    anonymous_gid: Annotated[int, Field(ge=1, le=65534)] = 65534
    """Their group; 65534 is nogroup."""

    @model_validator(mode="after")
    def _each_client_once(self) -> Self:
        addresses = [client.address for client in self.clients]
        twice = sorted({item for item in addresses if addresses.count(item) > 1})
        if twice:
            msg = f"clients named twice: {', '.join(twice)}"
            raise ValueError(msg)
        return self


class NfsFound(Found):
    """An export as its file and the server have it."""

    line: str
    """The line in our exports file; empty when only the server still knows the export."""
    exported: bool
    """The server's own table has every client of the line, and no other."""
    running: bool
    """The NFS server; it is one for all exports, as are the next three."""
    enabled: bool
    """It starts at boot."""
    settings: bool
    """Its settings are ours."""
    legacy: bool = False
    """rpcbind or rpc.statd can be started: NFSv3 needs them, NFSv4 does not."""
    open_files: Annotated[tuple[OpenFile, ...], VOLATILE] = ()


Principal = Annotated[str, StringConstraints(pattern=r"^@?[a-z]([a-z0-9-]{0,29}[a-z0-9])?$")]
"""A user's name, or @group."""


class Encryption(StrEnum):
    """Whether SMB sessions must be encrypted."""

    REQUIRED = "required"
    DESIRED = "desired"


class SmbSpec(Spec):
    """An SMB 3.1.1 share; clients open \\\\NODE\\NAME."""

    writers: tuple[Principal, ...] = ()
    """Users and @groups that may read and write."""
    readers: tuple[Principal, ...] = ()
    """Users and @groups that may only read."""
    encryption: Encryption = Encryption.REQUIRED
    hidden: bool = False
    """Not shown when a client lists the shares."""

    @model_validator(mode="after")
    def _somebody_may_enter(self) -> Self:
        if not self.writers and not self.readers:
            msg = "name at least one user or @group in writers or readers"
            raise ValueError(msg)
        both = sorted(set(self.writers) & set(self.readers))
        if both:
            msg = f"both writer and reader: {', '.join(both)}"
            raise ValueError(msg)
        return self


class SmbFound(Found):
    """A share definition as Samba has it."""

    text: str
    """Our file for it; empty when only smb.conf still names it."""
    main: str
    """smb.conf as it stands; it is one file for all shares."""
    running: bool
    """smbd; it is one for all shares."""
    enabled: bool
    """It starts at boot."""
    versions: tuple[str, ...] = ()
    """Names of the previous versions it shows: @GMT-YYYY.MM.DD-HH.MM.SS, oldest first."""
    sessions: Annotated[int, VOLATILE] = 0
    open_files: Annotated[tuple[OpenFile, ...], VOLATILE] = ()
