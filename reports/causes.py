"""A cause in two lines: for the first screen, and wherever causes are listed."""

from __future__ import annotations

import textwrap

from evidence.subjects.spec import CRITICAL, place_of
from evidence.subjects.world import World
from remediate.steps import DESTROYS
from reports.conclusion import Conclusion
from reports.page import BOLD, DIM, RED, YELLOW, Look, Page, safe
from reports.words import in_words
from verdict.judge import Cause

_DATACENTER = 16


def write_cause(page: Page, conclusion: Conclusion, cause: Cause, beside: int) -> None:
    """One or two lines: number, datacenter and what is wrong; behind it the check, and what an operator must know at once.

    It stands in one column with the first causes, as many as are told `beside`.
    """
    names = [where_of(each, conclusion.world) for each in conclusion.verdict.causes[:beside]]
    wide = min(_DATACENTER, max(map(len, names), default=0))
    number = f"{conclusion.numbers[cause.name]:>2} "
    where = page.look.cut(where_of(cause, conclusion.world), wide).ljust(wide)
    indent, colour = len(number) + wide + 2, RED if cause.finding.severity == CRITICAL else YELLOW
    tags = tags_of(cause, conclusion)
    tail = "  ".join([cause.finding.check, *tags])
    first, second = _two_lines(safe(in_words(cause.finding)), tail, page.width - indent, page.look)
    shown = [(f"  {tag}", *((BOLD, RED) if tag.startswith("DESTROYS") else ())) for tag in tags]
    room = page.width - indent - len(tail)
    alone = not second and len(first) + 2 <= room
    begun: list[str | tuple[str, ...]] = [(number, BOLD, colour), (where, BOLD), "  ", first]
    if not alone:
        page.painted(*begun)
        begun = [" " * indent + second]
    gap = " " * max(2 if second else 0, room - len(first if alone else second))
    page.painted(*begun, gap, (cause.finding.check, DIM), *shown)


def _two_lines(text: str, tail: str, width: int, look: Look) -> tuple[str, str]:
    """The text on one line, and on as much of a second one as the tail leaves."""
    lines = textwrap.wrap(text, width, break_on_hyphens=False) or [""]
    room = width - len(tail) - 2
    if len(lines) == 1:
        return lines[0], ""
    rest = " ".join(lines[1:])
    if room < 8:
        return look.cut(f"{lines[0]} {rest}", width), ""
    return lines[0], look.cut(rest, room)


def where_of(cause: Cause, world: World) -> str:
    """The datacenter of a cause; of one about several, its culprits."""
    named = place_of(cause.finding.subject)
    culprits = cause.finding.culprits
    if named in world.inventory.datacenters or not culprits:
        return named
    return culprits[0] if len(culprits) == 1 else named


def tags_of(cause: Cause, conclusion: Conclusion) -> list[str]:
    """What an operator must know of a cause at once, in a few words each."""
    entry, since = conclusion.plan.entry(cause.name), conclusion.since
    expired = any(row.name == cause.name and row.expired is not None for row in conclusion.verdict.results)
    steps = entry.steps if entry is not None else ()
    tags = [f"{len(cause.consequences)} follow{'s' * (len(cause.consequences) == 1)}"] if cause.consequences else []
    tags += ["warning"] if cause.finding.severity != CRITICAL else []
    tags += ["new"] if since is not None and cause.name in since.new else []
    tags += ["its waiver has expired"] if expired else []
    return tags + (["DESTROYS DATA to fix"] if any(step.step.risk == DESTROYS for step in steps) else [])
