"""Which remedy belongs to which check, where it stands, and what proves its steps."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from fixtures.check import CHECKS
from remediate import registry
from remediate.registry import CHAPTERS, Advised, advice_for, proved_by, remedies
from remediate.steps import SAFE, Note, Step
from tests.judging import check_functions
from tests.remediate import synthetic as s

CHECK, SUBJECT = "services-run", "my-dc-3.sapi0"
OWN = f"{CHECK}[{SUBJECT}]"
STEP = Step("my-dc-3.global", "true", SAFE, "why")


def test_every_check_has_a_remedy_in_the_module_that_has_its_own_modules_name() -> None:
    check_functions()
    assert {check: remedy.chapter for check, remedy in remedies().items()} == {
        check: spec.chapter for check, spec in CHECKS.items()
    }


def test_a_chapter_of_the_plan_is_a_module_of_checks_and_no_helper() -> None:
    check_functions()
    assert sorted(CHAPTERS) == sorted({spec.chapter for spec in CHECKS.values()})


def told(monkeypatch: pytest.MonkeyPatch, build: Callable[[], Advised]) -> registry.Advice:
    """The advice of a remedy that yields this."""
    found = replace(remedies()[CHECK], parameters=(), build=build)
    monkeypatch.setitem(registry._REMEDIES, CHECK, found)
    return advice_for(s.cause(CHECK, SUBJECT), s.healthy())


def test_a_step_proves_its_own_cause_unless_it_says_what_else(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = told(monkeypatch, lambda: iter([STEP, replace(STEP, proof=("ufds-answers[my-dc-3.ufds0]",))])).steps
    assert [step.proof for step in steps] == [(OWN,), ("ufds-answers[my-dc-3.ufds0]",)]
    assert replace(steps[0], proof=()) == STEP


def test_what_is_proved_by_more_keeps_its_order_and_its_notes(monkeypatch: pytest.MonkeyPatch) -> None:
    advice = told(monkeypatch, lambda: proved_by([Note("first"), STEP], OWN, "ufds-answers[my-dc-3.ufds0]"))
    assert advice.notes == ("first",)
    assert [step.proof for step in advice.steps] == [(OWN, "ufds-answers[my-dc-3.ufds0]")]
