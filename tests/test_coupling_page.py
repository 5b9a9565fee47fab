"""docs/coupling.md says what the table of sdc-ufds-m2s says, and the checks before a coupling are derived from it."""

from __future__ import annotations

import os

import pytest

from evidence.subjects.m2s import M2S, ToolStep
from evidence.subjects.mantatools import MANTA
from evidence.subjects.reconcile import RECONCILE
from evidence.subjects.spec import POSTCHANGE, PREFLIGHT
from fixtures.check import CHECKS
from tests.judging import check_functions
from tools.coupling_page import PAGE, page

ROWS = [*M2S, *RECONCILE]


@pytest.fixture(autouse=True)
def _declared() -> None:
    check_functions()


def named(rows: list[ToolStep]) -> set[str]:
    return {check for row in rows for part in (*row.needs, *row.takes) for check in part.checks}


def test_the_page_is_current() -> None:
    """AZ_GOLDEN=write writes it anew."""
    if os.environ.get("AZ_GOLDEN") == "write":
        PAGE.write_text(page(), encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == page()


def test_each_check_that_a_step_names_is_judged_before_a_coupling() -> None:
    assert named(ROWS) - CHECKS.keys() == set()
    assert {check for check in named(ROWS) if CHECKS[check].stage == POSTCHANGE} == set()


def test_each_check_that_manta_needs_is_there() -> None:
    assert named(list(MANTA)) - CHECKS.keys() == set()


def test_each_check_of_candidates_stands_for_a_step() -> None:
    preflight = {check for check, spec in CHECKS.items() if spec.stage == PREFLIGHT}
    assert preflight - named(ROWS) == {"candidate-is-still-whole", "candidate-has-no-manta"}


def test_each_need_is_judged_or_it_is_said_why_not() -> None:
    for row in (*ROWS, *MANTA):
        for need in row.needs:
            assert bool(need.checks) != bool(need.why), (row.number, need.what)


def test_whatever_is_taken_away_comes_back_or_is_named() -> None:
    for row in (*ROWS, *MANTA):
        for loss in row.takes:
            assert loss.back or loss.checks, (row.number, loss.what)


def test_the_steps_stand_in_order_and_say_what_stands_after_them() -> None:
    for rows in (M2S, RECONCILE, MANTA):
        assert [row.number for row in rows] == [str(number) for number in range(1, len(rows) + 1)]
    assert [row.number for row in (*M2S, *MANTA) if not row.ends] == []
    lines = [int(row.source.partition("-")[0]) for row in M2S]
    assert lines == sorted(lines)
