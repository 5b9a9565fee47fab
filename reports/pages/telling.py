"""What `az-checks report list`, `show` and `diff` print."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from reports.page import BOLD, CYAN, DIM, GREEN, RED, YELLOW, Page, counted
from reports.pages.changes import Changed, Changes
from reports.pages.drift import Drifted
from reports.pages.summary import Summary
from reports.pages.trend import when

_MOST = 40
"""So many consequences, or keys, are named; --all names the rest."""


def write_list(page: Page, told: Sequence[Summary]) -> None:
    """A line for each run, the newest last."""
    wide = max((len(each.kind) for each in told), default=0)
    for each in told:
        findings = each.critical + each.warning + each.blocked
        state = f"{counted(len(each.causes), 'cause')}, {counted(findings, 'finding')}" if findings else "well"
        seconds = f"{each.seconds:.0f} s" if each.seconds is not None else ""
        behind = f"{each.most_behind} changes behind" if each.most_behind else ""
        page.painted(
            f"{each.run:<16} ", (when(each.run), DIM), f"  {each.kind.ljust(wide)}  ",
            (state.ljust(23), RED if each.causes else GREEN), f" {seconds}",
        )  # fmt: skip
        if behind:
            page.prose(behind, 6)


def write_changes(page: Page, told: Changes, flapping: Iterable[str], *, everything: bool) -> None:
    """What became of each finding, causes first."""
    page.line(f"From run {told.before} to run {told.after}", BOLD)
    parts = (
        ("New", told.new, RED), ("Newly blocked", told.unseen, YELLOW), ("Fixed", told.fixed, GREEN), ("Waived now", told.waived, CYAN),
        ("Not judged any more, and a finding before", told.lost, YELLOW), ("Not judged any more, and held before", told.less, YELLOW),
        ("Still failing", told.still, DIM),
    )  # fmt: skip
    for title, rows, colour in parts:
        if rows:
            page.line(f"{title}: {len(rows)}", BOLD, colour)
            _rows(page, rows, everything=everything)
    come_and_go = tuple(flapping)
    if come_and_go:
        page.line(f"Flapping, in the last ten runs: {len(come_and_go)}", BOLD, YELLOW)
        for name in come_and_go:
            page.line(f"   {name}")
    if told.none and not come_and_go:
        page.line("No finding came, and none went." if told.still else "Nothing does not hold in either run.", GREEN)


def _rows(page: Page, rows: Sequence[Changed], *, everything: bool) -> None:
    shown = rows if everything else [row for row in rows if row.cause][:_MOST] or rows[:_MOST]
    for row in shown:
        page.line(f"   {'cause ' if row.cause else ''}{row.name}", *((BOLD,) if row.cause else ()))
        if row.words:
            page.prose(row.words, 6)
    if len(rows) > len(shown):
        page.line(f"   and {len(rows) - len(shown)} more: --all names them", DIM)


def write_drift(page: Page, told: Sequence[Drifted], *, everything: bool) -> None:
    """What changed in the evidence, by place and key."""
    if not told:
        page.line("Nothing changed in the evidence.", DIM)
        return
    page.line(f"Drift: {counted(len(told), 'key')} of the evidence changed", BOLD)
    place = ""
    for each in told if everything else told[:_MOST]:
        if each.place != place:
            place = each.place
            page.line(f"   {place}", BOLD)
        page.prose(f"{each.key}: {each.was} -> {each.now}", 6)
        if each.told_by:
            page.prose(f"see {each.told_by}", 8, "", 0, DIM)
    if not everything and len(told) > _MOST:
        page.line(f"   and {len(told) - _MOST} more: --all names them", DIM)
