"""What is done when a run has its verdict: its folder, and what the options want besides.  None of it changes the verdict."""

from __future__ import annotations

import datetime
import os
import sys
from pathlib import Path

import pytest

from reports.allure import complete
from reports.before import previous
from reports.conclusion import Conclusion, Ending
from reports.findings import Findings, findings_of
from reports.metrics import metrics, put
from reports.notifying import document, is_told, news_of, notify, trial
from reports.page import safe
from reports.pages.summary import Summary, summary_of
from reports.run import Run
from reports.screen import Next
from triton_az_checks import places
from triton_az_checks.errors import OperatorError, UsageError

_LAST = "99999999T999999Z"
"""A run that is not kept comes after all that are."""


def tried(config: pytest.Config) -> int:
    """--notify-test: 0 if the command took it, 1 if it failed, 4 if there is none.  Nobody else is contacted."""
    from evidence.inventory.reading import read_inventory  # YAML: nothing else here needs it

    named = config.option.inventory or os.environ.get("AZ_INVENTORY")
    try:
        if not named or config.option.evidence is not None:
            raise UsageError(
                "--notify-test wants the inventory that has notify_command: az-checks run REGION.yaml --notify-test"
            )
        inventory = read_inventory(Path(named).absolute())
        if not inventory.notify_command:
            raise UsageError(f"{inventory.path} has no notify_command: docs/machines.md shows one")
    except OperatorError as error:
        print(f"az-checks: {safe(str(error))}", file=sys.stderr)
        return pytest.ExitCode.USAGE_ERROR
    failed = notify(inventory, trial(inventory))
    print(safe(failed or f"notify_command took the test: {inventory.notify_command}"))
    return 1 if failed else 0


def leave(config: pytest.Config, conclusion: Conclusion, run: Run | None, commands: Next, ending: Ending) -> None:
    """Write the run's folder; then what is wanted elsewhere."""
    before = _night_before(config, conclusion, run)  # first: when the folder is written, `keep` may remove that night
    if run is not None:
        run.write(conclusion, commands, ending)
    summary = summary_of(conclusion, findings_of(conclusion, run.name if run is not None else ""))
    if config.option.metrics is not None:
        _write_metrics(Path(config.option.metrics).absolute(), conclusion, summary, ending)
    if config.getoption("allure_report_dir", None):
        _complete_allure(Path(config.option.allure_report_dir), conclusion, summary, run, ending)
    if _is_told(conclusion):
        _notify(conclusion, summary, before, ending, str(run.path) if run is not None else "")


def _is_told(conclusion: Conclusion) -> bool:
    return bool(conclusion.world.told.notify_command) and is_told(conclusion)


def _night_before(config: pytest.Config, conclusion: Conclusion, run: Run | None) -> Findings | None:
    if not _is_told(conclusion):
        return None
    runs = run.home.parent if run is not None else Path(places.runs(config.option.runs))
    return previous(conclusion.extent, runs, run.name if run is not None else _LAST)


def _notify(conclusion: Conclusion, summary: Summary, before: Findings | None, ending: Ending, folder: str) -> None:
    """Tell what is new, if anything is."""
    news = news_of(conclusion, before)
    if news.none:
        return
    failed = notify(conclusion.world.told, document(conclusion, summary, news, ending, folder))
    if failed:
        print(safe(f"{failed}; the verdict stands, and nobody was told: {news.told}"), file=sys.stderr)


def _complete_allure(folder: Path, conclusion: Conclusion, summary: Summary, run: Run | None, ending: Ending) -> None:
    try:
        complete(folder, ending.began, conclusion, summary, run.path if run is not None else None)
    except OSError as error:
        said = f"--alluredir: {folder} is not complete ({error.strerror or error}); the verdict stands"
        print(safe(said), file=sys.stderr)


def _write_metrics(path: Path, conclusion: Conclusion, summary: Summary, ending: Ending) -> None:
    try:
        put(path, metrics(conclusion, summary, ending, datetime.datetime.now(datetime.UTC)))
    except OSError as error:
        said = f"--metrics: {path} cannot be written ({error.strerror or error}); the verdict stands"
        print(safe(said), file=sys.stderr)
