"""What every kind is: a spec, a pure observer over a probe, a pure plan, its needs, its health.

A new kind is one new file in a family's folder that ends with `KIND = MyKind()`. The registry
finds it; CLI flags, OpenAPI, image packages, firewall ports and journal texts follow from it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from appliance.errors import InvalidInputError, NotFoundError
from appliance.model.base import Value
from appliance.model.command import Command, Output
from appliance.model.guest import GuestRecord
from appliance.model.names import volume_device
from appliance.model.resource import Finding, Found, Spec
from appliance.model.snapshot import NodeSnapshot
from appliance.model.steps import Step
from appliance.model.volume import VolumeFound, VolumeSpec

S = TypeVar("S", bound=Spec)
F = TypeVar("F", bound=Found)
T = TypeVar("T")


class Probe(Protocol):
    """The reading handle. It refuses any command whose effect is not `read`.

    Within one observation the same command is run once; later calls get the same output.
    """

    def run(self, command: Command) -> Output:
        """Run a read command. Raises StepFailedError on an exit code that is not accepted."""

    def read_text(self, path: str) -> str | None:
        """The text of a file, None when there is none."""

    def list_dir(self, path: str) -> tuple[str, ...]:
        """Sorted entry names of a folder, empty when there is none."""

    def guests(self) -> tuple[GuestRecord, ...]:
        """Libvirt's domains; empty when no hypervisor runs here."""


class Port(Value):
    """A port a kind listens on."""

    number: int
    protocol: str = "tcp"


class Needs(Value):
    """What a kind needs on the node: read by images/ and by the firewall."""

    packages: frozenset[str] = frozenset()
    units: frozenset[str] = frozenset()
    """systemd units it starts on demand; the image installs them disabled."""
    ports: frozenset[Port] = frozenset()
    modules: frozenset[str] = frozenset()
    """Kernel modules to load at boot."""

    def __or__(self, other: Needs) -> Needs:
        return Needs(
            packages=self.packages | other.packages,
            units=self.units | other.units,
            ports=self.ports | other.ports,
            modules=self.modules | other.modules,
        )


@dataclass(frozen=True)
class View:
    """What deciding may look at: the node as it is, and the whole wish (kind -> name -> spec)."""

    snapshot: NodeSnapshot
    wanted: Mapping[str, Mapping[str, Spec]] = field(default_factory=dict)
    managed: frozenset[str] = frozenset()
    """noun/name of every resource that was wanted before this change: a found thing that is
    neither here nor in `wanted` is nobody's, and must not vanish with what it stands on."""
    aside: frozenset[str] = frozenset()
    """noun/name of what a job that waits is changing: it stays as it is found until that goes on."""

    _memory: dict[Callable[[View], Any], Any] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def remembered(self, work_out: Callable[[View], T]) -> T:
        """What a function of the view says, worked out once: an index over the whole wish.

        Only for what `resolve` does not change, since specs are resolved while a view is in use.
        """
        if work_out not in self._memory:
            self._memory[work_out] = work_out(self)
        result: T = self._memory[work_out]
        return result

    def found(self, noun: str) -> Mapping[str, Found]:
        """Findings of a kind, by name."""
        return self.snapshot.found.get(noun, {})

    def specs(self, noun: str) -> Mapping[str, Spec]:
        """Wanted specs of a kind, by name."""
        return self.wanted.get(noun, {})

    def volume_device(self, volume: str) -> str:
        """The block device of a wanted or existing volume. Raises NotFoundError."""
        spec = self.specs("volume").get(volume)
        if isinstance(spec, VolumeSpec):
            return volume_device(spec.pool, volume)
        found = self.found("volume").get(volume)
        if isinstance(found, VolumeFound):
            return found.device
        raise NotFoundError(
            f"There is no volume '{volume}'.",
            hint="List them with: appliance volume list; or add it to the spec.",
            subject=f"volume/{volume}",
        )

    def require_secret(self, name: str, subject: str) -> None:
        """Raises InvalidInputError when no secret of that name is stored."""
        if name not in self.snapshot.secrets:
            raise InvalidInputError(
                f"There is no secret '{name}', which {subject} refers to.",
                hint=f"Store it with: appliance secret set {name}",
                subject=subject,
            )


