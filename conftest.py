"""Glue only: the suite's options, and what plugs into pytest.

One run: read the inventory, collect evidence once (in the controller, also under xdist), judge in the tests, and at the end
conclude, write the run's folder and tell the operator.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import pkgutil
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest

pytest.register_assert_rewrite("checks")

import checks  # noqa: E402
from evidence.inventory import Inventory  # noqa: E402
from evidence.model import Evidence  # noqa: E402
from evidence.reading import InventoryError, read_inventory  # noqa: E402
from evidence.redact import FingerprintKeyError  # noqa: E402
from evidence.spec import Result  # noqa: E402
from evidence.store import EvidenceError, load, save  # noqa: E402
from evidence.subjects import World  # noqa: E402
from fixtures.check import CHECKS  # noqa: E402
from fixtures.plugin import WORLD, result_in  # noqa: E402
from reports.conclude import Conclusion, conclude  # noqa: E402
from reports.progress import Progress  # noqa: E402
from reports.run import Run, RunError, new_run  # noqa: E402
from reports.terminal import summary  # noqa: E402

pytest_plugins = ["fixtures.plugin"]

RUN = pytest.StashKey[Run]()
HELP = (
    "give it one with --inventory FILE or AZ_INVENTORY, or replay a run with --evidence; region.example.yaml explains"
)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("triton-az-checks")
    group.addoption(
        "--inventory",
        metavar="FILE",
        help="the coupling to judge (default: AZ_INVENTORY)",
    )
    group.addoption("--evidence", metavar="RUN_OR_FILE", help="judge this stored evidence, and contact nobody")


def pytest_configure(config: pytest.Config) -> None:
    for module in pkgutil.iter_modules(checks.__path__):
        importlib.import_module(f"checks.{module.name}")
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Keeper(config), "az-keeper")


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Get the evidence before pytest collects the tests: it adds instances to the subjects."""
    config = session.config
    handed = getattr(config, "workerinput", {}).get("az_evidence")
    if handed is not None:
        evidence = load(Path(handed))
        config.stash[WORLD] = World(evidence.inventory, evidence)
        return
    try:
        config.stash[WORLD] = _world(config)
    except (InventoryError, EvidenceError, FingerprintKeyError) as error:
        raise pytest.UsageError(str(error)) from None


def _world(config: pytest.Config) -> World:
    stored = config.getoption("evidence")
    if stored is not None:
        evidence = load(Path(stored))
        if not config.option.collectonly:
            _keep(config, evidence)
        return World(evidence.inventory, evidence)
    inventory = _inventory(config)
    if config.option.collectonly:
        return World(inventory)
    from evidence.collect import collect  # replaying does not need the clients that collecting needs

    progress = Progress(sys.stderr)
    try:
        with warnings.catch_warnings(action="ignore"):  # libraries' own: an operator can do nothing about them
            evidence = asyncio.run(collect(inventory, progress))
    finally:
        progress.done()
    _keep(config, evidence)
    return World(inventory, evidence)


def _inventory(config: pytest.Config) -> Inventory:
    named = config.getoption("inventory") or os.environ.get("AZ_INVENTORY")
    if not named:
        raise pytest.UsageError(f"no inventory was given: {HELP}")
    return read_inventory(Path(named))


def _keep(config: pytest.Config, evidence: Evidence) -> None:
    """Open the run's folder, and store the evidence there.  A full disk must not cost the verdict."""
    try:
        run = new_run(Path(config.rootpath))
        config.stash[RUN] = run
        save(evidence, run.path / "evidence.json")
    except (RunError, OSError) as error:
        print(f"this run is not kept: {error}", file=sys.stderr)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Hand the path of the evidence to an xdist worker: it judges its share, and collects nothing."""
    run = node.config.stash.get(RUN, None)
    if run is None:
        raise pytest.UsageError("-n needs the run's folder, which could not be written; run without -n")
    node.workerinput["az_evidence"] = str(run.path / "evidence.json")


class Keeper:
    """Keeps the results of one run in the controller, and concludes from them at its end."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.results: list[Result] = []
        self.conclusion: Conclusion | None = None

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        result = result_in(report)
        if result is not None:
            self.results.append(result)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self) -> None:
        if not self.results:
            return
        self.conclusion = conclude(self.results, CHECKS, self.config.stash[WORLD])
        run = self.config.stash.get(RUN, None)
        if run is not None:
            run.write(self.conclusion)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.conclusion is None:
            return
        run, writer = self.config.stash.get(RUN, None), terminalreporter._tw
        text = summary(
            self.conclusion, width=writer.fullwidth, colour=writer.hasmarkup, folder=run.path if run else None
        )
        terminalreporter.ensure_newline()
        writer.line(text)
