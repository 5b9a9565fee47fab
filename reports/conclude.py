"""Turns results into everything that is told about a run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from msgspec.structs import replace

from evidence.subjects.spec import FINDINGS, Result, Spec
from evidence.subjects.world import World
from remediate.plan import make_plan
from reports.before import changed_since, judged_less, previous
from reports.conclusion import Conclusion, Since
from reports.extent import Extent
from reports.gone import gone_since
from reports.pages.nights import alike, flapping
from verdict.judge import Verdict, judge


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
    since = (
        _since(changed_since(verdict, before), verdict, extent, run) if before is not None and run is not None else None
    )
    gone = gone_since(world, run.parent, run.name) if run is not None and extent.inventory else ()
    return Conclusion(verdict, make_plan(verdict.causes, world), world, specs, extent, less, since, gone)


def _since(since: Since, verdict: Verdict, extent: Extent, run: Path) -> Since:
    """The same, with what the last runs' summaries say: which causes come and go, and which were causes and still do not hold."""
    last = alike(run.parent, run.name, extent.selection, extent.inventory)
    wrong = {str(row.name) for row in verdict.results if row.result.outcome in FINDINGS}
    causes = {str(cause.name) for cause in verdict.causes}
    held = ({*last[-1].causes, *last[-1].held} & wrong) - causes if last else set()
    told = [*({*each.causes, *each.held} for each in last), causes | held]
    new = tuple(name for name in since.new if not last or str(name) not in last[-1].held)
    return replace(since, new=new, flapping=flapping(told), held=tuple(sorted(held)))
