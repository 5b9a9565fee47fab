"""`notify_command:` in the inventory: what a nightly run found that the night before did not have, as JSON on a command's input.

The command is the operator's own, from his own file.  It is started without a shell, and nothing that a datacenter has answered is among
its words or in its environment: all of that is in the document.  Whatever becomes of it, the verdict and the exit code stay.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from evidence.inventory.model import Inventory
from evidence.subjects.spec import BLOCKED, BROKEN, NOT_APPLICABLE
from reports.before import changed_since
from reports.conclusion import Conclusion, Ending
from reports.findings import Findings
from reports.heading import coupling_told
from reports.page import counted
from reports.pages.summary import Summary
from reports.words import in_words
from verdict.judge import Named

SCHEMA = 1
SECONDS = 30.0
"""So long a command may take."""
_MOST = 100
"""So many findings that cannot be judged any more are named; their number is told in any case."""
_UNJUDGED = frozenset({BLOCKED, BROKEN})


class NewCause(Struct, frozen=True):
    """A cause that the night before did not have."""

    number: int
    check: str
    subject: str
    severity: str
    outcome: str
    words: str


class NightNews(Struct, frozen=True):
    """What became of the causes since the night `before` (empty: there was none), and what could be judged then and cannot now."""

    before: str = ""
    new: tuple[NewCause, ...] = ()
    fixed: tuple[Named, ...] = ()
    unjudged: tuple[Named, ...] = ()
    less: tuple[str, ...] = ()

    @property
    def none(self) -> bool:
        """Whether there is nothing to tell."""
        return not (self.new or self.fixed or self.unjudged or self.less)

    @property
    def told(self) -> str:
        """A line: for the subject of a mail."""
        parts = ((len(self.new), "new"), (len(self.fixed), "fixed"), (len(self.unjudged), "not judged any more"))
        told = ", ".join(f"{count} {what}" for count, what in parts if count)
        return told or f"{counted(len(self.less), 'thing')} less judged than before"


def is_told(conclusion: Conclusion) -> bool:
    """Whether a run is one of which others are told: a whole night, asked from the operator's own file.

    A replay has its inventory from stored evidence: a command in it may be anybody's.
    """
    extent = conclusion.extent
    return extent.selection == "nightly" and bool(extent.inventory) and not (extent.partial or extent.replayed)


def news_of(conclusion: Conclusion, before: Findings | None) -> NightNews:
    """What has changed since the night before.  Of a first night all causes are new."""
    then = before or Findings(run="", results=(), causes=(), counts={})
    since = changed_since(conclusion.verdict, then)
    judged = {Named(row.check, row.subject) for row in then.results if row.outcome not in (*_UNJUDGED, NOT_APPLICABLE)}
    rows = (row for row in conclusion.verdict.results if row.selected and row.result.outcome in _UNJUDGED)
    unjudged = tuple(row.name for row in rows if row.name in judged)
    causes = {cause.name: cause.finding for cause in conclusion.verdict.causes}
    new = tuple(
        NewCause(number, name.check, name.subject, finding.severity, finding.outcome, in_words(finding))
        for number, (name, finding) in enumerate(causes.items(), 1)
        if name in since.new
    )
    return NightNews(then.run, new, since.gone, unjudged, conclusion.less if before is not None else ())


def document(conclusion: Conclusion, summary: Summary, news: NightNews, ending: Ending, folder: str) -> bytes:
    """What the command reads: one JSON document."""
    told: dict[str, Any] = {
        "schema": SCHEMA,
        "test": False,
        "told": f"{coupling_told(conclusion.world)}: {news.told}",
        "master": conclusion.world.inventory.master,
        "inventory": summary.inventory,
        "run": summary.run,
        "folder": folder,
        "before": news.before,
        "started": summary.started,
        "finished": summary.finished,
        "suite": summary.suite,
        "exit_code": ending.exit_code,
        "counts": conclusion.verdict.counts,
        "causes": len(conclusion.verdict.causes),
        "new": news.new,
        "fixed": news.fixed,
        "unjudged": {"count": len(news.unjudged), "first": news.unjudged[:_MOST], "less": news.less},
    }
    return msgspec.json.encode(told) + b"\n"


def trial(inventory: Inventory) -> bytes:
    """What --notify-test sends: the same keys that every document has, and no news."""
    told = f"a test of notify_command in {inventory.path}: nobody was asked anything"
    return msgspec.json.encode({"schema": SCHEMA, "test": True, "told": told, "master": inventory.master}) + b"\n"


def notify(inventory: Inventory, text: bytes, seconds: float = SECONDS) -> str:
    """Start the command beside the inventory, and give it the text.  Returns why it failed, in a sentence; empty if it did not."""
    words = shlex.split(inventory.notify_command)
    try:
        process = subprocess.Popen(  # its own group: whatever it starts ends with it
            words,
            stdin=subprocess.PIPE,
            stdout=2,  # standard output is the report's
            cwd=Path(inventory.path).absolute().parent,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        return f"notify_command: {words[0]} cannot be started ({getattr(error, 'strerror', None) or error})"
    try:
        process.communicate(text, timeout=seconds)
    except subprocess.TimeoutExpired:
        _end(process)
        return f"notify_command: {words[0]} had not ended after {seconds:g} s, and was ended"
    except KeyboardInterrupt:
        _end(process)
        return f"notify_command: {words[0]} was interrupted"
    return f"notify_command: {words[0]} ended with {process.returncode}" if process.returncode else ""


def _end(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
