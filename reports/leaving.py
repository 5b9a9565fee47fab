"""What is done when a run has its verdict: its folder, and what the options want besides.  None of it changes the verdict."""

from __future__ import annotations

import datetime
import sys
from pathlib import Path

import pytest

from reports.conclusion import Conclusion, Ending
from reports.findings import findings_of
from reports.metrics import metrics, put
from reports.page import safe
from reports.pages.summary import summary_of
from reports.run import Run
from reports.screen import Next


def add_options(group: pytest.OptionGroup) -> None:
    group.addoption(
        "--metrics", metavar="FILE", help="write metrics.prom there too, as node_exporter's textfile collector reads it"
    )


def refuse(config: pytest.Config) -> None:
    """Raise UsageError for what could only fail at the end."""
    wanted = config.option.metrics
    if wanted is not None and not Path(wanted).absolute().parent.is_dir():
        raise pytest.UsageError(f"--metrics: {Path(wanted).absolute().parent} is no folder")


def leave(config: pytest.Config, conclusion: Conclusion, run: Run | None, commands: Next, ending: Ending) -> None:
    """Write the run's folder; then what is wanted elsewhere."""
    if run is not None:
        run.write(conclusion, commands, ending)
    if config.option.metrics is not None:
        _write_metrics(Path(config.option.metrics).absolute(), conclusion, run.name if run is not None else "", ending)


def _write_metrics(path: Path, conclusion: Conclusion, run: str, ending: Ending) -> None:
    summary = summary_of(conclusion, findings_of(conclusion, run))
    try:
        put(path, metrics(conclusion, summary, ending, datetime.datetime.now(datetime.UTC)))
    except OSError as error:
        said = f"--metrics: {path} cannot be written ({error.strerror or error}); the verdict stands"
        print(safe(said), file=sys.stderr)
