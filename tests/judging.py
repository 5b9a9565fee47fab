"""Judge evidence without pytest: every check on every subject, in milliseconds, for table-driven tests."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable
from functools import cache

import pytest

import checks
from evidence.facts import Missing, touched_facts
from evidence.model import Evidence
from evidence.spec import Result
from evidence.subjects import World, bind, subjects
from fixtures.check import CHECKS, check_id, parameters
from fixtures.outcomes import result_of
from verdict.judge import Verdict, judge


@cache
def check_functions() -> dict[str, Callable[..., None]]:
    """Every check's function by its id."""
    found: dict[str, Callable[..., None]] = {}
    for module in pkgutil.iter_modules(checks.__path__):
        members = inspect.getmembers(importlib.import_module(f"checks.{module.name}"), inspect.isfunction)
        found |= {check_id(name): member for name, member in members if name.startswith("test_")}
    return found


def results(world: World) -> list[Result]:
    """What each check says of each of its subjects."""
    found: list[Result] = []
    for check, function in sorted(check_functions().items()):
        spec, names = CHECKS[check], parameters(function)
        for subject in subjects(world, spec.subject, spec.stage, check):
            error: BaseException | None = None
            with touched_facts() as facts:
                try:
                    function(**bind(world, subject, names))
                except (AssertionError, Missing, pytest.skip.Exception) as raised:
                    error = raised
            found.append(result_of(spec, subject.id, error, None, facts))
    return found


def verdict_on(evidence: Evidence) -> Verdict:
    """The verdict on one evidence."""
    check_functions()
    world = World(evidence.inventory, evidence)
    return judge(results(world), CHECKS, world)
