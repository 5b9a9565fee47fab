"""Findings that explain each other in a circle, and what was cut off: each finding has a cause, and nothing recurses for ever."""

from __future__ import annotations

import random
from typing import Any

import msgspec
import pytest

from evidence.inventory.model import Declared, Inventory
from evidence.model import Evidence
from evidence.subjects.spec import BLOCKED, FAILED, Outcome, Result
from evidence.subjects.world import World
from fixtures.check import CHECKS
from tests.judging import check_functions, verdict_on
from tests.recording import recorded
from verdict.circles import circles
from verdict.graph import by_check, explanations, subjects_by_id


def finding(check: str, subject: str, outcome: Outcome) -> Result:
    check_functions()
    return Result(check, subject, CHECKS[check].severity, outcome)


@pytest.fixture
def world() -> World:
    declared = {
        f"my-dc-{n}": Declared(f"my-dc-{n}", f"root@192.0.2.{n}", "my-dc", "master" if n == 2 else "replica")
        for n in (1, 2, 3)
    }
    return World(Inventory("my-dc-2", declared))


def cut_off(name: str, seed: int) -> Evidence:
    """Recorded evidence in which much was not answered any more: each fact with a probability of its own for each kind."""
    draw = random.Random(seed)
    lost: dict[str, float] = {}

    def walk(value: Any, key: str) -> Any:
        if isinstance(value, dict) and {"asked", "how", "subject"} <= value.keys():
            if draw.random() < lost.setdefault(key, draw.choice((0.0, 0.0, 0.3, 1.0))):
                kept = {part: value[part] for part in ("asked", "how", "subject", "at") if part in value}
                return kept | {"why": "the deadline of 5s was over before this was answered"}
            return (
                value
                if key != "zones"
                else value | {"value": {one: walk(each, one) for one, each in (value.get("value") or {}).items()}}
            )
        if isinstance(value, dict):
            return {part: walk(each, part) for part, each in value.items()}
        return value

    tree = msgspec.to_builtins(recorded(name))
    return msgspec.convert(tree | {"datacenters": walk(tree["datacenters"], "")}, type=Evidence)


@pytest.mark.parametrize(("about", "explains"), [("my-dc-2", False), ("my-dc-1", True), ("my-dc-3", True)])
def test_a_head_node_that_cannot_be_used_explains_nothing_that_was_seen_there(
    world: World, about: str, *, explains: bool
) -> None:
    """Its identity is blocked by that, and by that alone: another head node's trouble changes nothing."""
    seen = finding("datacenter-identity-agrees", "my-dc-2", FAILED)
    blocked = finding("headnode-is-the-right-one", "my-dc-2", BLOCKED)
    findings = [seen, blocked, finding("headnode-can-be-used", about, FAILED)]
    reasons = explanations(seen, by_check(findings), CHECKS, subjects_by_id(world, CHECKS.values()))
    assert (blocked in reasons) is explains


@pytest.mark.parametrize(
    "name", ["healthy", "healthy-manta", "route-missing-at-my-dc-3.cloudapi0", "healthy-candidate-my-dc-3"]
)
def test_whatever_was_cut_off_each_finding_has_a_cause(name: str) -> None:
    """Where zones are not known, findings may explain each other in a circle: one of them is the cause, and nothing recurses for ever."""
    for seed in range(12):
        verdict = verdict_on(cut_off(name, seed))
        causes = {cause.name for cause in verdict.causes}
        found = [row for row in verdict.results if row.result.outcome in (FAILED, BLOCKED)]
        assert bool(causes) == bool(found), seed
        assert all(row.causes for row in found if row.name not in causes), seed
        assert all(set(row.causes) <= causes for row in found), seed


def test_names_in_a_circle_come_together_and_after_those_above() -> None:
    above = {"a": ["b"], "b": ["c", "x"], "c": ["a"], "x": [], "d": ["a"], "e": ["e"]}
    order = [set(each) for each in circles(above)]
    assert order.index({"x"}) < order.index({"a", "b", "c"}) < order.index({"d"})
    assert {"e"} in order
    assert sum(map(len, order)) == len(above)
    long = {str(number): [str(number + 1)] for number in range(50_000)} | {"50000": ["0"]}
    assert [len(each) for each in circles(long)] == [50_001]


def test_what_could_not_be_judged_explains_no_failure_that_another_failure_explains(world: World) -> None:
    rows = [
        finding("cloudapi-answers", "my-dc-3.cloudapi0", FAILED),
        finding("cloudapi-lists-every-datacenter", "my-dc-3", BLOCKED),
        finding("core-services-are-healthy", "my-dc-3.cloudapi0", FAILED),
    ]
    found = explanations(rows[2], by_check(rows), CHECKS, subjects_by_id(world, CHECKS.values()))
    assert [each.check for each in found] == ["cloudapi-answers"]
    alone = explanations(rows[2], by_check(rows[1:]), CHECKS, subjects_by_id(world, CHECKS.values()))
    assert [each.check for each in alone] == ["cloudapi-lists-every-datacenter"]
