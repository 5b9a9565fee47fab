"""Each check a line, by chapter (-v); with what was expected, observed and asked (-vv)."""

from __future__ import annotations

from evidence.subjects.spec import BLOCKED, BROKEN, FAILED, FINDINGS, NOT_APPLICABLE, PASSED, WAIVED
from remediate.registry import CHAPTERS
from reports.conclusion import Conclusion
from reports.page import BOLD, CYAN, DIM, GREEN, RED, YELLOW, Page
from verdict.judge import Judged

_MARK = 8
_INDENT = 2
_COLOURS = {PASSED: GREEN, FAILED: YELLOW, BLOCKED: YELLOW, WAIVED: CYAN, NOT_APPLICABLE: DIM, BROKEN: RED}


def write_lines(page: Page, conclusion: Conclusion, *, evidence: bool) -> None:
    """Every result, in the order of the chapters."""
    chapters: dict[str, list[Judged]] = {}
    for row in conclusion.verdict.results:
        spec = conclusion.specs.get(row.name.check)
        chapters.setdefault(spec.chapter if spec is not None else "other", []).append(row)
    order = {chapter: place for place, chapter in enumerate(CHAPTERS)}
    for chapter in sorted(chapters, key=lambda chapter: (order.get(chapter, len(order)), chapter)):
        page.line(chapter, BOLD)
        for row in chapters[chapter]:
            _write(page, row, conclusion, evidence=evidence)
    page.line()


def _write(page: Page, row: Judged, conclusion: Conclusion, *, evidence: bool) -> None:
    result = row.result
    mark = _mark(row, conclusion, page)
    cause = row.name in conclusion.numbers
    page.painted(
        " " * _INDENT, (mark.ljust(_MARK), _COLOURS[result.outcome], *([BOLD] if cause else [])), str(row.name)
    )
    inner = _INDENT + _MARK + 2
    said = {
        "expected": result.expected if result.outcome in FINDINGS else "",
        "observed": result.observed,
        "because": result.reason,
    }
    for label, text in said.items():
        if text:
            page.prose(text, inner, label, len("expected") + 2, DIM)
    for seen in (*result.missing, *result.evidence) if evidence else ():
        page.prose(seen, inner, "missing" if seen in result.missing else "seen by", len("expected") + 2, DIM)


def _mark(row: Judged, conclusion: Conclusion, page: Page) -> str:
    """ok, the number of a cause, or those of the causes that a finding follows from."""
    outcome, numbers = row.result.outcome, conclusion.numbers
    if outcome not in FINDINGS:
        return {PASSED: "ok", WAIVED: "waived", NOT_APPLICABLE: "n/a", BROKEN: "broken"}[outcome]
    own = numbers.get(row.name)
    sign = "?" if outcome == BLOCKED else page.look.cross if own else page.look.dot
    of = [own] if own else sorted(numbers[name] for name in row.causes if name in numbers)
    return f"{sign} {','.join(map(str, of))}".rstrip()
