"""Plugs the nightly into pytest: its options, its lock, its deadline, and the line that makes the subject of a mail."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator
from pathlib import Path

import pytest

from evidence.deadline import Deadline
from fixtures.world import DEADLINE
from reports.extent import NIGHTLY
from reports.night.lock import HeldError, hold
from reports.page import safe
from triton_az_checks import places
from triton_az_checks.errors import OperatorError, UsageError

HELD = 6
"""The exit code where another nightly is at work."""
WRONG_USE = 4


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("triton-az-checks")
    group.addoption("--night", action="store_true", help="hold the lock of the nightly, and tell in a mail's words")
    group.addoption(
        "--deadline",
        metavar="TIME",
        help="the whole run's time (2h): what was seen until then is judged, the rest is blocked",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> int | None:
    """Begin the time, and take the lock, before anybody is asked."""
    if hasattr(config, "workerinput"):
        return None
    try:
        _begin(config)
    except HeldError as error:
        print(f"az-checks nightly: {safe(str(error))}", file=sys.stderr)
        return HELD
    except OperatorError as error:
        print(f"az-checks {'nightly' if config.option.night else 'run'}: {safe(str(error))}", file=sys.stderr)
        return WRONG_USE
    return None


def _begin(config: pytest.Config) -> None:
    option = config.option
    if option.deadline is not None:
        from evidence.inventory.duration import seconds_in

        seconds = seconds_in(option.deadline)
        if not seconds or option.evidence is not None:
            why = "stored evidence is not waited for" if seconds else "it wants a time, such as 2h"
            raise UsageError(f"--deadline: {why}")
        config.stash[DEADLINE] = Deadline(seconds)
    if option.night and not option.collectonly:
        named = option.inventory or os.environ.get("AZ_INVENTORY")
        if option.evidence is not None or option.markexpr != NIGHTLY:
            raise UsageError("it takes neither --evidence nor -m: that is for az-checks run")
        if named:  # without one the run says what to give it
            hold(places.runs(config.option.runs, config.rootpath), Path(named))


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None, None, None]:
    """One line above the screen that says the whole result: before pytest's own empty line, so it is the first."""
    yield
    plugins = session.config.pluginmanager
    conclusion = getattr(plugins.get_plugin("az-keeper"), "conclusion", None)
    reporter = plugins.get_plugin("terminalreporter")
    if session.config.option.night and conclusion is not None and reporter is not None:
        from reports.night.subject import subject

        reporter.write_line(safe(subject(conclusion)))
