"""What the engine sends for a step on another server of the datacenter, and how often it looks at a value."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from apply.door import Answer
from apply.engine import Engine
from apply.journal import FILE, Effect, Journal, Resulted, read
from evidence.redact import Vault
from remediate.actions.vm import VmRoutes
from remediate.actions.wait import Rendered
from remediate.elsewhere import sent
from remediate.steps import SAFE, acting

U = "11111111-1111-4111-8111-111111111111"
ROUTE = VmRoutes(U, {"10.2.1.0/24": "10.3.1.1"})
THERE = "my-dc-3.global/10.3.1.60"


class Zone:
    """A door behind which one zone has routes, or a file that is rendered at the third look."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str]] = []
        self.routes: dict[str, str] = {}
        self.looks = 0

    def run(self, datacenter: str, command: str, within: float) -> Answer:
        self.sent.append((datacenter, command))
        if "vmadm update" in command:
            self.routes = {"10.2.1.0/24": "10.3.1.1"}
        elif "json" in command:
            self.looks += 1
            return Answer(0, "new\n" if self.looks >= 3 else "old\n")
        return Answer(0, json.dumps([{"uuid": U, "routes": self.routes}]))


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / FILE)


def engine(door: Zone, journal: Journal) -> Engine:
    now = iter(range(1000))
    return Engine(door, journal, Vault(b"0" * 16), pause=lambda _: None, clock=lambda: float(next(now)))


def test_a_step_on_another_server_is_done_and_read_there(journal: Journal) -> None:
    door = Zone()
    step = sent(acting("my-dc-3.global", ROUTE, risk=SAFE, why="why"), "10.3.1.60")
    assert step.at == THERE
    assert engine(door, journal).carry_out(step.at, "cause", ROUTE).well
    assert {datacenter for datacenter, _ in door.sent} == {"my-dc-3"}
    for _, command in door.sent:
        words = shlex.split(command)
        assert words[:2] == ["ssh", "-n"], "what is pasted behind it is not swallowed"
        assert "10.3.1.60" in words
    typed = [command for _, command in door.sent if "update" in command]
    assert typed == [step.run], "what is sent is what is printed"
    assert engine(door, journal).was_done(THERE, ROUTE)
    assert not engine(door, journal).was_done("my-dc-3.global", ROUTE)


def test_a_wait_looks_until_the_value_has_come_and_sends_nothing(journal: Journal) -> None:
    door, wait = Zone(), Rendered(U, "/opt/smartdc/binder/etc/config.json", "a", "new", 60.0)
    assert engine(door, journal).carry_out("my-dc-3.global", "cause", wait).well
    assert door.looks == 3
    assert {command for _, command in door.sent} == {wait.read()}


def test_a_wait_that_is_over_is_no_success(journal: Journal) -> None:
    door, wait = Zone(), Rendered(U, "/opt/smartdc/binder/etc/config.json", "a", "never", 3.0)
    done = engine(door, journal).carry_out("my-dc-3.global", "cause", wait)
    assert not done.well
    assert '"new"' in done.why
    assert [e.outcome for e in read(journal.path) if isinstance(e, Resulted)] == [Effect.NOTHING]
