"""From results to all that is told about a run: the verdict, and the plan that puts it right."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import Struct

from evidence.spec import Result, Spec
from evidence.subjects import World
from remediate.plan import Plan, make_plan
from verdict.judge import Verdict, judge


class Conclusion(Struct, frozen=True):
    """What the reporters tell.  `specs` holds what each check says must hold."""

    verdict: Verdict
    plan: Plan
    world: World
    specs: Mapping[str, Spec]


def conclude(results: Iterable[Result], specs: Mapping[str, Spec], world: World) -> Conclusion:
    """Judge the results, and ask the remedies about the causes."""
    verdict = judge(results, specs, world)
    return Conclusion(verdict, make_plan(verdict.causes, world), world, specs)
