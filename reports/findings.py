"""Writes findings.json.  The same verdict gives the same bytes; the name of the run is all that differs."""

from __future__ import annotations

import msgspec

from evidence.subjects.spec import FINDINGS, WAIVED, page_of
from remediate.findings import CauseRow, Findings, FindingsError, Row, WaiverRow, load
from remediate.plan import Plan
from reports.conclude import Conclusion
from verdict.judge import Cause, Judged, Named

__all__ = ["Findings", "FindingsError", "encode", "findings_of", "load"]


def findings_of(conclusion: Conclusion, run: str) -> Findings:
    """What findings.json says of a run."""
    verdict = conclusion.verdict
    return Findings(
        run=run,
        results=tuple(_row(judged) for judged in verdict.results),
        causes=tuple(_cause(cause, conclusion.plan) for cause in verdict.causes),
        counts=dict(sorted(verdict.counts.items())),
        partial=conclusion.extent.partial,
        selection=conclusion.extent.selection,
        inventory=conclusion.extent.inventory,
        remarks=conclusion.remarks,
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
        page=page_of(result.check) if result.outcome in {*FINDINGS, WAIVED} else "",
    )


def _waiver(judged: Judged) -> WaiverRow | None:
    waiver = judged.waiver or judged.expired
    if waiver is None:
        return None
    return WaiverRow(
        **msgspec.structs.asdict(waiver),
        was=judged.was,
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
