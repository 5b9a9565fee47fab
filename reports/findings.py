"""findings.json, both ways: what a run concluded, as data (contract "findings.json"), and read back strictly.

The same verdict gives the same bytes, except for the name of the run.
"""

from __future__ import annotations

import datetime
from pathlib import Path

import msgspec
from msgspec import Struct

from evidence.inventory.regular import NotRegularError, read_regular
from evidence.subjects.spec import FINDINGS, WAIVED, Outcome, Result, Severity, page_of
from remediate.plan import Plan
from remediate.steps import Step
from reports.conclusion import Conclusion
from triton_az_checks import places
from triton_az_checks.errors import OperatorError
from verdict.judge import Cause, Judged, Named

SCHEMA = 1
FILE = "findings.json"
LARGEST = 64 << 20


class FindingsError(OperatorError):
    """A run's findings cannot be used. The message says why, and what to do."""


class Stored(Struct, frozen=True, forbid_unknown_fields=True):
    """The base of everything in findings.json: immutable and strict."""


class WaiverRow(Stored, frozen=True):
    """The waiver of a finding.

    `was` is what the finding was before: failed or blocked. If the waiver was written for the finding's causes, `through` names them.
    An expired waiver waives nothing.
    """

    check: str
    subject: str
    reason: str
    owner: str
    until: datetime.date
    ticket: str = ""
    was: str = ""
    through: tuple[Named, ...] = ()
    expired: bool = False


class Row(Stored, frozen=True):
    """One result. `page` says where the check of a finding is explained. A cause that was not asked for is not `selected`.

    `lacks` is the subject whose evidence is missing, where that is another one.
    """

    check: str
    subject: str
    severity: Severity
    outcome: Outcome
    expected: str = ""
    observed: str = ""
    evidence: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    blocked_by: tuple[Named, ...] = ()
    waiver: WaiverRow | None = None
    reason: str = ""
    culprits: tuple[str, ...] = ()
    page: str = ""
    selected: bool = True
    lacks: str = ""


class CauseRow(Stored, frozen=True):
    """One cause, with what follows from it and what to type."""

    check: str
    subject: str
    consequences: tuple[Named, ...] = ()
    steps: tuple[Step, ...] = ()
    notes: tuple[str, ...] = ()


class Findings(Stored, frozen=True, kw_only=True):
    """The whole file.  `run` is the name of the run's folder; `remarks` are sentences about the run as a whole.

    `partial`, `selection` and `inventory` say what the run was asked to judge (reports/extent.py).  `suite` is the version that judged;
    `started` and `finished` say when the evidence was collected.  docs/findings.schema.json is made from these classes.
    """

    schema: int = SCHEMA
    run: str
    results: tuple[Row, ...]
    causes: tuple[CauseRow, ...]
    counts: dict[Outcome, int]
    partial: bool = False
    selection: str = ""
    inventory: str = ""
    remarks: tuple[str, ...] = ()
    suite: str = ""
    started: str = ""
    finished: str = ""


def findings_of(conclusion: Conclusion, run: str) -> Findings:
    """The content of findings.json for a run."""
    verdict, evidence = conclusion.verdict, conclusion.world.evidence
    return Findings(
        run=run,
        results=tuple(_row(judged) for judged in verdict.results),
        causes=tuple(_cause(cause, conclusion.plan) for cause in verdict.causes),
        counts=dict(sorted(verdict.counts.items())),
        partial=conclusion.extent.partial,
        selection=conclusion.extent.selection,
        inventory=conclusion.extent.inventory,
        remarks=conclusion.remarks,
        suite=places.version(),
        started=evidence.started if evidence is not None else "",
        finished=evidence.finished if evidence is not None else "",
    )


def encode(findings: Findings) -> bytes:
    """The file's bytes."""
    return msgspec.json.format(msgspec.json.encode(findings), indent=1) + b"\n"


def _row(judged: Judged) -> Row:
    result = judged.result
    return Row(
        check=result.check,
        subject=result.subject,
        severity=result.severity,
        outcome=result.outcome,
        expected=result.expected,
        observed=result.observed,
        evidence=result.evidence,
        missing=result.missing,
        blocked_by=judged.blocked_by,
        waiver=_waiver(judged),
        reason=result.reason,
        culprits=result.culprits,
        selected=judged.selected,
        lacks=result.lacks,
        page=page_of(result.check) if result.outcome in {*FINDINGS, WAIVED} else "",
    )


def _waiver(judged: Judged) -> WaiverRow | None:
    waiver = judged.waiver or judged.expired
    if waiver is None:
        return None
    return WaiverRow(
        **msgspec.structs.asdict(waiver),
        was=judged.was or "",
        through=judged.through,
        expired=judged.expired is not None,
    )


def _cause(cause: Cause, plan: Plan) -> CauseRow:
    entry = plan.entry(cause.name)
    return CauseRow(
        check=cause.name.check,
        subject=cause.name.subject,
        consequences=tuple(sorted(Named(result.check, result.subject) for result in cause.consequences)),
        steps=tuple(planned.step for planned in entry.steps) if entry is not None else (),
        notes=entry.notes if entry is not None else (),
    )


def load(path: Path) -> Findings:
    """Return the findings in a file, or in the folder of a run. Raises only FindingsError."""
    source = path / FILE if path.is_dir() else path
    try:
        return msgspec.json.decode(read_regular(source, LARGEST), type=Findings)
    except (OSError, NotRegularError) as error:
        why = getattr(error, "strerror", None) or f"it is {error}"
        raise FindingsError(f"{source} cannot be read ({why}): run pytest first, or name another run") from None
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
            consequences = tuple(result_in(rows[other]) for other in cause.consequences if other in rows)
            found.append(Cause(result_in(rows[name]), consequences))
    return tuple(found)


def result_in(row: Row) -> Result:
    """The result of a row; what only judging needs of it is not stored."""
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
        lacks=row.lacks,
    )
