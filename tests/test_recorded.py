"""Every fault's recorded evidence, judged without servers: the cause is named, and nothing else is."""

from __future__ import annotations

import pytest

from evidence.spec import BLOCKED, FINDINGS
from evidence.subjects import World
from fixtures.check import CHECKS
from remediate.registry import advice_for
from tests.judging import check_functions, verdict_on
from tests.proofs import consequences
from tests.proofs.cases import CASES, Case, healthy
from tests.recording import recorded
from verdict.judge import Verdict


def judged(name: str) -> tuple[World, Verdict]:
    evidence = recorded(name)
    return World(evidence.inventory, evidence), verdict_on(evidence)


@pytest.mark.parametrize("lab", sorted({case.lab for case in CASES} | {()}), ids=healthy)
def test_healthy(lab: tuple[str, ...]) -> None:
    _, verdict = judged(healthy(lab))
    assert set(verdict.counts) <= {"passed", "not_applicable"}
    assert {judged.result.check for judged in verdict.results} == set(CHECKS)


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_the_fault_is_the_cause(case: Case) -> None:
    world, verdict = judged(case.name)
    assert sorted(str(cause.name) for cause in verdict.causes) == list(case.causes)
    follows = {(found.check, found.subject) for cause in verdict.causes for found in cause.consequences}
    assert sorted(follows) == sorted(consequences.read()[case.name]), "what follows from it"
    for cause in verdict.causes:
        advice = advice_for(cause, world)
        assert advice.steps or advice.notes, f"{cause.name} comes without advice"
    for row in verdict.results:
        if row.result.outcome == BLOCKED and str(row.name) not in case.causes:
            assert row.blocked_by, f"{row.name} is blocked, and nobody says by what"


@pytest.mark.parametrize("case", [case for case in CASES if case.fault.startswith("headnode-")], ids=str)
def test_a_dark_datacenter_is_blocked_and_the_others_judged_in_full(case: Case) -> None:
    """Nothing of the dark datacenter passes or vanishes, and nothing of the others is lost with it."""
    _, well = judged(healthy(case.lab))
    _, verdict = judged(case.name)
    assert [row.name for row in verdict.results] == [row.name for row in well.results]
    dark = case.fault.partition("@")[2]
    if "answers" in case.causes[0]:
        own = [row for row in verdict.results if row.result.subject.split(".")[0] == dark]
        assert {row.result.outcome for row in own} <= FINDINGS
    others = [row for row in verdict.results if dark not in row.result.subject and row.result.subject != "coupling"]
    assert dark == "my-dc-2" or {row.result.outcome for row in others} == {"passed"}


def test_every_check_has_a_case() -> None:
    """A check without a fault that makes it fail for its own reason is not done."""
    check_functions()
    assert {cause.partition("[")[0] for case in CASES for cause in case.causes} == set(CHECKS)
