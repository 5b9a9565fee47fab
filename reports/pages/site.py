"""The last runs as a folder of pages with an index: to be served by any web server, or mailed."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from evidence.inventory.regular import NotRegularError, read_regular
from reports.findings import FindingsError
from reports.findings import load as load_findings
from reports.pages.changes import Changes, changes
from reports.pages.nights import NIGHTS, comparable, folders
from reports.pages.rendering import render
from reports.pages.report import FILE
from reports.pages.summary import Summary, known
from reports.pages.trend import HIGH, WIDE, charts_of, when
from triton_az_checks.errors import UsageError

INDEX = "index.html"
MARK = b"triton-az-checks site"
_LARGEST = 256 << 20


class Listed(Struct, frozen=True):
    """A run in the index."""

    run: str
    when: str
    kind: str
    state: str
    causes: int
    findings: int
    told: str
    page: str


def write_site(runs: Path, folder: Path, page: Callable[[Path], bytes], most: int = NIGHTS) -> tuple[Path, int]:
    """Write the pages of the last runs and their index.  `page` makes one that a run does not have yet."""
    _ours(folder)
    told = [(path, summary) for path in folders(runs)[-most:] if (summary := known(path)) is not None]
    if not told:
        raise UsageError(f"there is no run in {runs}: az-checks run REGION.yaml makes one")
    listed = [_listed(path, summary, told) for path, summary in told]
    for path, summary in told:
        _put(folder / f"{summary.run}.html", _page(path, page))
    last = told[-1][1]
    same = [summary for _, summary in told if comparable(summary, last)] or [last]
    kept = {f"{summary.run}.html" for _, summary in told} | {INDEX}
    index = render(
        "index.html", mark=MARK.decode(), runs=listed[::-1], nights=same, charts=charts_of(same), chart=(WIDE, HIGH), of=last.inventory,
    )  # fmt: skip
    _put(folder / INDEX, index)
    for old in folder.glob("2*Z*.html"):
        if old.name not in kept:
            old.unlink()
    return folder / INDEX, len(told)


def _ours(folder: Path) -> None:
    """Only an empty folder, or one that this command has filled, is written into."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()) and MARK not in (folder / INDEX).read_bytes():
            raise UsageError(f"{folder} has another {INDEX}: name an empty folder")
    except FileNotFoundError:
        raise UsageError(f"{folder} has files in it that az-checks did not write: name an empty folder") from None
    except OSError as error:
        raise UsageError(f"{folder} cannot be used ({error.strerror})") from None


def _page(path: Path, page: Callable[[Path], bytes]) -> bytes:
    try:
        return read_regular(path / FILE, _LARGEST)
    except (OSError, NotRegularError):
        return page(path)


def _put(path: Path, content: bytes) -> None:
    """In one piece, readable by whoever serves it."""
    aside = path.with_name(f".{path.name}.part")
    try:
        aside.write_bytes(content)
        os.chmod(aside, 0o644)  # noqa: PTH101
        aside.replace(path)
    except OSError as error:
        aside.unlink(missing_ok=True)
        raise UsageError(f"{path} cannot be written ({error.strerror})") from None


def _since(found: Changes) -> str:
    """What became of the findings, in a few words."""
    parts = {"new": len(found.new) + len(found.unseen), "fixed": len(found.fixed), "still": len(found.still)}
    return ", ".join(f"{count} {what}" for what, count in parts.items() if count) or "the same"


def _listed(path: Path, summary: Summary, told: list[tuple[Path, Summary]]) -> Listed:
    """A run with what became of it since the one before of its kind."""
    earlier = [each for each in told if each[1].run < summary.run and comparable(each[1], summary)]
    since = ""
    if earlier:
        try:
            found = changes(load_findings(earlier[-1][0]), load_findings(path))
            since = _since(found)
        except FindingsError:
            since = "cannot be compared"
    findings = summary.critical + summary.warning + summary.blocked
    state = "bad" if summary.causes else "ok"
    return Listed(
        summary.run, when(summary.run), summary.kind, state, len(summary.causes), findings, since, f"{summary.run}.html"
    )
