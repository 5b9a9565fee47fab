"""The options --wait and --wait-for: how a run waits before it judges."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

import pytest

from evidence.deadline import Deadline
from evidence.inventory.model import Inventory
from evidence.model import Evidence
from evidence.subjects.world import World
from fixtures.check import CHECKS
from fixtures.world import DEADLINE
from reports.progress import ProgressLine

if TYPE_CHECKING:
    from evidence.subjects.spec import Result

Asked = Callable[[Inventory, ProgressLine, Evidence | None, Collection[str] | None, Deadline | None], World]


def add_options(group: pytest.OptionGroup) -> None:
    group.addoption(
        "--wait",
        metavar="TIME",
        help="ask again until all is well, for so long at most (5m): only what has not settled, and then all of it once more",
    )
    group.addoption(
        "--wait-for", metavar="CHECK[SUBJECT]", action="append", default=[], help="wait only until this is no cause"
    )


def settled(config: pytest.Config, world: World, asked: Asked, progress: ProgressLine) -> World:
    """The world after --wait. Without it, only what was in motion is asked again."""
    if world.evidence is None or (config.option.wait is None and config.option.evidence is not None):
        return world
    from evidence.inventory.duration import seconds_in
    from fixtures.quiet import results  # what judges is loaded where there is something to judge
    from fixtures.selection import chosen
    from reports.steady import steadied
    from reports.waiting import Waiting

    deadline = config.stash.get(DEADLINE, None)

    def ask(before: World, again: Collection[str] | None) -> World:
        return asked(before.told, progress, before.evidence, again, deadline)

    if deadline is not None and deadline.over:
        return world
    if config.option.wait is None:
        return steadied(world, ask, results, CHECKS, progress.say)
    patience = seconds_in(config.option.wait)
    if patience is None or config.option.evidence is not None:
        why = "it wants a time, such as 5m" if patience is None else "stored evidence does not change"
        raise pytest.UsageError(f"--wait: {why}")
    patience = patience if deadline is None else min(patience, deadline.left)
    selected, names = chosen(config), {*config.option.wait_for}

    def is_chosen(result: Result) -> bool:
        return selected(result) and (not names or f"{result.check}[{result.subject}]" in names)

    waiting = Waiting(ask, results, CHECKS, is_chosen, progress.say, progress, causes_alone=bool(names))
    return waiting.until_well(world, patience)
