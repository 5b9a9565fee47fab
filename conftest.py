"""Glue only. One run: read the inventory, collect evidence once, judge in the tests, conclude, write the run's folder and tell."""

from __future__ import annotations

import importlib
import pkgutil
import signal
import sys
from pathlib import Path

import pytest

import checks
import fixtures.loading
import fixtures.options
import reports.doors
import reports.settled
from fixtures.check import validate
from fixtures.plugin import WORLD
from fixtures.world import asking, stored, world_of
from reports.plugin import Keeper, keep
from reports.progress import ProgressLine
from reports.settled import settled
from triton_az_checks import ending, places
from triton_az_checks.errors import OperatorError

pytest_plugins = ["fixtures.plugin", *(f"reports.{name}" for name in ("plugin", "leaving", "timeline", "night.plugin"))]


def pytest_addoption(parser: pytest.Parser) -> None:
    for module in (fixtures.options, reports.settled, reports.doors):
        module.add_options(parser.getgroup("triton-az-checks"))
    parser.extra_info["see"] = "az-checks --help, for the suite's own options; pytest --help, for all"


def load_checks() -> None:
    """Import every check: then the catalogue has it."""
    for module in pkgutil.iter_modules(checks.__path__):
        importlib.import_module(f"checks.{module.name}")
    validate()
    fixtures.loading.loaded()


def pytest_cmdline_main(config: pytest.Config) -> int | None:
    """--explain and --report tell what they are asked, and nothing else happens."""
    if config.option.explain is None and config.option.report is None:
        return None
    load_checks()
    if config.option.report is not None:  # a run needs nothing of these
        return importlib.import_module("reports.pages.command").reported(config)
    return importlib.import_module("reports.explaining").explained(config)


def pytest_configure(config: pytest.Config) -> None:
    if not config.option.help:
        load_checks()
    if hasattr(config, "workerinput"):
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the controller ends its workers
    else:
        ending.as_by_ctrl_c()
        config.add_cleanup(ending.unbroken_output().flush)  # before pytest's own reporter takes it
        config.pluginmanager.register(Keeper(config, Path(*checks.__path__)), "az-keeper")


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Get the evidence before pytest collects the tests: it adds instances to the subjects."""
    config = session.config
    if (handed := getattr(config, "workerinput", {}).get("az_evidence")) is not None:
        config.stash[WORLD] = stored(Path(handed))
        return
    progress = ProgressLine(sys.stderr)
    try:
        runs = places.runs(config.option.runs, config.rootpath)
        config.stash[WORLD] = settled(config, world_of(config, runs, progress), asking(config, runs), progress)
        keep(config)
    except OperatorError as error:
        raise pytest.UsageError(str(error)) from None
    except KeyboardInterrupt:
        pytest.exit("interrupted before anything was judged", pytest.ExitCode.INTERRUPTED)
