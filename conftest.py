"""Glue only: the suite's options, and what plugs into pytest.

One run: read the inventory, collect evidence once (in the controller, also under xdist), judge in the tests, and at the end
conclude, write the run's folder and tell the operator.
"""

from __future__ import annotations

import importlib
import pkgutil
import signal
import sys
from pathlib import Path

import pytest

import checks
from evidence.store import load
from evidence.subjects.claims import judged
from fixtures.check import validate
from fixtures.plugin import WORLD
from fixtures.world import asked, world_of
from reports.plugin import Keeper, keep, runs_of
from reports.progress import ProgressLine
from reports.settled import add_options, settled
from triton_az_checks import ending
from triton_az_checks.errors import OperatorError

pytest_plugins = ["fixtures.plugin", "reports.plugin"]


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("triton-az-checks")
    group.addoption(
        "--inventory",
        metavar="FILE",
        help="the coupling to judge (default: AZ_INVENTORY)",
    )
    group.addoption(
        "--datacenter",
        metavar="NAME",
        action="append",
        default=[],
        help="judge only this datacenter's subjects (repeatable); everything is collected all the same",
    )
    group.addoption("--waivers", metavar="FILE", help="these waivers instead of those that the inventory names")
    group.addoption("--runs", metavar="DIR", help="where runs are kept (default: AZ_RUNS, or reports/runs)")
    group.addoption("--evidence", metavar="RUN_OR_FILE", help="judge this stored evidence, and contact nobody")
    add_options(group)


def pytest_configure(config: pytest.Config) -> None:
    for module in pkgutil.iter_modules(checks.__path__):
        importlib.import_module(f"checks.{module.name}")
    validate()
    if hasattr(config, "workerinput"):
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the controller ends its workers
    else:
        ending.as_by_ctrl_c()
        ending.unbroken_output()  # before pytest's own reporter takes it
        config.pluginmanager.register(Keeper(config, Path(*checks.__path__)), "az-keeper")


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Get the evidence before pytest collects the tests: it adds instances to the subjects."""
    config = session.config
    handed = getattr(config, "workerinput", {}).get("az_evidence")
    if handed is not None:
        evidence = load(Path(handed))
        config.stash[WORLD] = judged(evidence.inventory, evidence)
        return
    progress = ProgressLine(sys.stderr)
    try:
        config.stash[WORLD] = settled(config, world_of(config, runs_of(config), progress), asked, progress)
    except OperatorError as error:
        raise pytest.UsageError(str(error)) from None
    if not config.option.collectonly:
        keep(config)
