"""What the end of a run tells, by how much is asked for: -q, nothing, -v, -vv."""

from __future__ import annotations

import datetime
from pathlib import Path

from reports.conclusion import Conclusion
from reports.lines import write_lines
from reports.output import EVIDENCE
from reports.page import Look, Page
from reports.screen import Next, causes_alone, screen
from reports.terminal import in_full, write_the_rest

QUIET, USUAL, LINES = -1, 0, 1


def told(
    conclusion: Conclusion,
    look: Look,
    level: int = USUAL,
    *,
    folder: Path | str | None = None,
    commands: Next | None = None,
    now: datetime.datetime | None = None,
) -> str:
    """The causes alone; or the first screen, below each check (-v) and below the long report (-vv)."""
    if level <= QUIET:
        return causes_alone(conclusion, look)
    parts = []
    if level >= LINES:
        page = Page.looking(look)
        write_lines(page, conclusion, evidence=level >= EVIDENCE)
        if level < EVIDENCE:
            write_the_rest(page, conclusion)
        parts.append(str(page))
    if level >= EVIDENCE:
        parts.append(in_full(conclusion, look))
    parts.append(screen(conclusion, look, folder=folder, commands=commands, now=now))
    return "\n\n".join(part.rstrip("\n") for part in parts)
