"""Everything that is told about a run: the verdict, and the plan that puts it right."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec import Struct, field

from evidence.subjects.spec import BROKEN, NOT_APPLICABLE, PASSED, WAIVED, Spec, place_of
from evidence.subjects.world import World
from remediate.plan import Plan
from reports.extent import Extent, how_read
from verdict.judge import Named, Verdict


class Since(Struct, frozen=True):
    """The causes that are new since the run before of the same extent, and those of then that are gone.

    `flapping` came, went and came back in the last runs.  `held`: causes of earlier runs that are none now, and do not hold either.
    """

    run: str
    new: tuple[Named, ...] = ()
    gone: tuple[Named, ...] = ()
    flapping: tuple[str, ...] = ()
    held: tuple[str, ...] = ()

    @property
    def at(self) -> str:
        """When that run began, as its folder says."""
        return f"{self.run[:4]}-{self.run[4:6]}-{self.run[6:8]} {self.run[9:11]}:{self.run[11:13]} UTC"


class Ending(Struct, frozen=True):
    """What the end of a run knows besides its verdict.

    The exit code; when judging began, by the clock; and how many seconds each check took to judge.
    """

    exit_code: int = 0
    began: float = 0.0
    seconds: Mapping[Named, float] = field(default_factory=dict)


class Conclusion(Struct, frozen=True):
    """What the reporters tell. `specs` holds the specs of all checks; `less` tells what was judged before and not now.

    `since`: what became of the causes of the run before, if there is one to compare with. `gone`: what a coupling took away, as far as a
    kept run saw it before.
    """

    verdict: Verdict
    plan: Plan
    world: World
    specs: Mapping[str, Spec]
    extent: Extent = Extent()
    less: tuple[str, ...] = ()
    since: Since | None = None
    gone: tuple[str, ...] = ()

    @property
    def numbers(self) -> dict[Named, int]:
        """The number of each cause: its place in findings.json, from 1. It is the same in all that is told."""
        return {cause.name: number for number, cause in enumerate(self.verdict.causes, 1)}

    @property
    def passed(self) -> frozenset[tuple[str, str]]:
        """What was asked for, and holds."""
        rows = (row.result for row in self.verdict.results if row.selected and row.result.outcome == PASSED)
        return frozenset((result.check, result.subject) for result in rows)

    @property
    def wellness(self) -> str:
        """How to say that nothing is wrong, and no more than that."""
        counts = self.verdict.counts
        if not counts.get(PASSED) and not counts.get(WAIVED):
            return "Nothing was judged"
        all_of_it = not self.extent.partial and not self.defects
        well = "All is well" if all_of_it else "All that was judged is well"
        return f"{well} except for waived findings" if counts.get(WAIVED) else well

    @property
    def defects(self) -> tuple[str, ...]:
        """Defects of the suite, one sentence each. They say nothing about the region."""
        rows = (row for row in self.verdict.results if row.result.outcome == BROKEN)
        return (*(f"{row.name}: {row.result.observed}" for row in rows), *self.plan.defects)

    @property
    def remarks(self) -> tuple[str, ...]:
        """The remarks about the run as a whole."""
        mine = (*self.extent.notes, *self.gone, *self.less, *_shares(self.verdict, self.world))
        return tuple(dict.fromkeys((*mine, *self.verdict.remarks, *how_read(self.world.evidence))))


def _shares(verdict: Verdict, world: World) -> Iterator[str]:
    """Says how much of each datacenter named by endpoints could be judged."""
    for dc in world.datacenters:
        if not dc.declared.endpoints:
            continue
        outcomes = [row.result.outcome for row in verdict.results if place_of(row.result.subject) == dc.name]
        judged = sum(outcome != NOT_APPLICABLE for outcome in outcomes)
        yield f"{dc.name} is named by endpoints ({', '.join(dc.declared.endpoints)}): {judged} of its {len(outcomes)} checks were judged."
