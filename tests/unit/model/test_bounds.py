"""What callers write is bounded where it is read: numbers, addresses, sizes, command lines."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from appliance.api.contract import AuditQuery, JobQuery
from appliance.model.base import parse_size
from appliance.model.guest import GuestSpec
from appliance.model.link import LinkSpec
from appliance.model.share import NfsClient


@pytest.mark.parametrize(
    "query", [{"wait": "nan"}, {"wait": "inf"}, {"wait": -1}, {"after": 2**63}, {"after": -2}]
)
def test_nobody_waits_for_what_never_comes(query: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        JobQuery.model_validate(query)


def test_a_line_beyond_any_database_is_refused() -> None:
    with pytest.raises(ValidationError):
        AuditQuery.model_validate({"before": 10**22})


@pytest.mark.parametrize("address", ["fe80::1%x *(rw,no_root_squash)", "fe80::1%eth0"])
def test_an_export_names_no_interface(address: str) -> None:
    with pytest.raises(ValidationError, match="no address or network"):
        NfsClient.model_validate({"address": address})


@pytest.mark.parametrize("field", ["addresses", "dns"])
def test_a_link_names_no_interface_in_an_address(field: str) -> None:
    with pytest.raises(ValidationError, match="no address"):
        LinkSpec.model_validate({"interface": "eno1", field: ["fd00::1%a\nDNS=6.6.6.6/64"]})


@pytest.mark.parametrize("text", ["9" * 400 + " PB", "8 EiB", "99999999 PiB"])
def test_a_size_beyond_any_disk_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"larger than any disk|not a size"):
        parse_size(text)


def test_a_kernels_command_line_is_text() -> None:
    with pytest.raises(ValidationError):
        GuestSpec.model_validate({"cmdline": "quiet\0 splash"})
