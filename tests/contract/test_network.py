"""The word that keeps a change of the network, through the real handlers."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from appliance.api import contract as api
from appliance.errors import BusyError, ForbiddenError, RefusedError
from appliance.model.link import NetworkOutcome
from appliance.model.plan import PlanRequest
from tests.contract.conftest import Agent, hold_at
from tests.contract.test_calls import ADMIN, TECHNICIAN, VIEWER, start
from tests.unit.jobs.sites import SMALL


@pytest.fixture
def armed(agent: Agent, monkeypatch: pytest.MonkeyPatch) -> Agent:
    monkeypatch.setattr(agent.host, "_systemctl", lambda *_: None, raising=False)
    agent.context.network.arm()
    return agent


def test_an_administrator_keeps_it_and_that_is_on_record(armed: Agent) -> None:
    assert armed.client(VIEWER).call(api.NETWORK).outcome is NetworkOutcome.ARMED
    with pytest.raises(ForbiddenError):
        armed.client(TECHNICIAN).call(api.NETWORK_CONFIRM)
    assert armed.client(ADMIN).call(api.NETWORK_CONFIRM).outcome is NetworkOutcome.CONFIRMED
    assert armed.context.audit.page(1, None)[0].what == "network_confirm"
    with pytest.raises(RefusedError, match="No change of the network waits"):
        armed.client(ADMIN).call(api.NETWORK_CONFIRM)


class TestWhileAJobIsElsewhere:
    @pytest.fixture
    def on_edge(self, gate: threading.Event) -> Callable[[int, int, str], None]:
        return hold_at(1, "begun", gate)

    def test_what_is_not_in_force_yet_is_not_confirmed(
        self, armed: Agent, gate: threading.Event
    ) -> None:
        client = armed.client(ADMIN)
        job = start(client, client.call(api.PLAN_MAKE, PlanRequest(site=SMALL)))
        try:
            with pytest.raises(BusyError, match=f"Job {job.number} has not set the network up"):
                client.call(api.NETWORK_CONFIRM)
        finally:
            gate.set()
