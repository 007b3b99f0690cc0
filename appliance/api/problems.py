"""Errors on their way over the wire: RFC 9457 problem documents, and pydantic's findings in words."""

from __future__ import annotations

import json
from typing import Final

from pydantic import ValidationError

from appliance.errors import ApplianceError, InvalidInputError

MEDIA_TYPE: Final = "application/problem+json"


def encode_problem(error: ApplianceError) -> bytes:
    """The error as the bytes of a problem document."""
    return json.dumps(error.problem(), ensure_ascii=False).encode()


def explain_validation(error: ValidationError, subject: str) -> InvalidInputError:
    """A request that does not fit its type, each wrong key named by its dotted path."""
    details = tuple(
        f"{'.'.join(str(part) for part in item['loc']) or subject}: {item['msg']}"
        for item in error.errors(include_url=False, include_context=False, include_input=False)
    )
    return InvalidInputError(
        f"The request to {subject} does not have the right form: {details[0]}.",
        hint="Client and agent may be of different versions; compare: appliance status.",
        subject=subject,
        details=details,
    )
