"""Where a run is, and what an operator types next about it."""

from __future__ import annotations

from pathlib import Path

from reports.conclusion import Conclusion
from reports.run import LATEST_NIGHTLY, Run
from reports.screen import Next
from triton_az_checks import places


def folder_told(run: Run, conclusion: Conclusion) -> str:
    """For a mail: the run, and where its page is; that of the last night has a name that stays."""
    night = run.whole and conclusion.extent.night
    return f"{run.name}, {(run.home.with_name(LATEST_NIGHTLY) if night else run.path) / 'report.html'}"


def commands_of(run: Path | None, conclusion: Conclusion) -> Next:
    """What an operator types next, about this very run; nothing about one that is not kept."""
    if run is None:
        return Next()
    latest = conclusion.extent.lasting
    return Next(
        places.explain_command(run, "1", latest=latest),
        places.explain_command(run, "", latest=latest),
        places.plan_command(run, latest=latest),
        places.doctor_command(conclusion.extent.inventory),
    )
