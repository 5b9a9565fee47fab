"""Compares a run with the one before: what was judged then and is not judged now must not vanish silently."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from evidence.subjects.spec import NOT_APPLICABLE, PASSED, place_of
from reports.conclusion import Since
from reports.extent import Extent
from reports.findings import Findings, FindingsError, load
from reports.page import some
from verdict.judge import Judged, Named, Verdict

_RUN = re.compile(r"[0-9]{8}T[0-9]{6}Z(-[0-9]{1,4})?")
_MOST_RUNS = 50
"""The last run of the same extent is looked for among this many runs."""


def changed_since(verdict: Verdict, before: Findings) -> Since:
    """What became of the causes. What then was a cause and is not judged now is not gone: nobody knows."""
    then = {Named(cause.check, cause.subject) for cause in before.causes}
    now = {cause.name for cause in verdict.causes}
    well = {row.name for row in verdict.results if row.result.outcome in (PASSED, NOT_APPLICABLE)}
    return Since(before.run, tuple(sorted(now - then)), tuple(sorted(then & well)))


def judged_less(rows: Iterable[Judged], before: Findings) -> tuple[str, ...]:
    """What the previous run of the same extent judged and this one does not: one sentence per datacenter or check."""
    now = {(row.name.check, row.name.subject) for row in rows if row.selected and row.result.outcome != NOT_APPLICABLE}
    then = {(row.check, row.subject) for row in before.results if row.selected and row.outcome != NOT_APPLICABLE}
    gone = sorted(then - now)
    if not gone:
        return ()
    still = {place_of(subject) for _, subject in now}
    places: dict[str, int] = {}
    checks: dict[str, list[str]] = {}
    for check, subject in gone:
        place = place_of(subject)
        if place in still:
            checks.setdefault(check, []).append(subject)
        else:
            places[place] = places.get(place, 0) + 1
    return (
        f"{len(gone)} of the {len(then)} that run {before.run} judged were not judged now.",
        *(f"{place}: not judged at all now, {count} before." for place, count in sorted(places.items())),
        *(f"{check}: not judged now at {some(subjects)}." for check, subjects in checks.items()),
    )


def age(run: str) -> tuple[str, int]:
    """Sorts runs by second, and runs of the same second by number."""
    stamp, _, number = run.partition("-")
    return stamp, int(number or 1)


def earlier_than(run: str, runs: Path) -> list[Path]:
    """The folders of the runs before one, the newest first."""
    try:
        names = [path.name for path in runs.iterdir() if _RUN.fullmatch(path.name)]
    except OSError:
        return []
    return [runs / name for name in sorted((name for name in names if age(name) < age(run)), key=age, reverse=True)]


def previous(extent: Extent, runs: Path, run: str) -> Findings | None:
    """The last run of the same extent; none for a part of it, or a replay."""
    if not extent.inventory or extent.partial:
        return None
    for folder in earlier_than(run, runs)[:_MOST_RUNS]:
        try:
            found = load(folder)
        except FindingsError:
            continue
        if not found.partial and (found.selection, found.inventory) == (extent.selection, extent.inventory):
            return found
    return None
