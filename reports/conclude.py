"""Turns results into everything that is told about a run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from evidence.subjects.spec import Result, Spec
from evidence.subjects.world import World
from remediate.plan import make_plan
from reports.before import changed_since, judged_less, previous
from reports.conclusion import Conclusion
from reports.extent import Extent
from reports.gone import gone_since
from verdict.judge import judge


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

    `others` are results that were not asked for, but may explain selected ones.
    """
    verdict, extent = judge(results, specs, world, others, others_were), extent or Extent()
    before = previous(extent, run.parent, run.name) if run is not None else None
    less = judged_less(verdict.results, before) if before is not None else ()
    since = changed_since(verdict, before) if before is not None else None
    gone = gone_since(world, run.parent, run.name) if run is not None and extent.inventory else ()
    return Conclusion(verdict, make_plan(verdict.causes, world), world, specs, extent, less, since, gone)
