"""The ways from zones to their targets, for the picture and the matrix: what was found of each."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from evidence.subjects.spec import BLOCKED, BROKEN, FAILED, NOT_APPLICABLE, PASSED, WAIVED, Outcome, is_link, place_of
from reports.conclusion import Conclusion
from reports.matrix import counting
from reports.pages.view import LOOK, Chip, anchor
from reports.trips import ends_of
from reports.words import in_words
from verdict.judge import Judged

RANK = (FAILED, BLOCKED, BROKEN, WAIVED, PASSED, NOT_APPLICABLE)
"""Outcomes, the worst first."""
STATES = {
    FAILED: ("bad", "does not work"),
    BLOCKED: ("unseen", "not seen"),
    BROKEN: ("unseen", "not judged: the suite broke"),
    WAIVED: ("waived", "does not work, and is accepted"),
    PASSED: ("ok", "works"),
    NOT_APPLICABLE: ("na", "not used"),
}
_CELL = 70


class JudgedWay(Struct, frozen=True):
    """One way: from a zone of a datacenter to a target of another one."""

    check: str
    zone: str
    source: str
    target: str
    goal: str
    row: Judged

    @property
    def outcome(self) -> Outcome:
        return self.row.result.outcome


def ways(conclusion: Conclusion) -> list[JudgedWay]:
    """All ways that were judged."""
    found, names = [], conclusion.world.inventory.datacenters
    for row in conclusion.verdict.results:
        ends = ends_of(row.name.subject, names)
        if ends is not None:
            goal = f"{ends.target}.{ends.role}.{ends.port}"
            found.append(JudgedWay(row.name.check, f"{ends.source}.{ends.alias}", ends.source, ends.target, goal, row))
    return found


def worst(outcomes: Iterable[Outcome]) -> Outcome:
    """The worst of some outcomes."""
    return min(outcomes, key=RANK.index, default=NOT_APPLICABLE)


class Table(Struct, frozen=True):
    """A matrix of zones and targets; a cell is None where no way is wanted."""

    title: str
    targets: list[str]
    rows: list[tuple[str, list[Chip | None]]]


def tables(found: list[JudgedWay]) -> list[Table]:
    """One table for each check whose ways lead to several targets' datacenters; the others, which lead to one, stand together."""
    goals: dict[str, set[str]] = {}
    for way in found:
        goals.setdefault(way.check, set()).add(way.target)
    many = sorted(check for check, each in goals.items() if len(each) > 1)
    one = [way for way in found if way.check not in many]
    told = [_table("to the one that all others need", one)] if one else []
    return told + [_table(check, [way for way in found if way.check == check]) for check in many]


def _table(title: str, found: list[JudgedWay]) -> Table:
    targets = sorted({way.goal for way in found}, key=counting)
    cells: dict[tuple[str, str], list[JudgedWay]] = {}
    for way in found:
        cells.setdefault((way.zone, way.goal), []).append(way)
    zones = sorted({way.zone for way in found}, key=counting)
    return Table(title, targets, [(zone, [_cell(cells.get((zone, goal))) for goal in targets]) for zone in zones])


def _cell(found: list[JudgedWay] | None) -> Chip | None:
    if not found:
        return None
    way = min(found, key=lambda each: RANK.index(each.outcome))
    result = way.row.result
    kind, said = STATES[way.outcome]
    if way.outcome == PASSED:
        return Chip("ok", kind, said, f"#{anchor(way.row.name)}")
    sign = {FAILED: LOOK.cross, NOT_APPLICABLE: "n/a", WAIVED: "waived"}.get(way.outcome, "?")
    why = in_words(result) if way.outcome == BLOCKED else result.observed or result.reason
    return Chip(f"{sign} {LOOK.cut(' '.join(why.split()), _CELL)}".rstrip(), kind, said, f"#{anchor(way.row.name)}")


def of_zone(conclusion: Conclusion) -> dict[str, Outcome]:
    """The worst of what was judged of each zone itself."""
    found: dict[str, list[Outcome]] = {}
    for row in conclusion.verdict.results:
        subject = row.name.subject
        if subject != place_of(subject) and not is_link(subject):
            found.setdefault(subject, []).append(row.result.outcome)
    return {zone: worst(outcomes) for zone, outcomes in found.items()}
