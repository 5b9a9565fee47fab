"""The folder of a run: reports/runs/<UTC time>; `latest` points to the newest run that is complete and not a replay."""

from __future__ import annotations

import sys
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from reports.conclusion import Conclusion
from reports.findings import encode, findings_of
from reports.junit import junit
from reports.page import safe
from triton_az_checks.errors import OperatorError

RUNS = Path("reports") / "runs"
"""Where runs are kept below the project's root, if nobody says otherwise."""
LATEST = "latest"
_MOST_AT_ONCE = 1000


class RunError(OperatorError):
    """A run cannot be kept. The message says why."""


class Run:
    """The folder of one run, made before anything is written into it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def name(self) -> str:
        return self.path.name

    def give_up(self) -> None:
        """Remove the folder if it is empty."""
        with suppress(OSError):
            self.path.rmdir()

    def write(self, conclusion: Conclusion) -> bool:
        """Write findings.json and junit.xml, and let `latest` point here unless the run was partial or a replay.

        A full disk costs the files, never the verdict: it is told in a sentence, and False is returned.
        """
        try:
            self.keep("findings.json", encode(findings_of(conclusion, self.name)))
            self.keep("junit.xml", junit(conclusion))
            if conclusion.extent.lasting:
                self._point_to()
        except OSError as error:
            said = f"the run's folder {self.path} is not complete: {error.strerror or error}; the verdict stands"
            print(safe(said), file=sys.stderr)
            return False
        return True

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

    def _point_to(self) -> None:
        """Replace `latest` atomically. If two runs end together, the last one wins."""
        aside = self.path.parent / f".{LATEST}.{self.name}"
        with suppress(FileNotFoundError):
            aside.unlink()
        aside.symlink_to(self.name)
        try:
            aside.replace(self.path.parent / LATEST)
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
            path = runs / (stamp if number == 1 else f"{stamp}-{number}")
            with suppress(FileExistsError):
                path.mkdir(mode=0o750)
                return Run(path)
    except OSError as error:
        raise RunError(f"{runs} cannot be written ({error.strerror or error})") from None
    raise RunError(f"{runs} holds {_MOST_AT_ONCE} runs of the second {stamp}")
