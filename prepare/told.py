"""What doctor tells: of each thing one line, whether it is well, and if not what to do."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from reports.page import BOLD, GREEN, RED, Page, counted

MACHINE = "this machine"
_MARK, _NAME, _WHAT = 7, 24, 13
"""The columns' widths; what is wrong and too long for its line stands below it, with room for commands."""


class Looked(Struct, frozen=True):
    """One thing that was looked at: where, what, and what there is to say of it (if it is wrong, with what to do)."""

    place: str
    what: str
    said: str
    well: bool = True


def write(page: Page, rows: Iterable[Looked]) -> None:
    """A line for each; what is wrong is wrapped below itself."""
    told = list(rows)
    wide = min(_NAME, max((len(each.place) for each in told), default=0))
    for each in told:
        place = page.look.cut(each.place, wide).ljust(wide)
        label = f"{'ok' if each.well else 'wrong'}".ljust(_MARK) + f"{place}  {each.what.ljust(_WHAT)}"
        if each.well or len(label) + len(each.said) <= page.width:
            page.prose(each.said, 0, label, len(label), *(() if each.well else (RED,)))
        else:
            page.line(label.rstrip(), RED)
            page.prose(each.said, _MARK)


def verdict(page: Page, rows: Iterable[Looked]) -> int:
    """The last line, and the exit code."""
    wrong = [each for each in rows if not each.well]
    if not wrong:
        page.line("All is well: the suite can be run from here.", GREEN, BOLD)
        return 0
    page.line(f"{counted(len(wrong), 'thing')} to put right, the first first.", RED, BOLD)
    return 1
