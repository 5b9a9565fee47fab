"""The long report: the causes with their consequences and steps, what is waived, what does not apply, and the counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from msgspec.structs import replace

from evidence.subjects.questions import NOT_ENTERED
from evidence.subjects.spec import (
    BLOCKED,
    BROKEN,
    CRITICAL,
    FAILED,
    FINDINGS,
    NOT_APPLICABLE,
    PASSED,
    WAIVED,
    Result,
    page_of,
    place_of,
)
from reports import ahead
from reports.conclusion import Conclusion
from reports.defects import write_defects
from reports.page import BOLD, DIM, GREEN, RED, YELLOW, Look, Page, counted, some
from reports.plan import write_entry
from verdict.judge import Cause, Judged

_NAMES = {
    PASSED: "passed",
    FAILED: "failed",
    BLOCKED: "blocked",
    WAIVED: "waived",
    NOT_APPLICABLE: "not applicable",
    BROKEN: "broken",
}
_INDENT, _LABEL = 3, 10
_MOST_LISTED = 8


def in_full(conclusion: Conclusion, look: Look) -> str:
    """All causes, each with what was seen, what follows and its steps; what is waived, what does not apply, and the counts."""
    verdict, page = conclusion.verdict, Page.looking(look)
    write_defects(page, conclusion)
    if verdict.causes:
        consequences = sum(verdict.counts.get(outcome, 0) for outcome in FINDINGS) - len(verdict.causes)
        follow = (
            f", and {counted(consequences, 'finding that follows', 'findings that follow')}" if consequences else ""
        )
        page.line(counted(len(verdict.causes), "cause") + follow, BOLD)
    for cause in verdict.causes:
        page.line()
        write_in_full(page, cause, conclusion)
    if verdict.causes:
        page.line()
    write_the_rest(page, conclusion)
    if not verdict.causes and not conclusion.defects:
        ahead.write(page, conclusion.world, conclusion.passed)
    return str(page)


def write_the_rest(page: Page, conclusion: Conclusion) -> None:
    """What is waived, what does not apply, the remarks, and the counts."""
    _waived(page, conclusion)
    _remarks(page, conclusion)
    counts = _counts(conclusion)
    if any(conclusion.verdict.counts.get(outcome) for outcome in FINDINGS):
        page.line(counts, RED)
    else:
        page.prose(f"{conclusion.wellness}: {counts}.", 0, "", 0, YELLOW if conclusion.defects else GREEN)


def write_in_full(page: Page, cause: Cause, conclusion: Conclusion) -> None:
    """One cause: what must hold, what was seen, what follows, and the steps."""
    finding, number = cause.finding, conclusion.numbers[cause.name]
    page.line(f"{number}. {finding.severity}: {cause.name}", BOLD, RED if finding.severity == CRITICAL else YELLOW)
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
    expired = next((row.expired for row in conclusion.verdict.results if row.name == cause.name), None)
    if expired is not None:
        page.prose(f"expired: {expired.told}", _INDENT, "waiver", _LABEL)
    page.prose(page_of(finding.check), _INDENT, "see", _LABEL, DIM)
    if cause.consequences:
        page.prose("From this follow:", _INDENT)
        for line in _following(cause):
            page.prose(line, _INDENT + 2, "", 2)
    entry = conclusion.plan.entry(cause.name)
    if entry is not None:
        page.prose("What to do:", _INDENT)
        write_entry(page, entry, _INDENT + 2)


def _seen_by(page: Page, finding: Result) -> None:
    """The evidence nearest to what was observed. findings.json names all of it."""
    if finding.evidence:
        page.prose(_nearest(finding), _INDENT, "seen by", _LABEL, DIM)


def _nearest(finding: Result) -> str:
    """Of the facts about the finding's own place, the one that the check looked at last; a check may end with another datacenter's."""
    places = finding.culprits or (place_of(finding.subject),)
    own = [fact for fact in finding.evidence if place_of(fact.partition(":")[0]) in places]
    return (own or finding.evidence)[-1]


def _following(cause: Cause) -> list[str]:
    """The consequences. A datacenter that nobody could look at gets one line instead of its whole catalogue."""
    dark = [r for r in cause.consequences if r.outcome == BLOCKED and place_of(r.subject) == cause.finding.subject]
    if len(dark) <= _MOST_LISTED:
        return _grouped(cause.consequences)
    others = _grouped(result for result in cause.consequences if result not in dark)
    return [f"{len(dark)} checks of {cause.finding.subject} (blocked: nobody could look)", *others]


def _grouped(results: Iterable[Result]) -> list[str]:
    """Consequences by check and outcome, one line each. A blocked one says so."""
    found: dict[tuple[str, str], list[str]] = {}
    for result in sorted(results, key=lambda result: (result.check, result.outcome != FAILED, result.subject)):
        found.setdefault((result.check, result.outcome), []).append(result.subject)
    return [
        f"{check}{' (blocked)' if outcome == BLOCKED else ''}: {some(subjects)}"
        for (check, outcome), subjects in found.items()
    ]


def _waived(page: Page, conclusion: Conclusion) -> None:
    """The accepted findings, with the consequences that are waived along with them."""
    rows = [row for row in conclusion.verdict.results if row.waiver is not None]
    if not rows:
        return
    page.line(f"Waived: {counted(len(rows), 'finding')}", BOLD)
    for row in rows:
        if row.waiver is not None and row.was is not None and not row.through:
            page.prose(f"{row.name} ({_NAMES[row.was]})", _INDENT)
            page.prose(row.waiver.told, _INDENT + 2, "because", _LABEL)
            page.prose(row.result.observed or "nothing was recorded", _INDENT + 2, "observed", _LABEL)
            follow = tuple(_as_it_was(other) for other in rows if other.through[:1] == (row.name,))
            for line in _following(Cause(row.result, follow)):
                page.prose(line, _INDENT + 2, "with it", _LABEL)
    page.line()


def _as_it_was(judged: Judged) -> Result:
    return replace(judged.result, outcome=judged.was or judged.result.outcome)


def _remarks(page: Page, conclusion: Conclusion) -> None:
    """What does not apply, and why; then the remarks about the run as a whole."""
    reasons: dict[str, list[str]] = {}
    closed: Counter[str] = Counter()
    for row in conclusion.verdict.results:
        if row.result.outcome == NOT_APPLICABLE and row.result.reason.startswith(NOT_ENTERED):
            closed[row.result.reason] += 1
        elif row.result.outcome == NOT_APPLICABLE:
            reasons.setdefault(row.result.reason, []).append(row.name.check)
    for reason, count in sorted(closed.items()):
        page.prose(f"{count} not applicable, because {reason}", 0, "", 0, YELLOW)
    told = sorted(reasons.items(), key=lambda item: (-len(item[1]), item[0]))
    for reason, checks in told[:_MOST_LISTED]:
        page.prose(f"{len(checks)} not applicable, because {reason}: {some(dict.fromkeys(checks))}")
    others = sum(len(checks) for _, checks in told[_MOST_LISTED:])
    if others:
        page.prose(f"{others} more not applicable, for {len(told) - _MOST_LISTED} more reasons: findings.json has them")
    for remark in conclusion.remarks:
        page.prose(remark)


def _counts(conclusion: Conclusion) -> str:
    counts = conclusion.verdict.counts
    named = {outcome: name for outcome, name in _NAMES.items() if outcome != BROKEN or counts.get(BROKEN)}
    told = ", ".join(f"{counts.get(outcome, 0)} {name}" for outcome, name in named.items())
    return f"{told} of {len(conclusion.verdict.results)}"
