"""Writes junit.xml for build servers.  pytest's own --junitxml stays pytest's own (contract "Outcomes")."""

from __future__ import annotations

import re
from collections.abc import Mapping
from xml.etree import ElementTree

from evidence.subjects.spec import BLOCKED, BROKEN, FAILED, NOT_APPLICABLE, PASSED, WAIVED, page_of
from reports.conclusion import Conclusion
from reports.page import safe
from verdict.judge import Judged, Named

_INVALID = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(conclusion: Conclusion) -> bytes:
    """The verdict as JUnit XML: failed is a failure, blocked or broken an error, waived and not applicable are skipped."""
    verdict = conclusion.verdict
    count = verdict.counts.get
    suite = ElementTree.Element(
        "testsuite",
        name="az-checks",
        tests=str(len(verdict.results)),
        failures=str(count(FAILED, 0)),
        errors=str(count(BLOCKED, 0) + count(BROKEN, 0)),
        skipped=str(count(WAIVED, 0) + count(NOT_APPLICABLE, 0)),
    )
    causes = conclusion.numbers
    for judged in verdict.results:
        spec = conclusion.specs.get(judged.result.check)
        _case(suite, judged, causes, spec.chapter if spec is not None else "unknown")
    root = ElementTree.Element("testsuites")
    root.append(suite)
    ElementTree.indent(root)
    text: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return text + b"\n"


def _case(suite: ElementTree.Element, judged: Judged, causes: Mapping[Named, int], chapter: str) -> None:
    result = judged.result
    classname = f"checks.{chapter}.{result.check}"
    case = ElementTree.SubElement(suite, "testcase", classname=classname, name=_clean(str(judged.name)))
    if result.outcome == PASSED:
        return
    if result.outcome == WAIVED:
        ElementTree.SubElement(case, "skipped", message=_clean(f"waived: {result.reason}"))
    elif result.outcome == NOT_APPLICABLE:
        ElementTree.SubElement(case, "skipped", message=_clean(result.reason or "not applicable"))
    elif result.outcome == BROKEN:
        told = f"the suite itself broke, please report it: {result.observed}"
        ElementTree.SubElement(case, "error", type="defect of the suite", message=_clean(told))
    else:
        kind = "error" if result.outcome == BLOCKED else "failure"
        child = ElementTree.SubElement(case, kind, type=result.severity, message=_clean(_message(judged)))
        child.text = _clean("\n".join(_details(judged, causes)))


def _message(judged: Judged) -> str:
    result = judged.result
    if result.outcome == BLOCKED:
        return f"cannot be judged: {result.observed or 'its evidence is missing'}"
    return f"expected {result.expected}; observed {result.observed}" if result.expected else result.observed


def _details(judged: Judged, causes: Mapping[Named, int]) -> list[str]:
    result = judged.result
    by = ", ".join(map(str, judged.causes))
    lines = [f"cause {causes[judged.name]}: no other finding explains it"] if judged.name in causes else []
    lines += [f"{'blocked by' if result.outcome == BLOCKED else 'follows from'}: {by}"] if by else []
    if judged.expired is not None:
        lines.append(f"its waiver has expired: {judged.expired.told}")
    lines += [f"missing: {text}" for text in result.missing]
    lines += [f"evidence: {text}" for text in result.evidence]
    return [safe(line) for line in [*lines, f"explained in {page_of(result.check)}"]]


def _clean(text: str) -> str:
    """The text with only the characters that XML can hold; what a terminal would act upon is spelt out."""
    return _INVALID.sub("\N{REPLACEMENT CHARACTER}", safe(text, keep="\n"))
