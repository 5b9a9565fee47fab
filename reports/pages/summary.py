"""summary.json: what the history, the trend and the retention need of a run, so that nobody reads its large files for it."""

from __future__ import annotations

import datetime
import getpass
import hashlib
import platform
from pathlib import Path

import msgspec
from msgspec import Struct, field

from evidence.inventory.regular import NotRegularError, read_regular
from evidence.model import Evidence
from evidence.store import EvidenceError
from evidence.store import load as load_evidence
from evidence.subjects.spec import BLOCKED, CRITICAL, FAILED, Outcome
from reports.conclusion import Conclusion
from reports.findings import Findings, FindingsError
from reports.findings import load as load_findings

FILE = "summary.json"
LARGEST = 4 << 20
_UNKNOWN = "unknown"


class Replica(Struct, frozen=True):
    """How far a replica was behind its master, in changes; None where it was not seen."""

    behind: int | None = None
    waiting: float = 0.0


class Summary(Struct, frozen=True, kw_only=True):
    """One run in short.  `user`, `host` and `python` say who ran it, and from where; a run of an earlier version does not know them.

    `held` are causes of earlier runs that are none in this one, and do not hold either: they follow now, or could not be judged.
    `critical` and `warning` count what failed, `blocked` what could not be judged.  `sha256` is that of evidence.json.
    """

    schema: int = 1
    run: str
    started: str = ""
    finished: str = ""
    suite: str = ""
    user: str = _UNKNOWN
    host: str = _UNKNOWN
    python: str = _UNKNOWN
    inventory: str = ""
    selection: str = ""
    partial: bool = False
    replayed: bool = False
    lasting: bool = False
    critical: int = 0
    warning: int = 0
    blocked: int = 0
    counts: dict[Outcome, int] = field(default_factory=dict)
    causes: tuple[str, ...] = ()
    held: tuple[str, ...] = ()
    behind: dict[str, Replica] = field(default_factory=dict)
    sha256: str = ""

    @property
    def seconds(self) -> float | None:
        """How long it was asked; None where that is not known."""
        try:
            begun, ended = map(datetime.datetime.fromisoformat, (self.started, self.finished))
            return max(0.0, (ended - begun).total_seconds())
        except (ValueError, TypeError):
            return None

    @property
    def most_behind(self) -> int | None:
        """The replica that is furthest behind; None if none was seen."""
        return max((each.behind for each in self.behind.values() if each.behind is not None), default=None)

    @property
    def kind(self) -> str:
        """What kind of run it was, in a word or two."""
        if self.replayed:
            return "replay"
        return f"{self.selection}, a part".removeprefix(", ") if self.partial else self.selection or "whole"


def summary_of(conclusion: Conclusion, found: Findings, digest: str = "") -> Summary:
    """The summary of a run that is being written."""
    evidence, extent = conclusion.world.evidence, conclusion.extent
    told = _of(found, evidence, digest)
    who = {"user": _user(), "host": platform.node() or _UNKNOWN, "python": platform.python_version()}
    held = conclusion.since.held if conclusion.since is not None else ()
    return msgspec.structs.replace(told, replayed=extent.replayed, lasting=extent.lasting, held=held, **who)


def _of(found: Findings, evidence: Evidence | None, digest: str) -> Summary:
    failed = [row.severity for row in found.results if row.outcome == FAILED]
    replayed = not found.inventory
    return Summary(
        run=found.run,
        started=evidence.started if evidence is not None else "",
        finished=evidence.finished if evidence is not None else "",
        suite=evidence.suite_version if evidence is not None else "",
        inventory=found.inventory,
        selection=found.selection,
        partial=found.partial,
        replayed=replayed,
        lasting=not (found.partial or replayed) and found.selection in ("", "nightly", "postchange"),
        critical=failed.count(CRITICAL),
        warning=len(failed) - failed.count(CRITICAL),
        blocked=found.counts.get(BLOCKED, 0),
        counts=found.counts,
        causes=tuple(f"{cause.check}[{cause.subject}]" for cause in found.causes),
        behind=behind_in(evidence) if evidence is not None else {},
        sha256=digest,
    )


def behind_in(evidence: Evidence) -> dict[str, Replica]:
    """How far each replica is behind, by zone."""
    told: dict[str, Replica] = {}
    for name, seen in sorted(evidence.datacenters.items()):
        for alias, zone in sorted((seen.zones.value or {}).items()):
            if zone.progress is not None:
                known = zone.progress.value
                told[f"{name}.{alias}"] = Replica(known.behind, known.waiting) if known is not None else Replica()
    return told


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return _UNKNOWN


def digest_of(path: Path) -> str:
    """The sha256 of a file, as sha256sum prints it; empty if it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def encoded(summary: Summary) -> bytes:
    """The file's bytes."""
    return msgspec.json.format(msgspec.json.encode(summary), indent=1) + b"\n"


def load(folder: Path) -> Summary:
    """The summary of a run; of an earlier version's run it is made from its large files.  Raises FindingsError or EvidenceError."""
    try:
        return msgspec.json.decode(read_regular(folder / FILE, LARGEST), type=Summary)
    except (OSError, NotRegularError, msgspec.DecodeError, UnicodeDecodeError):
        found = load_findings(folder)
    source = folder / "evidence.json"
    return _of(found, load_evidence(source), digest_of(source))


def known(folder: Path) -> Summary | None:
    """The same, or None where there is none: what is damaged is no run."""
    try:
        return load(folder)
    except (FindingsError, EvidenceError):
        return None
