"""Everything that is told about a run: the verdict, and the plan that puts it right."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec import Struct

from evidence.subjects.spec import BROKEN, NOT_APPLICABLE, Spec, place_of
from evidence.subjects.world import World
from remediate.plan import Plan
from reports.extent import Extent
from verdict.judge import Verdict


class Conclusion(Struct, frozen=True):
    """What the reporters tell. `specs` holds the specs of all checks; `less` tells what was judged before and not now."""

    verdict: Verdict
    plan: Plan
    world: World
    specs: Mapping[str, Spec]
    extent: Extent = Extent()
    less: tuple[str, ...] = ()

    @property
    def defects(self) -> tuple[str, ...]:
        """Defects of the suite, one sentence each. They say nothing about the region."""
        rows = (row for row in self.verdict.results if row.result.outcome == BROKEN)
        return (*(f"{row.name}: {row.result.observed}" for row in rows), *self.plan.defects)

    @property
    def remarks(self) -> tuple[str, ...]:
        """The remarks about the run as a whole."""
        return (*self.extent.notes, *self.less, *_shares(self.verdict, self.world), *self.verdict.remarks)


def _shares(verdict: Verdict, world: World) -> Iterator[str]:
    """Says how much of each datacenter named by endpoints could be judged."""
    for dc in world.datacenters:
        if not dc.declared.endpoints:
            continue
        outcomes = [row.result.outcome for row in verdict.results if place_of(row.result.subject) == dc.name]
        judged = sum(outcome != NOT_APPLICABLE for outcome in outcomes)
        yield f"{dc.name} is named by endpoints ({', '.join(dc.declared.endpoints)}): {judged} of its {len(outcomes)} checks were judged."
