"""The options by which pytest only tells something, and ends: only conftest.py knows the checks."""

from __future__ import annotations

import pytest


def add_options(group: pytest.OptionGroup) -> None:
    group.addoption("--explain", metavar="WHAT", help="a cause's number, CHECK or CHECK@SUBJECT: explain it, and end")
    group.addoption("--of-run", metavar="RUN", help="the run that --explain is about (default: the latest)")
    group.addoption("--report", metavar="JSON", help="the words of `az-checks report`, as a list: do that, and end")
