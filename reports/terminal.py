"""What the operator reads at the end of a run: causes first, what follows from each, what to type; then the counts."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from evidence.spec import BLOCKED, FAILED, NOT_APPLICABLE, PASSED, WAIVED, Result
from remediate.plan import write_entry
from remediate.text import BOLD, DIM, GREEN, RED, YELLOW, Page, counted, some
from reports.conclude import Conclusion
from verdict.judge import Cause

_NAMES = {
    PASSED: "passed",
    FAILED: "failed",
    BLOCKED: "blocked",
    WAIVED: "waived",
    NOT_APPLICABLE: "not applicable",
}
_INDENT, _LABEL = 3, 10
_MOST_LISTED = 8
_EVIDENCE_LENGTH = 130


def summary(conclusion: Conclusion, *, width: int = 80, colour: bool = False, folder: Path | str | None = None) -> str:
    """The report of one run for a terminal of the given width."""
    verdict, page = conclusion.verdict, Page(width, colour=colour)
    findings = sum(verdict.counts.get(outcome, 0) for outcome in (FAILED, BLOCKED))
    if not findings:
        judged = len(verdict.results) - verdict.counts.get(NOT_APPLICABLE, 0)
        page.line(
            f"All is well: {_counts(conclusion)}." if judged else f"Nothing was judged: {_counts(conclusion)}.", GREEN
        )
        _folder(page, folder, plan=False)
        return str(page)
    causes = verdict.causes
    consequences = findings - len(causes)
    page.line(
        counted(len(causes), "cause")
        + (f", and {counted(consequences, 'finding that follows', 'findings that follow')}" if consequences else ""),
        BOLD,
    )
    for number, cause in enumerate(causes, 1):
        page.line()
        _cause(page, number, cause, conclusion)
    page.line()
    page.line(_counts(conclusion), RED)
    _folder(page, folder, plan=True)
    return str(page)


def _cause(page: Page, number: int, cause: Cause, conclusion: Conclusion) -> None:
    finding = cause.finding
    page.line(f"{number}. {finding.severity}: {cause.name}", BOLD, RED if finding.severity == "critical" else YELLOW)
    spec = conclusion.specs.get(finding.check)
    if spec is not None and spec.summary:
        page.prose(spec.summary, _INDENT, "must hold", _LABEL)
    if finding.expected:
        page.prose(finding.expected, _INDENT, "expected", _LABEL)
    if finding.outcome == BLOCKED and finding.missing:
        page.prose(finding.missing[-1], _INDENT, "missing", _LABEL)
    else:
        page.prose(finding.observed or "nothing was recorded", _INDENT, "observed", _LABEL)
        _seen_by(page, finding)
    if cause.consequences:
        page.prose("From this follow:", _INDENT)
        for line in _following(cause):
            page.prose(line, _INDENT + 2, "", 2)
    entry = conclusion.plan.entry(cause.name)
    if entry is not None:
        page.prose("What to do:", _INDENT)
        write_entry(page, entry, _INDENT + 2)


def _seen_by(page: Page, finding: Result) -> None:
    """The fact looked at last, which is the nearest to what was observed; findings.json names them all."""
    if finding.evidence:
        nearest = finding.evidence[-1]
        shown = nearest if len(nearest) <= _EVIDENCE_LENGTH else nearest[:_EVIDENCE_LENGTH] + "…"
        page.prose(shown, _INDENT, "seen by", _LABEL, DIM)


def _following(cause: Cause) -> list[str]:
    """The consequences; of a datacenter that nobody could look at, one line instead of its whole catalogue."""
    dark = [r for r in cause.consequences if r.outcome == BLOCKED and _datacenter(r.subject) == cause.finding.subject]
    if len(dark) <= _MOST_LISTED:
        return _grouped(cause.consequences)
    others = _grouped(result for result in cause.consequences if result not in dark)
    return [f"{len(dark)} checks of {cause.finding.subject} (blocked: nobody could look)", *others]


def _datacenter(subject: str) -> str:
    """Where a subject is; a link is where its source is."""
    return subject.partition("--")[0].partition(".")[0]


def _grouped(results: Iterable[Result]) -> list[str]:
    """Consequences by check and outcome, a line each; a blocked one says so, because nobody could look at it."""
    found: dict[tuple[str, str], list[str]] = {}
    for result in sorted(results, key=lambda result: (result.check, result.outcome != FAILED, result.subject)):
        found.setdefault((result.check, result.outcome), []).append(result.subject)
    return [
        f"{check}{' (blocked)' if outcome == BLOCKED else ''}: {some(subjects)}"
        for (check, outcome), subjects in found.items()
    ]


def _counts(conclusion: Conclusion) -> str:
    counts = conclusion.verdict.counts
    told = ", ".join(f"{counts[outcome]} {name}" for outcome, name in _NAMES.items() if counts.get(outcome))
    return f"{told or 'nothing'} of {len(conclusion.verdict.results)}"


def _folder(page: Page, folder: Path | str | None, *, plan: bool) -> None:
    if folder is None:
        page.line("This run was not kept.")
        return
    if plan:
        page.line("The plan alone, in the order to type it: python -m remediate")
    page.line(f"Run: {folder}")
