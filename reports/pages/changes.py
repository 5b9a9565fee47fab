"""What became of each finding between two runs: new, fixed, still there, seen no more."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from evidence.subjects.spec import BLOCKED, FAILED, FINDINGS, NOT_APPLICABLE, PASSED, WAIVED
from reports.findings import Findings, Row, result_in
from reports.words import in_words
from verdict.judge import Named


class Changed(Struct, frozen=True):
    """One finding of either run: which check and subject, what is wrong in words, and whether it is (or was) a cause."""

    name: Named
    words: str
    cause: bool = False


class Changes(Struct, frozen=True):
    """All that became of the findings between two runs.  `lost`: then a finding, and now not judged: nobody knows.

    `waived`: then a finding, and accepted now.  `less`: what held then, and is not judged now.
    """

    before: str
    after: str
    new: tuple[Changed, ...] = ()
    fixed: tuple[Changed, ...] = ()
    still: tuple[Changed, ...] = ()
    unseen: tuple[Changed, ...] = ()
    lost: tuple[Changed, ...] = ()
    waived: tuple[Changed, ...] = ()
    less: tuple[Changed, ...] = ()

    @property
    def none(self) -> bool:
        """Whether nothing became of anything."""
        return not (self.new or self.fixed or self.unseen or self.lost or self.waived or self.less)


def changes(before: Findings, after: Findings) -> Changes:
    """What is in either run, sorted by what became of it.  A finding that can no longer be judged is newly blocked, not fixed."""
    then, now = _rows(before), _rows(after)
    found: dict[str, list[Changed]] = {}
    causes = ({_named(cause.check, cause.subject) for cause in run.causes} for run in (before, after))
    were, are = causes
    for name in sorted(then.keys() | now.keys()):
        what = _became(then.get(name), now.get(name))
        row = now.get(name) if what in ("new", "still", "unseen") else then.get(name)
        if what and row is not None:
            told = in_words(result_in(row)) if row.outcome in FINDINGS else ""
            cause = name in (are if what in ("new", "still", "unseen") else were)
            found.setdefault(what, []).append(Changed(name, told, cause))
    parts = {what: tuple(sorted(each, key=lambda one: (not one.cause, one.name))) for what, each in found.items()}
    return Changes(before.run, after.run, **parts)


def _rows(findings: Findings) -> dict[Named, Row]:
    return {_named(row.check, row.subject): row for row in findings.results if row.selected}


def _named(check: str, subject: str) -> Named:
    return Named(check, subject)


def _became(then: Row | None, now: Row | None) -> str:
    was = then.outcome if then is not None else None
    has = now.outcome if now is not None else None
    if has == BLOCKED:
        return "still" if was == BLOCKED else "unseen"
    if has == FAILED:
        return "still" if was == FAILED else "new"
    if was in FINDINGS:
        if has in (PASSED, NOT_APPLICABLE):
            return "fixed"
        return "waived" if has == WAIVED else "lost"
    return "less" if was == PASSED and has is None else ""


def failing(findings: Iterable[Findings]) -> list[list[str]]:
    """Of each run what failed, as names; what could not be judged counts as it was before."""
    told: list[list[str]] = []
    last: set[str] = set()
    for each in findings:
        rows = _rows(each)
        blocked = {str(name) for name, row in rows.items() if row.outcome == BLOCKED}
        last = {str(name) for name, row in rows.items() if row.outcome == FAILED} | (last & blocked)
        told.append(sorted(last))
    return told
