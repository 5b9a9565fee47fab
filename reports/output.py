"""--output: a run's end for a program (json), or for Nagios and what is like it (one line, its exit codes)."""

from __future__ import annotations

import sys
from enum import IntEnum
from typing import TYPE_CHECKING

import pytest

from evidence.subjects.spec import BLOCKED, CRITICAL, FAILED, PASSED, WAIVED, place_of
from reports.page import counted, safe
from reports.words import in_words
from triton_az_checks.ending import Unbroken

if TYPE_CHECKING:  # what tells of a verdict is loaded where there is one
    from reports.conclusion import Conclusion
    from reports.pages.summary import Summary

JSON, NAGIOS = "json", "nagios"
LONGEST = 600
"""Bytes of the text of a plugin's line."""
EVIDENCE = 2
"""From this level of -v on, each check has its evidence."""
OUT = pytest.StashKey[Unbroken]()
"""Where the document goes: standard output, which nothing else may use."""


class State(IntEnum):
    """What a plugin may say, as its exit code."""

    OK = 0
    WARNING = 1
    CRITICAL = 2
    UNKNOWN = 3


_ENDED = {
    pytest.ExitCode.INTERRUPTED: "the run was interrupted",
    pytest.ExitCode.INTERNAL_ERROR: "the suite itself broke",
    pytest.ExitCode.USAGE_ERROR: "the inventory or an option is wrong, standard error says which",
    pytest.ExitCode.NO_TESTS_COLLECTED: "nothing was selected",
}


def add_options(group: pytest.OptionGroup) -> None:
    group.addoption(
        "--output",
        choices=(JSON, NAGIOS),
        help="print the findings as JSON and nothing else; or one line, as a plugin of Nagios",
    )


def reserve(config: pytest.Config) -> None:
    """Keep standard output for the document: all else that is printed goes to standard error."""
    if config.option.output is not None and not hasattr(config, "workerinput"):
        config.stash[OUT] = Unbroken(sys.stdout)
        sys.stdout = sys.stderr


def document(conclusion: Conclusion, run: str) -> str:
    """The findings, as findings.json has them."""
    from reports.findings import encode, findings_of

    return encode(findings_of(conclusion, run)).decode()


def line(conclusion: Conclusion, run: str, code: int) -> tuple[State, str]:
    """The state, and the line with its numbers."""
    from reports.findings import findings_of
    from reports.pages.summary import summary_of

    state = _state(conclusion, code)
    numbers = _numbers(conclusion, summary_of(conclusion, findings_of(conclusion, run)))
    return state, f"{said(state, _words(conclusion, code))} | {' '.join(numbers)}"


def unknown(code: int, why: str = "") -> tuple[State, str]:
    """The line of a run without a verdict."""
    known = (
        _ENDED.get(pytest.ExitCode(code), "it has no verdict") if code in set(pytest.ExitCode) else "it has no verdict"
    )
    return State.UNKNOWN, said(State.UNKNOWN, why or known)


def said(state: State, words: str) -> str:
    """The text of a line: what is behind a bar would be numbers.  Monitors cut a long line, numbers first (NRPE 2 at 1024 bytes)."""
    told = f"AZ-CHECKS {state.name} - {safe(' '.join(words.split())).replace('|', '/')}"
    whole = told.encode("utf-8", "replace")
    return told if len(whole) <= LONGEST else f"{whole[: LONGEST - 3].decode('utf-8', 'ignore').rstrip()}..."


def _state(conclusion: Conclusion, code: int) -> State:
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        return State.UNKNOWN
    failed = [row.result.severity for row in conclusion.verdict.results if row.result.outcome == FAILED]
    if CRITICAL in failed:
        return State.CRITICAL
    if failed:
        return State.WARNING
    counts = conclusion.verdict.counts
    judged = counts.get(PASSED) or counts.get(WAIVED)
    return State.UNKNOWN if counts.get(BLOCKED) or code or not judged else State.OK


def _words(conclusion: Conclusion, code: int) -> str:
    """How it ended, how many causes there are, and the first of them."""
    causes = conclusion.verdict.causes
    ended = f"{_ENDED[pytest.ExitCode(code)]}; " if pytest.ExitCode(code) in _ENDED else ""
    if not causes:
        return f"{ended}{conclusion.wellness}"
    first = causes[0].finding
    place, words = place_of(first.subject), in_words(first)
    told = words if place in words else f"{place}: {words}"
    more = f"; and {len(causes) - 1} more" if len(causes) > 1 else ""
    return f"{ended}{counted(len(causes), 'cause')}: {told}{more}"


def _numbers(conclusion: Conclusion, summary: Summary) -> list[str]:
    counts = conclusion.verdict.counts
    told = {
        "causes": len(conclusion.verdict.causes),
        "critical": summary.critical,
        "warning": summary.warning,
        "blocked": summary.blocked,
        "waived": counts.get(WAIVED, 0),
        "passed": counts.get(PASSED, 0),
        "behind": summary.most_behind,
    }
    numbers = [f"{name}={value};;;0" for name, value in told.items() if value is not None]
    return numbers + ([f"time={summary.seconds:.3f}s;;;0"] if summary.seconds is not None else [])
