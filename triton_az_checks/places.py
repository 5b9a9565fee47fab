"""Where the suite lies, where its runs are kept, and what an operator types to start it."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
INSTALLED = PACKAGE / "suite"
"""Where an installed package has the suite: nothing of it lies beside other packages."""
CALLED = "AZ_CHECKS_CALLED"
"""The variable by which a run knows how it was called, so that the next step it prints can be pasted."""


def suite() -> Path:
    """The folder with conftest.py, checks and the rest: the checkout, or what was installed."""
    return INSTALLED if (INSTALLED / "conftest.py").is_file() else PACKAGE.parent


def runs(given: str | None) -> Path:
    """Where runs are kept: as told, by AZ_RUNS, in the checkout, or in the user's state folder."""
    named = given or os.environ.get("AZ_RUNS")
    if named:
        return Path(named).absolute()
    if suite() != INSTALLED:
        return suite() / "reports" / "runs"
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state, "triton-az-checks", "runs")


def called(typed: str) -> str:
    """How the command can be typed again from here, given what was typed: its name if PATH has it, else its path."""
    return shlex.quote(typed) if typed else "az-checks"
