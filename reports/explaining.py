"""az-checks explain [N | CHECK[@SUBJECT]] [--run RUN]: a cause of a run by its number, any finding, or a check of the catalogue.

It is a door of pytest's own command line, because only conftest.py knows the checks.  It contacts nobody.
"""

from __future__ import annotations

import difflib
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from evidence.subjects.spec import NOT_APPLICABLE, Spec
from fixtures import quiet
from fixtures.check import CHECKS
from reports.catalogue import write_check
from reports.causes import write_cause
from reports.command import newer, run_folder
from reports.conclusion import Conclusion
from reports.explain import (
    write_causes_of,
    write_consequences,
    write_evidence,
    write_finding,
    write_steps,
)
from reports.following import chains
from reports.page import BOLD, Page, counted, safe, some
from reports.stored import conclusion_in
from reports.tty import look_of
from triton_az_checks import places
from triton_az_checks.errors import OperatorError, UsageError
from verdict.judge import Judged

WRONG_USE = 4


def explained(config: pytest.Config) -> int:
    """The whole command; its exit code."""
    page = Page.looking(look_of(sys.stdout))
    try:
        _explain(page, config.option.explain.strip(), config.option.of_run, places.runs(config.option.runs))
    except OperatorError as error:
        print(f"az-checks explain: {safe(places.typeable(str(error)))}", file=sys.stderr)
        return WRONG_USE
    print(page)
    return 0


def _explain(page: Page, what: str, run: str | None, runs: Path) -> None:
    if not what or what.isdecimal():
        folder = run_folder(run, runs)
        conclusion = conclusion_in(folder, CHECKS)
        _say_which(page, folder, runs, named=run is not None)
        _list(page, conclusion) if not what else _cause(page, conclusion, folder, int(what))
        return
    check, _, subject = what.replace("[", "@").removesuffix("]").partition("@")
    if check not in CHECKS:
        near = ", ".join(difflib.get_close_matches(check, CHECKS, 3, 0.5))
        raise UsageError(
            f"there is no check {check}; " + (f"there is {near}" if near else "docs/checks.md has all of them")
        )
    if not subject:
        write_check(page, CHECKS[check])
    if subject or run is not None or (runs / "latest").is_dir():
        folder = run_folder(run, runs)
        conclusion = conclusion_in(folder, CHECKS)
        page.line() if not subject else None
        _say_which(page, folder, runs, named=run is not None)
        _rows(page, conclusion, check, subject)


def _say_which(page: Page, folder: Path, runs: Path, *, named: bool) -> None:
    """Which run this is about; and that there is a newer one, which the operator may mean."""
    page.line(f"Run {folder.name}")
    later = "" if named else newer(folder, runs)
    if later:
        page.prose(f"There is a newer run of a part, a replay, or a preflight: --run {later}")


def _list(page: Page, conclusion: Conclusion) -> None:
    """All causes, by their numbers."""
    causes = conclusion.verdict.causes
    page.line(counted(len(causes), "cause"), BOLD)
    for cause in causes:
        write_cause(page, conclusion, cause, len(causes))


def _cause(page: Page, conclusion: Conclusion, folder: Path, number: int) -> None:
    causes = conclusion.verdict.causes
    if not 1 <= number <= len(causes):
        raise UsageError(f"run {folder.name} has {counted(len(causes), 'cause')}, so there is no cause {number}")
    cause = causes[number - 1]
    page.line(f"Cause {number} of {len(causes)}", BOLD)
    _whole(page, next(row for row in conclusion.verdict.results if row.name == cause.name), conclusion)


def _rows(page: Page, conclusion: Conclusion, check: str, subject: str) -> None:
    """A subject's finding, or how a check ended at all of its subjects."""
    rows = [row for row in conclusion.verdict.results if row.name.check == check]
    if not subject:
        for row in rows:
            number = conclusion.numbers.get(row.name)
            page.prose(
                f"{row.result.outcome.replace('_', ' ')}{f', cause {number}' if number else ''}: {row.name.subject}", 3
            )
        return
    found = [row for row in rows if row.name.subject == subject]
    if not found:
        known = some(sorted(row.name.subject for row in rows), 8) or "none"
        raise UsageError(f"the run judged {check} not at {subject}, but at: {known}")
    _whole(page, found[0], conclusion)


def _whole(page: Page, row: Judged, conclusion: Conclusion) -> None:
    """Everything about one finding."""
    specs: Mapping[str, Spec] = conclusion.specs
    write_finding(page, row, conclusion)
    write_causes_of(page, row, conclusion)
    cause = next((each for each in conclusion.verdict.causes if each.name == row.name), None)
    if cause is not None:
        write_consequences(page, cause, chains(cause.name, quiet.results(conclusion.world), specs, conclusion.world))
    if row.result.outcome != NOT_APPLICABLE:
        write_evidence(page, quiet.looked_at(conclusion.world, row.name.check, row.name.subject), conclusion)
    if cause is not None:
        write_steps(page, cause, conclusion)
