"""Receivers as their documents on the node have them."""

from __future__ import annotations

from appliance.kinds.alerting.receiver import KIND
from appliance.model.receiver import RECEIVER_DIR, ReceiverSpec, SyslogWay, document_of
from tests.unit.fakes import FakeProbe

LOG = ReceiverSpec(syslog=SyslogWay(server="log.example.org"))


def test_documents_are_receivers_and_broken_ones_are_seen():
    probe = FakeProbe(
        files={
            f"{RECEIVER_DIR}/log.json": document_of(LOG),
            f"{RECEIVER_DIR}/broken.json": '{"syslog": {}}',
            f"{RECEIVER_DIR}/notes.txt": "-",
        }
    )
    found = KIND.observe(probe)
    assert set(found) == {"log", "broken"}
    assert KIND.adopt("log", found["log"]) == LOG
    assert KIND.health("log", found["log"]) == ()
    (finding,) = KIND.health("broken", found["broken"])
    assert "told nothing" in finding.what
    assert KIND.adopt("broken", found["broken"]) is None


def test_a_node_without_receivers_has_none():
    assert KIND.observe(FakeProbe()) == {}
