"""A link with nobody's address follows from whatever gives the address; and what SAPI does not know is nobody's cause."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from evidence.model import HealthcheckRow
from evidence.subjects.links import links
from evidence.subjects.spec import FAILED, PASSED
from evidence.subjects.world import World
from fixtures.check import CHECKS
from tests.judging import results
from tests.remediate import synthetic as s
from tests.remediate.test_ground import CHECKS as SOURCES
from tests.remediate.test_ground import W, leftover, stray
from tests.verdict.test_partly_seen import row
from verdict.judge import Verdict, judge

POINTS = "replica-points-at-master"
REACH = [f"{source}-reaches-master-ufds" for source in SOURCES]


def of_links(world: World, *besides: tuple[str, str]) -> set[str]:
    """The causes of failures on the way from my-dc-3 to the master's UFDS, and of other given findings."""
    return {str(cause.name) for cause in verdict(world, *besides).causes}


def verdict(world: World, *besides: tuple[str, str]) -> Verdict:
    checks = (*REACH, POINTS, "napi-has-the-routes")
    found = [each for each in results(world) if each.check in checks and each.outcome == FAILED]
    return judge([*found, *(s.finding(check, subject) for check, subject in besides)], CHECKS, world)


@pytest.mark.parametrize("address", ["10.2.2.99", "10.3.2.29", "10.1.2.29"])
def test_links_to_an_address_that_nobody_has_there_follow_from_the_address(address: str) -> None:
    world = stray(address)
    assert {row(world, link.check, link.id).outcome for check in REACH for link in links(world, check)} == {
        FAILED,
        PASSED,
    }
    assert row(world, "napi-has-the-routes", "my-dc-3").outcome == PASSED
    assert of_links(world) == {f"{POINTS}[my-dc-3]"}


def test_nothing_at_the_master_explains_a_link_that_does_not_lead_there() -> None:
    found = verdict(stray("10.2.2.99"), ("ufds-answers", "my-dc-2.ufds0"))
    followed = {cause.finding.check: {each.check for each in cause.consequences} for cause in found.causes}
    assert followed == {"ufds-answers": set(), POINTS: set(REACH)}


def test_a_right_address_is_no_reason_for_a_link_that_fails() -> None:
    """replica-points-at-master can fail for another reason. Then it hides no missing route."""
    right = stray("10.2.2.29")
    causes = of_links(right, (POINTS, "my-dc-3"))
    assert len([name for name in causes if "reaches-master-ufds" in name]) == len(REACH)


def test_a_stopped_leftover_beside_the_real_zone_is_healthy() -> None:
    world = leftover(W, "sapi", "sapi0tmp", known=False)
    lines = (HealthcheckRow("sapi", "running", "online"), HealthcheckRow("sapi", "stopped", "svc-err"))
    health = s.fact(tuple(replace(each) for each in lines))
    before = {
        (each.check, each.subject, each.outcome)
        for each in results(s.changed(W, "my-dc-1", healthcheck=s.fact(lines[:1])))
    }
    after = {
        (each.check, each.subject, each.outcome) for each in results(s.changed(world, "my-dc-1", healthcheck=health))
    }
    assert before == after
    stopped = leftover(W, "sapi", "sapi0tmp", known=True)
    assert row(stopped, "services-run", "my-dc-1.sapi0tmp").outcome == FAILED


def test_a_leftover_alone_is_no_zone_that_runs() -> None:
    found = row(leftover(W, "sapi", "sapi0tmp", known=False, alone=True), "services-run", "my-dc-1.sapi0tmp")
    assert found.outcome == FAILED
    assert "SAPI knows no such instance" in found.observed
