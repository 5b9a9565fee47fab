"""The folder of a run: reports/runs/<UTC time>; `latest` points to the newest run that is complete and not a replay, `latest-nightly` to
the newest of these with --nightly.

Until it is whole the folder has another name, and is held by the process that writes it: a run that was killed leaves nothing that
looks like one, and the next run removes what it left.
"""

from __future__ import annotations

import fcntl
import os
import sys
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from reports.conclusion import Conclusion, Ending
from reports.findings import encode, findings_of
from reports.junit import junit
from reports.metrics import FILE as METRICS
from reports.metrics import metrics
from reports.page import safe
from reports.pages.retention import WRITING, removed
from reports.pages.summary import FILE as SUMMARY
from reports.pages.summary import Summary, digest_of, encoded, summary_of
from reports.screen import Next
from triton_az_checks.errors import OperatorError

LATEST = "latest"
LATEST_NIGHTLY = "latest-nightly"
"""The stable name of the last night: neither a preflight, a part nor a replay takes its place."""
_MOST_AT_ONCE = 1000


class RunError(OperatorError):
    """A run cannot be kept. The message says why."""


INCOMPLETE = ".incomplete"
"""The end of the name of a folder with evidence that nobody judged, or that has not all of its files."""


class Run:
    """The folder of one run, made before anything is written into it: `path` is where it lies now, `home` where it will be whole."""

    def __init__(self, path: Path, home: Path) -> None:
        self.path, self.home = path, home
        self._held: int | None = None
        with suppress(OSError):  # a file system without locks: then nobody removes it either
            self._held = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            fcntl.flock(self._held, fcntl.LOCK_EX | fcntl.LOCK_NB)

    @property
    def name(self) -> str:
        return self.home.name

    @property
    def whole(self) -> bool:
        """Whether it is a run: all of its files are written."""
        return self.path == self.home

    def give_up(self) -> None:
        """Remove the folder if it is empty."""
        with suppress(OSError):
            self.path.rmdir()
        self._let_go()

    def leave(self) -> str:
        """Keep what there is under a name that is no run's; returns that name."""
        if self.whole:
            return self.name
        aside = self.home.with_name(f"{self.name}{INCOMPLETE}")
        with suppress(OSError):
            self.path.rename(aside)
            self.path = aside
        self._let_go()
        return self.path.name

    def write(self, conclusion: Conclusion, commands: Next | None = None, ending: Ending | None = None) -> bool:
        """Write all files, give the folder its name, and let `latest` point here unless the run was partial or a replay.

        A full disk costs the files, never the verdict: it is told in a sentence, and False is returned.
        """
        try:
            found = findings_of(conclusion, self.name)
            summary = summary_of(conclusion, found, digest_of(self.path / "evidence.json"))
            self.keep("findings.json", encode(found))
            self.keep("junit.xml", junit(conclusion, summary, self.home, ending))
            self.keep(SUMMARY, encoded(summary))
            self.keep(METRICS, metrics(conclusion, summary, ending or Ending(), datetime.now(UTC)))
            self._show(conclusion, summary, commands or Next())
            self.path.rename(self.home)
            self.path = self.home
            self._let_go()
            if conclusion.extent.lasting:
                self._point_to(LATEST)
            if conclusion.extent.night:
                self._point_to(LATEST_NIGHTLY)
        except OSError as error:
            left = self.path.with_name(self.leave())
            said = f"the run's folder {left} is not complete: {error.strerror or error}; the verdict stands"
            print(safe(said), file=sys.stderr)
            return False
        self._forget(conclusion)
        return True

    def _show(self, conclusion: Conclusion, summary: Summary, commands: Next) -> None:
        """The page."""
        from reports.pages.report import report_page  # jinja2 is loaded only where a page is written

        try:
            page = report_page(conclusion, summary, self.home.parent, commands)
        except Exception as error:  # a defect of ours must not cost the verdict
            print(
                safe(f"report.html is not written ({error!r}): please report it; the verdict stands"), file=sys.stderr
            )
            return
        self.keep("report.html", page)

    def _forget(self, conclusion: Conclusion) -> None:
        """Remove the runs that `keep` does not keep.  A replay removes nothing."""
        if conclusion.extent.inventory:
            removed(self.home.parent, conclusion.world.told, conclusion.extent.inventory, datetime.now(UTC))

    def _let_go(self) -> None:
        if self._held is not None:
            os.close(self._held)
            self._held = None

    def keep(self, name: str, content: bytes) -> None:
        """Write a file of the run in one piece: nobody reads half of it."""
        aside = self.path / f".{name}.part"
        try:
            aside.write_bytes(content)
            aside.replace(self.path / name)
        except OSError:
            with suppress(OSError):
                aside.unlink()
            raise

    def _point_to(self, name: str) -> None:
        """Replace a stable name atomically. If two runs end together, the last one wins."""
        aside = self.path.parent / f".{name}.{self.name}"
        with suppress(FileNotFoundError):
            aside.unlink()
        aside.symlink_to(self.name)
        try:
            aside.replace(self.path.parent / name)
        except OSError:
            with suppress(OSError):
                aside.unlink()
            raise


def new_run(runs: Path, now: datetime | None = None) -> Run:
    """Make a fresh folder among the runs. Two runs within one second get two folders."""
    stamp = (now or datetime.now(UTC)).astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    try:
        runs.mkdir(parents=True, exist_ok=True)
        for number in range(1, _MOST_AT_ONCE):
            home = runs / (stamp if number == 1 else f"{stamp}-{number}")
            path = runs / f".{home.name}{WRITING}"
            with suppress(FileExistsError):
                path.mkdir(mode=0o750)
                if not home.exists():
                    return Run(path, home)
                path.rmdir()
    except OSError as error:
        raise RunError(f"{runs} cannot be written ({error.strerror or error})") from None
    raise RunError(f"{runs} holds {_MOST_AT_ONCE} runs of the second {stamp}")
