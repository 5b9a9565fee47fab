"""Judges evidence without pytest: every check on every subject, in milliseconds, for table-driven tests."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from functools import cache

import checks
from evidence.model import Evidence
from evidence.subjects.claims import judged
from fixtures.check import CHECKS, FUNCTIONS, validate
from fixtures.quiet import results
from verdict.judge import Verdict, judge


@cache
def check_functions() -> dict[str, Callable[..., None]]:
    """Every check's function by its id."""
    for module in pkgutil.iter_modules(checks.__path__):
        importlib.import_module(f"checks.{module.name}")
    validate()
    return FUNCTIONS


def verdict_on(evidence: Evidence) -> Verdict:
    """The verdict on one evidence."""
    check_functions()
    world = judged(evidence.inventory, evidence)
    return judge(results(world), CHECKS, world)
