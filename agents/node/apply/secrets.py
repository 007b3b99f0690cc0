"""The secret store: one file a secret, readable by root only. Values never leave this module
except into the standard input of the command that needs them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from pydantic import SecretStr, TypeAdapter, ValidationError

from agents.node.apply.files import NodeFiles
from appliance.errors import InvalidInputError, NotFoundError
from appliance.model.base import Name
from appliance.model.command import SecretInput
from appliance.model.names import CONFIG_DIR

LONGEST: Final = 1024
"""Characters of a secret; far above any password, below any pipe's size (pipe(7): 64 KiB)."""

_NAME: Final = TypeAdapter[str](Name)


class SecretStore:
    """Secrets by name under /etc/appliance/secrets, each mode 0600."""

    def __init__(self, files: NodeFiles, folder: str = f"{CONFIG_DIR}/secrets") -> None:
        self._files = files
        self._folder = folder

    def names(self) -> frozenset[str]:
        """Names of the stored secrets."""
        return frozenset(filter(_is_name, self._files.list_dir(self._folder)))

    def put(self, name: str, value: SecretStr) -> None:
        """Store a secret, or replace it. Raises InvalidInputError or FullError."""
        path = self._path(name)
        text = value.get_secret_value()
        if not 0 < len(text) <= LONGEST or not text.isprintable():
            raise InvalidInputError(
                f"The value for secret '{name}' cannot be stored.",
                hint=f"Give 1 to {LONGEST} printable characters on one line.",
                subject=f"secret/{name}",
            )
        self._files.write(path, text, 0o600)
        Path(self._files.real(self._folder)).chmod(0o700)

    def drop(self, name: str) -> None:
        """Forget a secret. Raises NotFoundError."""
        if name not in self.names():
            raise _missing(name)
        self._files.remove(self._path(name))

    def resolve(self, wanted: SecretInput) -> tuple[str, str]:
        """The text for a command's standard input, and the bare secret to mask in its output.

        Raises NotFoundError when it is not stored (any more).
        """
        secret = self.value(wanted.name)
        return wanted.template.replace("{secret}", secret), secret

    def value(self, name: str) -> str:
        """The bare secret, for what configures a service in this process. Raises NotFoundError."""
        secret = self._files.read(self._path(name))
        if secret is None:
            raise _missing(name)
        return secret

    def _path(self, name: str) -> str:
        if not _is_name(name):
            raise InvalidInputError(
                f"'{name}' is not a name for a secret.",
                hint="1 to 31 small letters, digits and inner hyphens, a letter first.",
                subject="secret",
            )
        return os.path.join(self._folder, name)  # noqa: PTH118 - a path on the node, not ours


def _is_name(name: str) -> bool:
    try:
        _NAME.validate_python(name)
    except ValidationError:
        return False
    return True


def _missing(name: str) -> NotFoundError:
    return NotFoundError(
        f"There is no secret '{name}'.",
        hint=f"Store it with: appliance secret set {name}",
        subject=f"secret/{name}",
    )
