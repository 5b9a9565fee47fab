"""timeline.html: the chain of waits that a run consists of, and each question with its time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from msgspec import Struct

from evidence.timeline import OURS, AskedSpan, ChainLink
from reports.matrix import counting
from reports.pages.rendering import render
from reports.timeline import Timeline, name

WIDE = 1000
"""A bar's whole width, in units of its own."""


class TimeBar(Struct, frozen=True):
    """One line of a table, with its bar. `on_chain`: whether the run waited for it."""

    what: str
    begin: float
    end: float
    x: int
    width: int
    on_chain: bool
    share: float = 0.0
    parts: tuple[str, ...] = ()
    after: str = ""

    @property
    def seconds(self) -> float:
        return self.end - self.begin


def timeline_page(timeline: Timeline, run: str) -> bytes:
    """The whole page."""
    whole = timeline.seconds or 1.0
    asked: dict[str, list[AskedSpan]] = defaultdict(list)
    for each in timeline.questions:
        asked[each.question.subject.partition(".")[0]].append(each)
    on_chain = {each.question for each in timeline.chain}
    ours = sum(each.parts.get(OURS, 0) for each in timeline.chain)
    return render(
        "timeline.html",
        run=run,
        seconds=whole,
        ours=ours,
        phases=[(each.what, each.begin, each.end) for each in timeline.phases],
        chain=[_link(each, whole) for each in timeline.chain],
        longest=sorted((_link(each, whole) for each in timeline.chain), key=lambda bar: -bar.seconds)[:5],
        datacenters=[
            (name_, [_bar(each, whole, each.question in on_chain) for each in asked[name_]])
            for name_ in sorted(asked, key=counting)
        ],
        wide=WIDE,
    )


def _link(link: ChainLink, whole: float) -> TimeBar:
    what = name(link.question)
    parts = tuple(_told(link.parts))
    if link.queued >= 0.005:
        parts += (f"{link.queued:.2f} s until a thread was free",)
    where = (f"in {link.where}",) if link.where else ()
    x, width = _place(link.begin, link.end, whole)
    return TimeBar(what, link.begin, link.end, x, width, True, link.seconds / whole, parts + where, link.after)


def _told(parts: dict[str, float]) -> Iterable[str]:
    """ "0.31 s an answer", the longest first."""
    for kind, seconds in sorted(parts.items(), key=lambda item: -item[1]):
        if seconds >= 0.005:
            yield f"{seconds:.2f} s {kind}"


def _bar(span: AskedSpan, whole: float, on_chain: bool) -> TimeBar:
    x, width = _place(span.begin, span.end, whole)
    return TimeBar(name(span.question), span.begin, span.end, x, width, on_chain)


def _place(begin: float, end: float, whole: float) -> tuple[int, int]:
    x = round(begin / whole * WIDE)
    return x, max(3, round(end / whole * WIDE) - x)
