"""The options about what a run leaves elsewhere, and what is refused of them at once."""

from __future__ import annotations

from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("triton-az-checks")
    group.addoption(
        "--metrics", metavar="FILE", help="write metrics.prom there too, as node_exporter's textfile collector reads it"
    )
    group.addoption(
        "--notify-test",
        action="store_true",
        help="give notify_command of the inventory a test, say how it went, and end",
    )


def pytest_cmdline_main(config: pytest.Config) -> int | None:
    """--notify-test does that alone."""
    if not config.option.notify_test:
        return None
    from reports.left import tried  # what tells of a verdict is loaded where there is one

    return tried(config)


def refuse(config: pytest.Config) -> None:
    """Raise UsageError for what could only fail at the end."""
    wanted = config.option.metrics
    if wanted is not None and not Path(wanted).absolute().parent.is_dir():
        raise pytest.UsageError(f"--metrics: {Path(wanted).absolute().parent} is no folder")
