"""The agent killed the hard way, and up again."""

from __future__ import annotations

from images.machine import Machine


def kill_agent(node: Machine) -> None:
    """SIGKILL for the agent's main process; systemd starts it again."""
    restarts = node.succeed("systemctl show -P NRestarts appliance-agent").strip()
    node.succeed("systemctl kill --kill-whom=main --signal=SIGKILL appliance-agent")
    node.wait_until_succeeds(
        f"test $(systemctl show -P NRestarts appliance-agent) != {restarts}"
        " && test -S /run/appliance/agent.sock && appliance job list >/dev/null",
        timeout_s=120,
    )