@dataclass(frozen=True)
class Change(Generic[S, F]):
    """One resource's difference to judge: what is found and what is wanted."""

    name: str
    found: F | None
    wanted: S | None


class Kind(ABC, Generic[S, F]):
    """One kind of thing we manage. Subclasses are stateless; all they decide on is passed in."""

    noun: ClassVar[str]
    """The word in CLI, spec, API: pool, volume, share, nfs, smb, lun, vm."""
    title: ClassVar[str]
    """One line for help texts."""
    rank: ClassVar[int]
    """Order of building, low first; removal goes the other way round. pool 10, volume 20,
    user 25, share 30, faces 40, lun 50, vm 60."""
    face_of: ClassVar[str] = ""
    """Noun of the kind this one is a face of: nfs and smb stand inside a share's table."""
    only: ClassVar[str] = ""
    """The one name there is, of what a node has one of; empty where a person names things."""
    spec_type: type[S]
    found_type: type[F]
    needs: ClassVar[Needs] = Needs()
    verbs: ClassVar[Mapping[str, str]] = {}
    """Acts beyond create, change and remove: verb -> one line for help."""
    columns: ClassVar[tuple[str, ...]] = ()
    """Fields of spec and finding that a list shows, in order."""

    @abstractmethod
    def observe(self, probe: Probe) -> Mapping[str, F]:
        """All such things on the node, by name, unfinished ones included."""

    @abstractmethod
    def plan(self, change: Change[S, F], view: View) -> Iterator[Step]:
        """The steps from found to wanted; none when they agree.

        Must continue from any half-built state: each layer is asked for by itself. Raises
        InvalidInputError for a wish that makes no sense and RefusedError for a dangerous one.
        """

    def resolve(self, name: str, spec: S, view: View) -> S:
        """The spec as it is stored: references made stable (bays become serials), rules checked.

        Raises InvalidInputError, NotFoundError or RefusedError. Called before planning.
        """
        del view
        if self.only and name != self.only:
            raise InvalidInputError(
                f"A node has one {self.noun}, named '{self.only}', not '{name}'.",
                hint=f"Write it as [{self.noun}.{self.only}].",
                subject=f"{self.noun}/{name}",
            )
        return spec

    def refers(self, name: str, spec: S) -> tuple[str, ...]:
        """noun/name of every resource this one stands on: ("volume/images",).

        The planner refuses a wish whose references lead nowhere and the removal of a thing that
        a wanted one still refers to; it also orders removals by them. A face refers to its share
        without saying so.
        """
        del name, spec
        return ()

    def act(
        self, verb: str, name: str, arguments: Mapping[str, object], view: View
    ) -> Iterator[Step]:
        """The steps of an act. Raises InvalidInputError for a verb it does not have."""
        del arguments, view
        raise InvalidInputError(
            f"A {self.noun} has no act '{verb}'.",
            hint=f"Acts of a {self.noun}: {', '.join(self.verbs) or 'none'}.",
            subject=f"{self.noun}/{name}",
        )

    def confirmations(self, change: Change[S, F], view: View) -> tuple[tuple[str, str], ...]:
        """(token, why) a person must type before a removal; none when no data is lost."""
        del change, view
        return ()

    def given_up(self, change: Change[S, F], view: View) -> tuple[tuple[str, str], ...]:
        """(token, why) a person must type before a change that gives something up."""
        del change, view
        return ()

    def notes(self, change: Change[S, F], view: View) -> tuple[str, ...]:
        """Facts to show in the preview: usable capacity, what is wasted."""
        del change, view
        return ()

    def health(self, name: str, found: F) -> tuple[Finding, ...]:
        """What is not well with it."""
        del name, found
        return ()

    def foreign(self, name: str, found: F) -> bool:
        """Whether a found thing is none of ours: it takes a name, but is no loose end to warn of
        or to list.
        """
        del name, found
        return False

    def adopt(self, name: str, found: F) -> S | None:
        """The spec that would describe a thing found but not wanted (import); None: it can't be."""
        del name, found
        return None
