"""Every fault's recorded evidence, judged without servers: the cause is named, and nothing else is."""

from __future__ import annotations

import pytest

from evidence.subjects.claims import judged
from evidence.subjects.spec import BLOCKED, FINDINGS, PASSED
from evidence.subjects.world import World
from fixtures.check import CHECKS
from remediate.registry import advice_for
from tests.judging import check_functions, verdict_on
from tests.proofs import consequences
from tests.proofs.cases import CASES, Case, healthy
from tests.recording import recorded
from verdict.judge import Verdict


def of_case(name: str) -> tuple[World, Verdict]:
    evidence = recorded(name)
    return judged(evidence.inventory, evidence), verdict_on(evidence)


@pytest.mark.parametrize("lab", sorted({case.lab for case in CASES} | {()}), ids=healthy)
def test_healthy(lab: tuple[str, ...]) -> None:
    _, verdict = of_case(healthy(lab))
    assert set(verdict.counts) <= {"passed", "not_applicable"}


def test_every_check_passes_in_one_of_the_healthy_labs() -> None:
    rows = [row.result for lab in {case.lab for case in CASES} | {()} for row in of_case(healthy(lab))[1].results]
    check_functions()
    assert {result.check for result in rows if result.outcome == PASSED} == set(CHECKS)


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_the_fault_is_the_cause(case: Case) -> None:
    world, verdict = of_case(case.name)
    assert sorted(str(cause.name) for cause in verdict.causes) == list(case.causes)
    follows = {(found.check, found.subject) for cause in verdict.causes for found in cause.consequences}
    assert sorted(follows) == sorted(consequences.read()[case.name]), "what follows from it"
    for cause in verdict.causes:
        advice = advice_for(cause, world)
        assert advice.steps or advice.notes, f"{cause.name} comes without advice"
    for row in verdict.results:
        if row.result.outcome == BLOCKED and str(row.name) not in case.causes:
            assert row.blocked_by, f"{row.name} is blocked, and nobody says by what"


@pytest.mark.parametrize(
    "case",
    [case for case in CASES if case.causes[0].startswith(("headnode-answers", "headnode-is"))],
    ids=lambda case: case.name,
)
def test_a_dark_datacenter_is_blocked_and_the_others_judged_in_full(case: Case) -> None:
    """Nothing of the dark datacenter passes or vanishes, and the others lose only the checks that need its evidence."""
    _, well = of_case(healthy(case.lab))
    _, verdict = of_case(case.name)
    before = {row.name: row.result.outcome for row in well.results}
    dark = case.fault.partition("@")[2]
    others = [row for row in verdict.results if dark not in row.result.subject]
    assert [row.name for row in others] == [name for name in before if dark not in name.subject]
    if "sysinfo" not in case.fault:  # sysinfo cannot be read, so it contradicts nobody
        own = [row.result for row in verdict.results if row.result.subject.split(".")[0] == dark]
        seen = {result.check for result in own if result.outcome not in FINDINGS}
        assert seen <= {
            "routes-go-both-ways",
            "headnode-answers",
            "headnode-can-be-used",
        }  # a zone that got its answer has shown that
    lost = [row for row in others if row.result.outcome != before[row.name]]
    assert {row.result.outcome for row in lost} <= {BLOCKED}
    assert {cause.subject for row in lost for cause in row.blocked_by} <= {dark}


def test_every_check_has_a_case() -> None:
    """A check is not done without a fault that makes it fail for its own reason."""
    check_functions()
    assert {cause.partition("[")[0] for case in CASES for cause in case.causes} == set(CHECKS)
