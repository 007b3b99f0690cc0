"""A secret that a tool prints back is nowhere afterwards: not in log, journal or database file."""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path

import pytest
from pydantic import SecretStr

from agents.node.apply.executor import Executor
from agents.node.apply.secrets import SecretStore
from appliance.model.command import Command, Output, change
from appliance.model.job import JobState
from tests.unit.jobs.node import SHELF, Node

VALUE = "correct-horse-battery"


@pytest.mark.usefixtures("allow_processes")
@pytest.mark.parametrize("code", [0, 1])
def test_a_secret_stays_in_its_store(caplog: pytest.LogCaptureFixture, code: int) -> None:
    with tempfile.TemporaryDirectory(dir=SHELF) as name:
        folder = Path(name)
        node = Node(folder)
        store = SecretStore(node.host.files)
        store.put("disk-key", SecretStr(VALUE))
        node.host.secrets = store.names()
        real = Executor(store)
        fake_run, told = node.host.run, []

        def run(command: Command) -> Output:
            if command.argv[0] == "format":
                echo = change("sh", "-c", f"cat; exit {code}", stdin=command.stdin)
                told.append(real.run(echo).stdout)
            return fake_run(command)

        node.host.run = run  # type: ignore[method-assign]
        with caplog.at_level(logging.DEBUG):
            job = node.apply({"pool": {"tank": {"disks": ["d1"], "key": "disk-key"}}})
        assert job.state is (JobState.UNDONE if code else JobState.DONE)
        assert told == ([] if code else ["********"])
        assert "********" in (job.error if code else caplog.text + told[0])
        node.close()
        held = {item.name: item.read_bytes() for item in folder.iterdir() if item.is_file()}
        assert "state.db" in held
        assert b"disk-key" in held["state.db"]
        assert not [name for name, content in held.items() if VALUE.encode() in content]
        assert VALUE not in caplog.text
        assert VALUE not in job.model_dump_json()
        assert "# stdin: secret 'disk-key'" in job.steps[0].line
