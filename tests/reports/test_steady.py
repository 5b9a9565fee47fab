"""What was in motion is asked again before it is a finding; what stands still is not."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

import pytest
from msgspec.structs import replace

from evidence.model import ConfigFile, DnsAnswer, HttpAnswer
from evidence.subjects.motion import in_motion
from evidence.subjects.triton import CLOUDAPI_CONFIG
from evidence.subjects.world import World
from fixtures.check import CHECKS
from fixtures.quiet import results
from reports.steady import MOST, PAUSE, steadied
from tests.judging import check_functions
from tests.remediate import synthetic as s


def cloudapi(state: str = "online", age: float | None = None, *, changing: bool = False, vm: str = "running") -> World:
    """A healthy region, but for a service of my-dc-3's cloudapi: its state, and how many seconds before it was asked it was started."""
    world = s.healthy()
    assert world.evidence is not None
    began = None if age is None else datetime.fromisoformat(world.evidence.started).timestamp() - age
    services = [replace(each, began=None) for each in world.datacenter("my-dc-3").zones("cloudapi")[0].services]
    index = next(index for index, each in enumerate(services) if "/cloudapi:" in each.fmri)
    services[index] = replace(services[index], state=state, began=began, changing=changing)
    return s.changed_zone(world, "my-dc-3", "cloudapi0", vm={"state": vm}, services=s.fact(tuple(services)))


def moving(world: World) -> tuple[str, ...]:
    assert world.evidence is not None
    return in_motion(world.datacenter("my-dc-3"), world.evidence)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"state": "offline"}, "is offline"),
        ({"changing": True}, "leaves the state online"),
        ({"age": 4}, "was started 4 s before"),
        ({"vm": "shutting_down"}, "the zone is shutting_down"),
    ],
)
def test_what_is_between_two_states_moves(given: dict[str, Any], told: str) -> None:
    assert [told in each for each in moving(cloudapi(**given))] == [True]


@pytest.mark.parametrize(
    "given", [{}, {"age": 500}, {"age": -500}, {"state": "maintenance"}, {"state": "disabled"}, {"vm": "stopped"}]
)
def test_what_stands_still_does_not(given: dict[str, Any]) -> None:
    assert moving(cloudapi(**given)) == ()


def test_a_file_that_was_just_written_moves() -> None:
    world = s.healthy()
    assert world.evidence is not None
    written = datetime.fromisoformat(world.evidence.started).timestamp() - 2
    files = s.fact({CLOUDAPI_CONFIG: ConfigFile(CLOUDAPI_CONFIG, written=written)})
    assert moving(s.changed_zone(world, "my-dc-3", "cloudapi0", files=files)) == (
        f"cloudapi0: {CLOUDAPI_CONFIG} was written 2 s before",
    )


@pytest.mark.parametrize(
    ("ms", "rcode", "late"), [(3500, "NOERROR", True), (200, "NOERROR", False), (5000, "TIMEOUT", False)]
)
def test_an_answer_that_came_late_is_asked_for_again(ms: int, rcode: str, late: bool) -> None:
    """One that did not come at all stands still."""
    names = s.fact({"sapi.my-dc-3.srv.example.com": DnsAnswer(rcode, ("10.3.1.32",), ms)})
    told = moving(s.changed_zone(s.healthy(), "my-dc-3", "binder0", names=names))
    assert bool(told) is late
    assert all("was answered after 3500 ms" in each for each in told)


@pytest.mark.parametrize(
    ("error", "late"), [("no answer within 5 s", True), ("connection refused", False), ("", False)]
)
def test_a_public_cloudapi_that_was_late_is_asked_again(error: str, late: bool) -> None:
    world = s.changed(s.healthy(), "my-dc-3", outside=s.fact(HttpAnswer(0 if error else 200, {}, error)))
    assert bool(moving(world)) is late


class Asked:
    def __init__(self, *answers: World) -> None:
        self.answers = list(answers)
        self.again: list[Collection[str]] = []
        self.said: list[str] = []
        self.paused: list[float] = []

    def ask(self, before: World, again: Collection[str]) -> World:
        self.again.append(again)
        return self.answers.pop(0)

    def of(self, world: World) -> World:
        check_functions()
        return steadied(world, self.ask, results, CHECKS, self.said.append, self.paused.append)


def test_it_is_asked_again_until_it_stands_still() -> None:
    asked, well = Asked(cloudapi("offline"), s.healthy()), s.healthy()
    found = asked.of(cloudapi("offline", changing=True))
    assert found.evidence == well.evidence
    assert asked.again == [{"my-dc-2", "my-dc-3"}] * 2
    assert asked.paused == [PAUSE, PAUSE]
    assert "my-dc-3 is in motion: cloudapi0: " in asked.said[0]


def test_it_is_given_up_in_the_end() -> None:
    last = cloudapi("offline")
    assert Asked(*[cloudapi("offline")] * (MOST - 1), last).of(cloudapi("offline")) is last


@pytest.mark.parametrize("world", [s.healthy(), cloudapi("maintenance"), cloudapi(age=1)])
def test_nobody_is_asked_again_where_nothing_moves_or_nothing_is_wrong(world: World) -> None:
    assert Asked().of(world) is world
