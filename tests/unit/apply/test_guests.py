"""Acts on guests, on libvirt's own test hypervisor: the real library without a machine."""

from __future__ import annotations

from collections.abc import Iterator

import libvirt
import pytest

from agents.node.apply.guests import LibvirtGuests
from appliance.errors import NotFoundError, StepFailedError, UnavailableError
from appliance.model.steps import GuestAct

URI = "test:///default"
XML = """<domain type='test'><name>tiny</name><uuid>fb40a8fa-f011-563c-a4c6-74d530f23d34</uuid>
<memory unit='KiB'>{memory}</memory><vcpu>1</vcpu><os><type arch='i686'>hvm</type></os></domain>"""


class Time:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def hypervisor() -> Iterator[libvirt.virConnect]:
    """The test driver forgets everything with its last connection, so one stays open. Another one
    that is closed late must not show the next test what was defined here."""
    connection = libvirt.open(URI)
    yield connection
    for domain in connection.listAllDomains():
        if domain.name() == "tiny":
            if domain.isActive():
                domain.destroy()
            domain.undefine()
    connection.close()


@pytest.fixture
def guests(hypervisor: libvirt.virConnect) -> LibvirtGuests:
    clock = Time()
    adapter = LibvirtGuests(URI, now_s=lambda: clock.now, sleep=clock.sleep)
    adapter.define(XML.format(memory=8192))
    adapter.act("tiny", GuestAct.FORCE_OFF, 10)
    return adapter


def state(hypervisor: libvirt.virConnect) -> int:
    return int(hypervisor.lookupByName("tiny").state()[0])


def test_defining_again_replaces_the_definition(guests: LibvirtGuests):
    guests.define(XML.format(memory=16384))
    assert "<memory unit='KiB'>16384</memory>" in (guests.definition("tiny") or "")
    assert guests.definition("nobody") is None


def test_power(guests: LibvirtGuests, hypervisor: libvirt.virConnect):
    for act, expected in (
        (GuestAct.START, libvirt.VIR_DOMAIN_RUNNING),
        (GuestAct.START, libvirt.VIR_DOMAIN_RUNNING),
        (GuestAct.SHUTDOWN, libvirt.VIR_DOMAIN_SHUTOFF),
        (GuestAct.SHUTDOWN, libvirt.VIR_DOMAIN_SHUTOFF),
        (GuestAct.START, libvirt.VIR_DOMAIN_RUNNING),
        (GuestAct.FORCE_OFF, libvirt.VIR_DOMAIN_SHUTOFF),
        (GuestAct.FORCE_OFF, libvirt.VIR_DOMAIN_SHUTOFF),
    ):
        guests.act("tiny", act, 10)
        assert state(hypervisor) == expected


def test_starting_a_paused_guest_lets_it_go_on(
    guests: LibvirtGuests, hypervisor: libvirt.virConnect
):
    guests.act("tiny", GuestAct.START, 10)
    hypervisor.lookupByName("tiny").suspend()
    guests.act("tiny", GuestAct.START, 10)
    assert state(hypervisor) == libvirt.VIR_DOMAIN_RUNNING


def test_autostart(guests: LibvirtGuests, hypervisor: libvirt.virConnect):
    guests.act("tiny", GuestAct.AUTOSTART_ON, 10)
    assert hypervisor.lookupByName("tiny").autostart() == 1
    guests.act("tiny", GuestAct.AUTOSTART_OFF, 10)
    assert hypervisor.lookupByName("tiny").autostart() == 0


def test_undefining_twice_is_fine(guests: LibvirtGuests, monkeypatch: pytest.MonkeyPatch):
    # This hypervisor has neither NVRAM nor checkpoints, so it knows no flags for them.
    known = (
        libvirt.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE | libvirt.VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA
    )
    monkeypatch.setattr("agents.node.apply.guests._UNDEFINE", known)
    guests.act("tiny", GuestAct.UNDEFINE, 10)
    assert guests.definition("tiny") is None
    guests.act("tiny", GuestAct.UNDEFINE, 10)


def test_a_guest_that_ignores_its_power_button(
    guests: LibvirtGuests, monkeypatch: pytest.MonkeyPatch
):
    asked: list[str] = []
    monkeypatch.setattr(libvirt.virDomain, "shutdown", lambda domain: asked.append(domain.name()))
    guests.act("tiny", GuestAct.START, 10)
    with pytest.raises(StepFailedError, match="did not shut down within 25 s") as caught:
        guests.act("tiny", GuestAct.SHUTDOWN, 25)
    assert "appliance vm force-off tiny" in caught.value.hint
    assert len(asked) == 3, "it is asked again every 10 s"


def test_errors_say_what_and_why(guests: LibvirtGuests):
    with pytest.raises(StepFailedError, match="libvirt could not define a guest"):
        guests.define("<domain type='test'><name>bad</name></domain>")
    with pytest.raises(NotFoundError, match="knows no guest 'nobody'"):
        guests.act("nobody", GuestAct.START, 10)
    with pytest.raises(UnavailableError, match="libvirt does not answer"):
        LibvirtGuests("test:///nonexistent").definition("tiny")
