"""What was in motion while it was asked is asked again before it is a finding: a zone that boots, a service that was just started."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping

from evidence.subjects.motion import in_motion
from evidence.subjects.spec import FINDINGS, Result, Spec
from evidence.subjects.world import World
from reports.page import safe
from reports.waiting import places
from verdict.judge import Named, judge

PAUSE = 3.0
"""Seconds until it is asked again."""
MOST = 2
"""So many times it is asked again. What moves for longer wants `--wait`."""


def steadied(
    world: World,
    ask: Callable[[World, Collection[str]], World],
    results: Callable[[World], Iterable[Result]],
    specs: Mapping[str, Spec],
    say: Callable[[str], None],
    pause: Callable[[float], None] = time.sleep,
) -> World:
    """The world when nothing moves any more where something does not hold, or the last one."""
    for _ in range(MOST):
        moving = _moving(world)
        if not moving:
            break
        verdict = judge(results(world), specs, world)
        rows = [row.result for row in verdict.results if row.result.outcome in FINDINGS]
        there = places((Named(each.check, each.subject) for each in rows), verdict, world, compared=False) & {*moving}
        if not there:
            break
        for name in sorted(there):
            more = f" (and {len(moving[name]) - 1} more)" if len(moving[name]) > 1 else ""
            say(safe(f"{name} is in motion: {moving[name][0]}{more}. Asked again in {PAUSE:g} s."))
        pause(PAUSE)
        world = ask(world, there | {world.inventory.master})
    return world


def _moving(world: World) -> dict[str, tuple[str, ...]]:
    if world.evidence is None:
        return {}
    found = {dc.name: in_motion(dc, world.evidence) for dc in world.datacenters}
    return {name: what for name, what in found.items() if what}
