"""Where the suite lies, where its runs are kept, and what an operator types to start it."""

from __future__ import annotations

import importlib
import os
import re
import shlex
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
INSTALLED = PACKAGE / "suite"
"""Where an installed package has the suite: nothing of it lies beside other packages."""
RUNS = Path("reports") / "runs"
"""Where runs are kept below the project's root, if nobody says otherwise."""
CALLED = "AZ_CHECKS_CALLED"
"""The variable by which a run knows how it was called, so that the next step it prints can be pasted."""


VERSION = "0.1.0"
"""Of a checkout; what was installed knows its own."""


def version() -> str:
    """The version of the suite."""
    metadata = importlib.import_module("importlib.metadata")  # takes as long as all else that the command needs
    try:
        return str(metadata.version("triton-az-checks"))
    except metadata.PackageNotFoundError:
        return VERSION


def suite() -> Path:
    """The folder with conftest.py, checks and the rest: the checkout, or what was installed."""
    return INSTALLED if (INSTALLED / "conftest.py").is_file() else PACKAGE.parent


def runs(given: str | None, root: Path | None = None) -> Path:
    """Where runs are kept: as told, by AZ_RUNS, below `root` if one is given, in the checkout, or in the user's state folder."""
    named = given or os.environ.get("AZ_RUNS")
    if named:
        return Path(named).absolute()
    return _usual_runs() if root is None else root / RUNS


def _usual_runs() -> Path:
    if suite() != INSTALLED:
        return suite() / RUNS
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state, "triton-az-checks", "runs")


def plan_command(run: Path, *, latest: bool) -> str:
    """What prints the plan of a run, to be pasted where the run was started; the latest one needs no name."""
    named = _named(run, latest=latest)
    return f"{_called()} plan{f' {named}' if named else ''}"


def explain_command(run: Path, what: str, *, latest: bool) -> str:
    """What explains a cause of a run by its number; or, without one, names all of its causes."""
    named = _named(run, latest=latest)
    return " ".join(filter(None, (_called(), "explain", what, f"--run {named}" if named else "")))


def doctor_command(inventory: str) -> str:
    """What looks at the way in to the head nodes of an inventory."""
    known = os.environ.get("AZ_INVENTORY", "")
    named = "" if not inventory or (known and Path(known).resolve() == Path(inventory)) else shlex.quote(inventory)
    return " ".join(filter(None, (_called(), "doctor", named)))


def _named(run: Path, *, latest: bool) -> str:
    """How a command names a run; empty for the latest of where runs usually are."""
    usual = run.parent.resolve() == _usual_runs().resolve()
    return "" if latest and usual else shlex.quote(run.name if usual else str(run.absolute()))


_COMMAND = re.compile(r"(?<![\w./-])az-checks(?= [a-z-])")


def typeable(text: str) -> str:
    """A sentence in which our own commands stand as they can be typed here."""
    called = _called()
    return _COMMAND.sub(lambda _: called, text)


def _called() -> str:
    """The command as it was called; else as it can be called from here."""
    typed = os.environ.get(CALLED)
    if typed:
        return shlex.quote(typed)
    if suite() == INSTALLED:
        return "az-checks"
    return "./az-checks" if Path.cwd() == suite() else shlex.quote(str(suite() / "az-checks"))
