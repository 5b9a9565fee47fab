"""From results to all that is told about a run: the verdict, and the plan that puts it right."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from msgspec import Struct

from evidence.subjects.spec import BROKEN, NOT_APPLICABLE, Result, Spec
from evidence.subjects.world import World
from remediate.plan import Plan, make_plan
from reports.extent import Extent, judged_less
from verdict.judge import Verdict, judge


class Conclusion(Struct, frozen=True):
    """What the reporters tell.  `specs` holds what each check says must hold; `less` what was judged before, and not now."""

    verdict: Verdict
    plan: Plan
    world: World
    specs: Mapping[str, Spec]
    extent: Extent = Extent()
    less: tuple[str, ...] = ()

    @property
    def defects(self) -> tuple[str, ...]:
        """What of the suite itself broke, a sentence each: it says nothing of the region."""
        rows = (row for row in self.verdict.results if row.result.outcome == BROKEN)
        return (*(f"{row.name}: {row.result.observed}" for row in rows), *self.plan.defects)

    @property
    def remarks(self) -> tuple[str, ...]:
        """What is to be said of the run as a whole."""
        return (*self.extent.notes, *self.less, *_shares(self.verdict, self.world), *self.verdict.remarks)


def conclude(
    results: Iterable[Result],
    specs: Mapping[str, Spec],
    world: World,
    extent: Extent | None = None,
    run: Path | None = None,
    others: Iterable[Result] = (),
    others_were: str = "not selected",
) -> Conclusion:
    """Judge the results, ask the remedies about the causes, and compare with the run before `run`.

    `others` are results that were not asked for, but may explain those that were.
    """
    verdict, extent = judge(results, specs, world, others, others_were), extent or Extent()
    less = judged_less(verdict.results, extent, run.parent, run.name) if run is not None else ()
    return Conclusion(verdict, make_plan(verdict.causes, world), world, specs, extent, less)


def _shares(verdict: Verdict, world: World) -> Iterator[str]:
    """How much could be judged of the datacenters that are named by endpoints."""
    for dc in world.datacenters:
        if not dc.declared.endpoints:
            continue
        outcomes = [
            row.result.outcome for row in verdict.results if row.result.subject.split("--")[0].split(".")[0] == dc.name
        ]
        judged = sum(outcome != NOT_APPLICABLE for outcome in outcomes)
        yield f"{dc.name} is named by endpoints ({', '.join(dc.declared.endpoints)}): {judged} of its {len(outcomes)} checks were judged."
