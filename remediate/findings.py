"""findings.json: what a run concluded, as data (contract "findings.json").  Read back strictly."""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec import Struct

from evidence.spec import Result
from remediate.steps import Step
from verdict.judge import Cause, Named

SCHEMA = 1
FILE = "findings.json"


class FindingsError(Exception):
    """A run's findings cannot be used.  Its text is a sentence that says why, and what to do."""


class Stored(Struct, frozen=True, forbid_unknown_fields=True):
    """Base of what findings.json holds: immutable and strict."""


class Row(Stored, frozen=True):
    """One result."""

    check: str
    subject: str
    severity: str
    outcome: str
    expected: str = ""
    observed: str = ""
    evidence: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    blocked_by: tuple[Named, ...] = ()
    waiver: str | None = None
    reason: str = ""
    culprits: tuple[str, ...] = ()


class CauseRow(Stored, frozen=True):
    """One cause, with what it explains and what to type."""

    check: str
    subject: str
    consequences: tuple[Named, ...] = ()
    steps: tuple[Step, ...] = ()
    notes: tuple[str, ...] = ()


class Findings(Stored, frozen=True, kw_only=True):
    """The whole file.  `run` is the name of the run's folder."""

    schema: int = SCHEMA
    run: str
    results: tuple[Row, ...]
    causes: tuple[CauseRow, ...]
    counts: dict[str, int]


def load(path: Path) -> Findings:
    """The findings in a file, or in the folder of a run.  Raises FindingsError, and nothing else."""
    source = path / FILE if path.is_dir() else path
    try:
        return msgspec.json.decode(source.read_bytes(), type=Findings)
    except OSError as error:
        raise FindingsError(
            f"{source} cannot be read ({error.strerror}): run pytest first, or name another run"
        ) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        said = " ".join(str(error).split())
        raise FindingsError(f"{source} is not what a run of this version wrote ({said}): run pytest again") from None


def causes_in(findings: Findings) -> tuple[Cause, ...]:
    """The causes as the verdict had them."""
    rows = {Named(row.check, row.subject): row for row in findings.results}
    found: list[Cause] = []
    for cause in findings.causes:
        name = Named(cause.check, cause.subject)
        if name in rows:
            consequences = tuple(_result(rows[other]) for other in cause.consequences if other in rows)
            found.append(Cause(_result(rows[name]), consequences))
    return tuple(found)


def _result(row: Row) -> Result:
    return Result(
        row.check,
        row.subject,
        row.severity,
        row.outcome,
        row.expected,
        row.observed,
        row.evidence,
        row.missing,
        culprits=row.culprits,
        reason=row.reason,
    )
