"""From results to a verdict: findings, what blocks what, what is waived, and the causes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from evidence.inventory.model import Waiver
from evidence.subjects.spec import BLOCKED, FAILED, FINDINGS, WAIVED, Outcome, Result, Spec
from evidence.subjects.world import World
from verdict.circles import circles
from verdict.graph import by_check, explanations, subjects_by_id
from verdict.waivers import expired, remarks

MOST_NAMED: Final = 5
"""So many findings are named that a waived cause hides; all are in findings.json."""


class Named(Struct, frozen=True, order=True):
    """A check at a subject."""

    check: str
    subject: str

    def __str__(self) -> str:
        return f"{self.check}[{self.subject}]"


class Judged(Struct, frozen=True):
    """A result, and the causes that explain it (none for a cause, and none for what is not a finding).

    A waived finding has its waiver, and what it `was` before (failed or blocked). If the waiver was written for its causes, `through` names
    these. A waiver that has expired stands in `expired`. `selected` is false for a cause that was not asked for.
    """

    result: Result
    causes: tuple[Named, ...] = ()
    waiver: Waiver | None = None
    was: Outcome | None = None
    through: tuple[Named, ...] = ()
    expired: Waiver | None = None
    selected: bool = True

    @property
    def name(self) -> Named:
        return Named(self.result.check, self.result.subject)

    @property
    def blocked_by(self) -> tuple[Named, ...]:
        return self.causes if self.result.outcome == BLOCKED else ()


class Cause(Struct, frozen=True):
    """A finding that no other one explains, with the findings that it explains."""

    finding: Result
    consequences: tuple[Result, ...] = ()

    @property
    def name(self) -> Named:
        return Named(self.finding.check, self.finding.subject)


class Verdict(Struct, frozen=True):
    """The verdict of one run. `results` and `causes` are sorted, so that the same evidence gives the same verdict.

    `remarks` are sentences about causes that were not asked for, and about waivers that do nothing.
    """

    results: tuple[Judged, ...]
    causes: tuple[Cause, ...]
    counts: dict[Outcome, int]
    remarks: tuple[str, ...] = ()


def judge(
    results: Iterable[Result],
    specs: Mapping[str, Spec],
    world: World,
    others: Iterable[Result] = (),
    others_were: str = "not selected",
) -> Verdict:
    """Order the results, and tell causes from consequences. A blocked check that nothing explains is a cause.

    A waived finding is not a cause, but it explains what follows from it. What follows only from waived causes is waived with them.
    `others` are results that were not asked for: only those among them that cause a selected finding are told.
    """
    asked, besides = list(results), list(others)
    roots = _roots([result for result in (*asked, *besides) if result.outcome in FINDINGS], specs, world)
    needed = frozenset().union(*(roots[_name(result)] for result in asked if result.outcome in FINDINGS))
    outside = {_name(result): result for result in besides if _name(result) in needed}
    ordered = sorted((*asked, *outside.values()), key=lambda result: (result.check, result.subject))
    rows = tuple(
        replace(_judged(result, roots, world), selected=_name(result) not in outside)
        if result.outcome in FINDINGS
        else Judged(result)
        for result in ordered
    )
    kept = [row.result for row in rows if row.result.outcome in FINDINGS]
    causes = tuple(
        Cause(finding, tuple(f for f in kept if f is not finding and _name(finding) in roots[_name(f)]))
        for finding in sorted(kept, key=lambda f: (f.severity.rank, f.outcome != FAILED, f.check, f.subject))
        if roots[_name(finding)] == {_name(finding)}
    )
    told = [f"{name} was {others_were}; it is in this report because it is a cause." for name in sorted(outside)]
    told += unknown(rows)
    counts = dict(sorted(Counter(row.result.outcome for row in rows).items()))
    return Verdict(rows, causes, counts, (*told, *late(world), *remarks(results=ordered, specs=specs, world=world)))


def unknown(rows: Iterable[Judged]) -> Iterator[str]:
    """A sentence for each waived cause that other findings follow from: whether these hold without it, nobody knows meanwhile."""
    hidden: dict[Named, list[str]] = {}
    for row in rows:
        for cause in row.through:
            hidden.setdefault(cause, []).append(str(row.name))
    for cause, names in sorted(hidden.items()):
        rest = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
        yield f"Not known while {cause} is waived: {', '.join(names[:MOST_NAMED])}{rest}."


def late(world: World) -> tuple[str, ...]:
    """What to know of the time limits if the machine that asked was busy with other things."""
    if world.evidence is None or not world.busy:
        return ()
    seen = world.evidence.late
    again = f"So everything was asked again, with {seen.patience:g} times the patience. " if seen.patience > 1 else ""
    return (
        f"This machine was busy: it kept the run waiting {seen.share:.0%} of the time, up to {seen.most:g} s at once. {again}"
        "What came late may be its own fault.",
    )


def _roots(findings: list[Result], specs: Mapping[str, Spec], world: World) -> dict[Named, frozenset[Named]]:
    """For each finding its causes: the findings that explain it in the end, and that nothing explains. A cause has itself.

    Where it is not known which zones there are, findings can explain each other in a circle: then the first of them is the cause.
    """
    known = subjects_by_id(world, specs.values())
    sorted_out = by_check(findings)
    above = {
        _name(finding): [_name(f) for f in explanations(finding, sorted_out, specs, known)] for finding in findings
    }
    first = {_name(finding): (finding.outcome != FAILED, _name(finding)) for finding in findings}
    roots: dict[Named, frozenset[Named]] = {}
    for circle in circles(above):
        outside = {each for name in circle for each in above[name]}.difference(circle)
        found = frozenset().union(*(roots[each] for each in outside)) or frozenset({min(circle, key=first.__getitem__)})
        roots.update(dict.fromkeys(circle, found))
    return roots


def _judged(finding: Result, roots: Mapping[Named, frozenset[Named]], world: World) -> Judged:
    """A finding with its causes. It is waived if its own waiver or waivers of all its causes cover it."""
    name = _name(finding)
    explained = Judged(finding, tuple(sorted(roots[name] - {name})))
    own = world.waiver(name.check, name.subject)
    if own is not None:
        return waived(explained, own)
    above = [world.waiver(root.check, root.subject) for root in explained.causes]
    if above and above[0] is not None and None not in above:
        return waived(explained, above[0], through=explained.causes)
    return replace(explained, expired=expired(name.check, name.subject, world))


def waived(judged: Judged, waiver: Waiver, through: tuple[Named, ...] = ()) -> Judged:
    """A finding that is accepted, by its own waiver or because all its causes are."""
    told = f"not known while {', '.join(map(str, through))} is waived: {waiver.told}" if through else waiver.told
    result = replace(judged.result, outcome=WAIVED, reason=told)
    return replace(judged, result=result, waiver=waiver, was=judged.result.outcome, through=through)


def _name(result: Result) -> Named:
    return Named(result.check, result.subject)
