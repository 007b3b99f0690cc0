"""Stand-ins for the node, for tests that must not start a process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from appliance.errors import ApplianceError, StepFailedError
from appliance.model.command import Command, Effect, Output
from appliance.model.guest import GuestRecord


@dataclass
class FakeProbe:
    """A probe over recorded answers: command line -> output, path -> text.

    An output may be plain text (exit code 0) or an error to raise. A command nobody recorded is a
    fault of the test, so it fails there. Folders follow from the files; `dirs` adds to them.
    """

    outputs: Mapping[str, Output | str | ApplianceError] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    dirs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    domains: tuple[GuestRecord, ...] | ApplianceError = ()
    ran: list[str] = field(default_factory=list)
    """Command lines in the order they were asked for."""

    def run(self, command: Command) -> Output:
        """The recorded output. Raises StepFailedError on an exit code that is not accepted."""
        line = command.line()
        assert command.effect is Effect.READ, f"a probe was asked to change the node: {line}"
        assert line in self.outputs, f"nothing recorded for: {line}"
        self.ran.append(line)
        answer = self.outputs[line]
        if isinstance(answer, ApplianceError):
            raise answer
        output = Output(code=0, stdout=answer) if isinstance(answer, str) else answer
        if output.code not in command.ok_codes:
            raise StepFailedError(
                f"{command.argv[0]} ended with {output.code}.",
                hint="Read its output.",
                subject=line,
            )
        return output

    def read_text(self, path: str) -> str | None:
        """The recorded text, None when there is none."""
        return self.files.get(path)

    def list_dir(self, path: str) -> tuple[str, ...]:
        """Names from `dirs` and from the paths of all recorded files."""
        root = PurePosixPath(path)
        names = set(self.dirs.get(path, ()))
        for known in (*self.files, *self.dirs):
            entry = PurePosixPath(known)
            if root in entry.parents:
                names.add(entry.relative_to(root).parts[0])
        return tuple(sorted(names))

    def guests(self) -> tuple[GuestRecord, ...]:
        """The recorded domains; raises when an error was recorded instead."""
        if isinstance(self.domains, ApplianceError):
            raise self.domains
        return self.domains
