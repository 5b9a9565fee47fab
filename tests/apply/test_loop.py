"""Which steps are held back, and what counts as worse."""

from __future__ import annotations

from pathlib import Path

import pytest

from apply.loop import Course, behind, grown_worse, in_the_way
from apply.steps import Taken
from evidence.subjects.spec import FAILED, PASSED, Outcome, Severity
from remediate.actions.network import NapiRoutes
from remediate.actions.sapi import SapiMetadata
from remediate.actions.smf import Smf
from remediate.plan import CausePlan, Plan, PlannedStep
from remediate.steps import SAFE, Step, acting
from reports import findings
from reports.findings import CauseRow, Findings, Row
from verdict.judge import Named

U = "11111111-1111-4111-8111-111111111111"
ON = "my-dc-1.global"
CAUSE = Named("region-name-agrees", "my-dc-1")
WRITES = acting(ON, SapiMetadata(U, {"region_name": "my-dc"}), risk=SAFE, why="why")
ROUTES = acting(ON, NapiRoutes(U, {"10.2.1.0/24": "10.1.1.1"}), risk=SAFE, why="why")
RESTARTS = acting(ON, Smf(U, "restart", ("svc:/a:default",)), risk=SAFE, why="why")


def found(
    *rows: tuple[str, str, Outcome], severity: Severity = Severity.CRITICAL, own: tuple[Named, ...] = ()
) -> Findings:
    results = tuple(Row(check, subject, severity, outcome) for check, subject, outcome in rows)
    return Findings(run="R", results=results, causes=(CauseRow(CAUSE.check, CAUSE.subject, own),), counts={})


def held(step: Step, *rows: tuple[str, str, Outcome], own: tuple[Named, ...] = ()) -> list[str]:
    return [str(name) for name in in_the_way(step, CAUSE, found(*rows, own=own))]


def test_sapiadm_waits_for_dns_and_sapi_of_its_own_datacenter() -> None:
    dns = ("binder-answers-own-names", "my-dc-1.binder0", FAILED)
    assert held(WRITES, dns) == ["binder-answers-own-names[my-dc-1.binder0]"]
    assert held(WRITES, ("sapi-answers", "my-dc-1.sapi0", FAILED)) == ["sapi-answers[my-dc-1.sapi0]"]
    assert held(WRITES, ("binder-answers-own-names", "my-dc-10.binder0", FAILED)) == []
    assert held(WRITES, ("binder-answers-own-names", "my-dc-1.binder0", PASSED)) == []
    assert held(RESTARTS, dns) == [], "svcadm needs no names"


def test_of_the_apis_only_its_own_counts() -> None:
    assert held(ROUTES, ("internal-apis-answer", "my-dc-1.napi0", FAILED)) == ["internal-apis-answer[my-dc-1.napi0]"]
    assert held(ROUTES, ("internal-apis-answer", "my-dc-1.cnapi0", FAILED)) == []


def test_what_follows_from_its_own_cause_holds_nothing_back() -> None:
    dns = ("binder-answers-own-names", "my-dc-1.binder0", FAILED)
    assert held(WRITES, dns, own=(Named(*dns[:2]),)) == []


def test_worse_is_what_passed_and_fails_critically() -> None:
    before = found(("a", "x", PASSED), ("b", "x", FAILED), ("c", "x", PASSED))
    after = found(("a", "x", FAILED), ("b", "x", FAILED), ("c", "x", PASSED), ("d", "x", FAILED))
    assert grown_worse(before, after, ()) == [Named("a", "x")]
    assert grown_worse(before, found(("a", "x", FAILED), severity=Severity.WARNING), ()) == []


def test_what_follows_from_a_cause_that_is_still_to_be_put_right_is_not_worse() -> None:
    """cloudapi begins anew with the right file, and now it shows that UFDS does not answer: that was known."""
    before, after = found(("a", "x", PASSED)), found(("a", "x", FAILED), own=(Named("a", "x"),))
    assert grown_worse(before, after, ()) == []
    assert grown_worse(before, after, {CAUSE}) == [Named("a", "x")]


def test_worse_is_laid_at_the_door_of_those_who_changed_something_there() -> None:
    here = CausePlan("a", "my-dc-1", Severity.CRITICAL, whole=(PlannedStep("there", WRITES),))
    other = CausePlan(
        "b",
        "my-dc-3",
        Severity.CRITICAL,
        whole=(PlannedStep("there", acting("my-dc-3.global", WRITES.actions[0], risk=SAFE, why="")),),
    )
    assert behind(Named("x", "my-dc-1.sapi0--my-dc-2.moray.2020"), (here, other)) == [here.name]
    assert behind(Named("x", "my-dc-2"), (here, other)) == [here.name, other.name]


class Pretender:
    """Hands that note what they are given; steps with `skipped` in their reason are left."""

    def __init__(self) -> None:
        self.given: list[tuple[str, str]] = []
        self.asking = self

    def say(self, text: str) -> None:
        pass

    def take(self, planned: PlannedStep, cause: str, number: int, count: int, *, anew: bool) -> Taken:
        self.given.append((planned.step.run, cause))
        return Taken.LEFT if "skipped" in planned.step.why else Taken.DONE


def test_what_one_cause_loses_when_a_step_is_left_the_others_keep(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both want the restart; the one that is left does not take the other's with it, and it is done once."""
    monkeypatch.setattr(findings, "load", lambda _: found())
    other = acting(ON, NapiRoutes(U, {"10.2.1.0/24": "10.1.1.1"}), risk=SAFE, why="skipped")
    a, b = (
        CausePlan(check, "my-dc-1", Severity.CRITICAL, whole=tuple(PlannedStep("there", step) for step in steps))
        for check, steps in (("region-name-agrees", (WRITES, RESTARTS)), ("dns-domain-agrees", (other, RESTARTS)))
    )
    hands = Pretender()
    course = Course(Path(), hands, lambda _: Plan((a, b)), lambda *_: Path(), 0.0)  # type: ignore[arg-type]
    stage = course._next()
    assert stage is not None
    assert course._stage(stage) == [Taken.DONE, Taken.LEFT, Taken.DONE]
    assert hands.given == [(WRITES.run, str(a.name)), (other.run, str(b.name)), (RESTARTS.run, str(a.name))]
    assert course._next() is None
