"""Addresses as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.client.transport import LOCAL, Address, parse_address
from appliance.errors import InvalidInputError

NAMES = st.from_regex(r"[a-z0-9][a-z0-9.-]{0,20}", fullmatch=True)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("", LOCAL),
        ("unix:///run/x.sock", Address("unix", "", "", 0, "/run/x.sock")),
        ("node1", Address("ssh", "", "node1", 22, "")),
        ("ada@node1:2222", Address("ssh", "ada", "node1", 2222, "")),
        ("ssh://ada@node1/", Address("ssh", "ada", "node1", 22, "")),
        ("ssh://[fd00::1]:2222", Address("ssh", "", "fd00::1", 2222, "")),
        ("ssh://[fd00::1]", Address("ssh", "", "fd00::1", 22, "")),
    ],
)
def test_an_address(text: str, address: Address) -> None:
    assert parse_address(text) == address


@pytest.mark.parametrize(
    "text",
    ["http://node1", "unix://relative", "ssh://", "ssh://ada@", "node1:ssh", "ssh://node1/path",
     "ssh://node1:70000", "ssh://node1:0", "ssh://node1:²", "ssh://[fd00::1", "ssh://no de",
     "ssh://-oProxyCommand=x"],
)  # fmt: skip
def test_what_is_no_address_is_told_with_an_example(text: str) -> None:
    with pytest.raises(InvalidInputError) as raised:
        parse_address(text)
    assert text in raised.value.message
    assert "ssh://USER@HOST" in raised.value.hint


@given(user=st.one_of(st.just(""), NAMES), host=NAMES, port=st.integers(1, 65535))
def test_an_address_reads_back(user: str, host: str, port: int) -> None:
    address = Address("ssh", user, host, port, "")
    assert parse_address(address.text) == address


@given(st.text(max_size=40))
def test_any_text_is_an_address_or_a_told_error(text: str) -> None:
    try:
        address = parse_address(text)
    except InvalidInputError:
        return
    assert parse_address(address.text) == address
