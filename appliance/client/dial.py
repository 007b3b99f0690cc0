"""From an address to a transport; what a scheme does not need is not imported."""

from __future__ import annotations

from appliance.client.transport import Address, Transport


def open_transport(address: Address, *, identity: str = "") -> Transport:
    """The transport for an address; nothing is connected yet.

    `identity` is the file of a private SSH key; by default the agent's and the usual ones.
    """
    if address.scheme == "unix":
        from appliance.client.unix import UnixTransport

        return UnixTransport(address.path)
    if address.scheme == "recorded":
        from appliance.client.recorded import open_recorded

        return open_recorded(address.path)
    from appliance.client.ssh import SshTransport

    return SshTransport(address, identity=identity)
