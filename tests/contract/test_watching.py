"""Verdicts, alerts and metrics through the real application."""

from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families

from appliance.api import contract as api
from appliance.api.wire import Acknowledgement, LightSwitch
from appliance.client.answer import decode_text
from appliance.errors import ForbiddenError, InvalidInputError, NotFoundError, RefusedError
from appliance.model.alert import AlertState, Concern
from appliance.model.light import Lamp
from appliance.model.resource import Severity
from appliance.model.verdict import Grade
from tests.contract.conftest import Agent
from tests.unit.fakehost import NOW
from tests.unit.health.readings import attribute, hdd

ADMIN, TECHNICIAN, AUDITOR, VIEWER = 1001, 1002, 1003, 1004


def first(agent: Agent) -> str:
    return agent.looking.recent().disks[0].serial


def raise_alert(agent: Agent, serial: str) -> None:
    concern = Concern(
        cause="disk-health",
        subject=f"disk/{serial}",
        severity=Severity.WARNING,
        what="it is likely to fail",
        next_step="Replace it.",
        serial=serial,
    )
    agent.context.alerts.sync([concern], NOW, covers=lambda _: True)


def test_lists_and_the_single_disk_carry_the_verdict(agent: Agent) -> None:
    client, serial = agent.client(VIEWER), first(agent)
    agent.context.verdicts.take(serial, hdd(attribute(197, 8)))
    disks = {disk.serial: disk for disk in client.call(api.DISKS).disks}
    assert disks[serial].verdict.verdict is Grade.PREFAIL
    assert [line.rule for line in disks[serial].verdict.evidence] == ["pending"]
    others = {disk.verdict.verdict for key, disk in disks.items() if key != serial}
    assert others <= {Grade.UNKNOWN}
    detail = client.call(api.DISK, disk=serial)
    assert "self-assessment" in {line.rule for line in detail.disk.verdict.evidence}
    assert detail.measures["pending"] == 8
    assert detail.history[0].measures["pending"] == 8
    assert detail.taken_at == NOW


def test_the_status_says_which_disk_why_and_what_next(agent: Agent) -> None:
    serial = first(agent)
    agent.context.verdicts.take(serial, hdd(attribute(197, 8)))
    status = agent.client(VIEWER).call(api.STATUS)
    (finding,) = [item for item in status.findings if item.subject == f"disk/{serial}"]
    assert not status.well
    assert finding.severity is Severity.WARNING
    assert "8" in finding.why
    assert f"appliance disk show {serial}" in finding.next_step


def test_a_disk_nobody_has_is_named_with_those_there_are(agent: Agent) -> None:
    with pytest.raises(NotFoundError, match="no disk 'bay:99'") as raised:
        agent.client(VIEWER).call(api.DISK, disk="bay:99")
    assert "Bays with a disk" in raised.value.hint


def test_an_acknowledged_alert_is_noted_and_its_values_are_accepted(agent: Agent) -> None:
    serial = first(agent)
    agent.context.verdicts.take(serial, hdd(attribute(199, 12)))
    raise_alert(agent, serial)
    tom = agent.client(TECHNICIAN)
    (alert,) = tom.call(api.ALERTS).alerts
    known = tom.call(api.ALERT_ACKNOWLEDGE, Acknowledgement(note="cable ordered"), number="1")
    assert (known.state, known.acknowledged_by, known.note) == (
        AlertState.ACKNOWLEDGED, "tom", "cable ordered",
    )  # fmt: skip
    assert tom.call(api.ALERT, number="1") == known
    detail = tom.call(api.DISK, disk=serial)
    assert detail.disk.verdict.verdict is Grade.HEALTHY
    assert ("interface-crc", 12, "tom") in {
        (item.measure, item.value, item.who) for item in detail.acknowledged
    }
    (line,) = agent.client(AUDITOR).call(api.AUDIT).lines
    assert (line.who, line.what) == ("tom", "alert_acknowledge")
    assert line.outcome == "acknowledged: cable ordered"
    assert alert.number == 1


def test_who_may_only_look_may_not_acknowledge(agent: Agent) -> None:
    raise_alert(agent, first(agent))
    with pytest.raises(ForbiddenError):
        agent.client(VIEWER).call(api.ALERT_ACKNOWLEDGE, Acknowledgement(), number="1")


def test_what_cannot_be_acknowledged_is_said(agent: Agent) -> None:
    client = agent.client(ADMIN)
    raise_alert(agent, "A")
    agent.context.alerts.sync([], NOW, covers=lambda _: True)
    assert client.call(api.ALERTS).alerts == ()
    assert len(client.call(api.ALERTS, api.AlertQuery(all=True)).alerts) == 1
    with pytest.raises(RefusedError, match="over since"):
        client.call(api.ALERT_ACKNOWLEDGE, Acknowledgement(), number="1")
    with pytest.raises(NotFoundError):
        client.call(api.ALERT, number="2")
    with pytest.raises(InvalidInputError, match="no number"):
        client.call(api.ALERT, number="one")
    with pytest.raises(InvalidInputError, match="more than one line"):
        client.call(api.ALERT_ACKNOWLEDGE, Acknowledgement(note="a\nb"), number="1")


def test_metrics_are_text_that_prometheus_reads(agent: Agent) -> None:
    text = decode_text(*agent.transport(VIEWER).request("GET", "/v1/metrics"))
    families = {family.name for family in text_string_to_metric_families(text)}
    assert {"appliance_disk_info", "appliance_jobs", "appliance_alerts"} <= families
    with pytest.raises(ForbiddenError):
        decode_text(*agent.transport(1005).request("GET", "/v1/metrics"))


def test_a_light_is_switched_and_noted(agent: Agent) -> None:
    disk = agent.looking.recent().disks[0]
    slot = "/sys/class/enclosure/0:0:8:0/Slot 01"
    real = agent.host.files.real(slot)
    (real / "device/block" / disk.node).mkdir(parents=True)
    for lamp in Lamp:
        (real / lamp).write_text("0")
    tom = agent.client(TECHNICIAN)
    assert tom.call(api.DISK_LIGHT, disk=disk.serial).on is False
    lit = tom.call(api.DISK_LIGHT_SET, LightSwitch(on=True), disk=disk.serial)
    assert (lit.available, lit.on) == (True, True)
    assert ((real / "locate").read_text(), (real / "fault").read_text()) == ("1", "0")
    (line,) = agent.client(AUDITOR).call(api.AUDIT).lines
    assert (line.who, line.what, line.subject) == ("tom", "disk_light_set", f"disk/{disk.serial}")
    with pytest.raises(ForbiddenError):
        agent.client(VIEWER).call(api.DISK_LIGHT_SET, LightSwitch(on=False), disk=disk.serial)
    fault = LightSwitch(on=True, lamp=Lamp.FAULT)
    assert tom.call(api.DISK_LIGHT_SET, fault, disk=disk.serial).on is True
    seen = tom.call(api.DISK_LIGHT, api.LightQuery(lamp=Lamp.FAULT), disk=disk.serial)
    assert (seen.lamp, seen.on, (real / "fault").read_text()) == (Lamp.FAULT, True, "1")


def test_where_there_is_no_light_the_reasons_come_and_nothing_is_noted(agent: Agent) -> None:
    light = agent.client(TECHNICIAN).call(
        api.DISK_LIGHT_SET, LightSwitch(on=True), disk=first(agent)
    )
    assert not light.available
    assert light.reasons
    assert agent.client(AUDITOR).call(api.AUDIT).lines == ()
