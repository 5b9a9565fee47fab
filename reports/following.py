"""Why a finding follows from a cause: the findings between them, one after the other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from evidence.subjects.spec import BLOCKED, FINDINGS, Result, Spec
from evidence.subjects.world import World
from reports.page import Page, some
from verdict.graph import by_check, explanations, subjects_by_id
from verdict.judge import Cause, Named

_MOST = 4
Chain = tuple[Named, ...]


def chains(cause: Named, results: Iterable[Result], specs: Mapping[str, Spec], world: World) -> dict[Named, Chain]:
    """For each finding that follows from a cause, what lies between: the nearest first, and the cause last."""
    findings = {Named(each.check, each.subject): each for each in results if each.outcome in FINDINGS}
    known, sorted_out = subjects_by_id(world, specs.values()), by_check(findings.values())
    below: dict[Named, list[Named]] = {}
    for name, finding in findings.items():
        for other in explanations(finding, sorted_out, specs, known):
            below.setdefault(Named(other.check, other.subject), []).append(name)
    found: dict[Named, Chain] = {}
    turn: list[tuple[Named, Chain]] = [(cause, ())]
    while turn:
        after: list[tuple[Named, Chain]] = []
        for name, chain in turn:
            for next_one in sorted(below.get(name, ())):
                if next_one not in found and next_one != cause:
                    found[next_one] = (name, *chain)
                    after.append((next_one, found[next_one]))
        turn = after
    return found


def write_following(page: Page, cause: Cause, found: Mapping[Named, Chain], indent: int) -> None:
    """The consequences by check, each with what it follows from."""
    groups: dict[tuple[str, bool, tuple[str, ...]], list[Result]] = {}
    for result in cause.consequences:
        chain = found.get(Named(result.check, result.subject), ())
        between = tuple(dict.fromkeys(name.check for name in chain[:-1]))
        groups.setdefault((result.check, result.outcome == BLOCKED, between), []).append(result)
    for (check, unseen, between), results in sorted(groups.items(), key=lambda item: (len(item[0][2]), item[0])):
        page.prose(f"{check}: {some([each.subject for each in results], _MOST)}", indent)
        why = "could not be judged" if unseen else _observed(results)
        by = ", and that from ".join([*between, "this"])
        page.prose(f"{why}; follows from {by}", indent + 2)


def _observed(results: list[Result]) -> str:
    said = dict.fromkeys(" ".join(each.observed.split()) for each in results)
    return some(said, 1) or "it does not hold"
