"""Writes junit.xml for build servers.  pytest's own --junitxml stays pytest's own (contract "Outcomes").

One suite a chapter.  GitLab shows of a case only the *text* of its failure, and Jenkins puts the message above it: so both say what is
wrong, and the text says all that there is to do.  The form is that of the schema to which Jenkins' xUnit plugin holds such a file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from xml.etree import ElementTree

from evidence.subjects.spec import BLOCKED, BROKEN, FAILED, NOT_APPLICABLE, PASSED, WAIVED, Result, page_of, place_of
from remediate.plan import CausePlan
from remediate.registry import CHAPTERS
from remediate.steps import BY_HAND
from reports.conclusion import Conclusion, Ending
from reports.heading import coupling_told
from reports.page import counted, safe
from reports.pages.summary import Summary
from reports.words import in_words
from triton_az_checks import places
from verdict.judge import Judged, Named

_INVALID = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TAB = "\t"
_OTHER = "other"
"""The chapter of a check that the catalogue does not have."""


def junit(conclusion: Conclusion, summary: Summary, home: Path, ending: Ending | None = None) -> bytes:
    """The verdict as JUnit XML: failed is a failure, blocked or broken an error, waived and not applicable are skipped.

    `home` is the run's folder, by which the commands name it: `latest` may be another one when the file is read.
    """
    told, telling = ending or Ending(), Telling(conclusion, home)
    chapters: dict[str, list[Judged]] = {}
    for judged in conclusion.verdict.results:
        spec = conclusion.specs.get(judged.result.check)
        chapters.setdefault(spec.chapter if spec is not None and spec.chapter else _OTHER, []).append(judged)
    spent = (summary.seconds or 0.0) + sum(told.seconds.values())
    whole = {"name": "az-checks", "time": f"{spent:.3f}", **_counts(chapters.values())}
    root = ElementTree.Element("testsuites", whole)
    order = {chapter: place for place, chapter in enumerate(CHAPTERS)}
    for chapter in sorted(chapters, key=lambda name: (order.get(name, len(order)), name)):
        suite = _suite(root, chapter, chapters[chapter], summary, told)
        _properties(suite, conclusion, summary)
        for judged in chapters[chapter]:
            _case(suite, judged, telling, chapter, told.seconds.get(judged.name, 0.0))
    ElementTree.indent(root)
    text: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return text + b"\n"


def _counts(groups: Iterable[list[Judged]]) -> dict[str, str]:
    outcomes = [judged.result.outcome for group in groups for judged in group]
    return {
        "tests": str(len(outcomes)),
        "failures": str(outcomes.count(FAILED)),
        "errors": str(outcomes.count(BLOCKED) + outcomes.count(BROKEN)),
    }


def _suite(
    root: ElementTree.Element, chapter: str, rows: list[Judged], summary: Summary, ending: Ending
) -> ElementTree.Element:
    """The suite of a chapter.  The schema allows a file only here, not at a case."""
    outcomes = [judged.result.outcome for judged in rows]
    about = {
        "name": f"az-checks.{chapter}",
        **_counts([rows]),
        "skipped": str(outcomes.count(WAIVED) + outcomes.count(NOT_APPLICABLE)),
        "time": f"{sum(ending.seconds.get(judged.name, 0.0) for judged in rows):.3f}",
        "hostname": clean(summary.host),
        "file": f"checks/{chapter}.py",
    }
    at = {"timestamp": summary.started} if summary.started else {}
    return ElementTree.SubElement(root, "testsuite", about | at)


def _properties(suite: ElementTree.Element, conclusion: Conclusion, summary: Summary) -> None:
    """Which run this is of, and of what."""
    told = {
        "run": summary.run,
        "coupling": coupling_told(conclusion.world),
        "inventory": summary.inventory,
        "judged": summary.kind,
        "seen": " to ".join(filter(None, (summary.started, summary.finished))),
        "triton-az-checks": summary.suite,
        "evidence.sha256": summary.sha256,
    }
    parent = ElementTree.SubElement(suite, "properties")
    for name, value in told.items():
        ElementTree.SubElement(parent, "property", name=name, value=clean(value))


def _case(suite: ElementTree.Element, judged: Judged, telling: Telling, chapter: str, seconds: float) -> None:
    result = judged.result
    classname = clean(f"checks.{chapter}.{result.check}")
    case = ElementTree.SubElement(
        suite, "testcase", name=clean(str(judged.name)), classname=classname, time=f"{seconds:.3f}"
    )
    if result.outcome == PASSED:
        return
    if result.outcome in (WAIVED, NOT_APPLICABLE):
        said = f"waived: {result.reason}" if result.outcome == WAIVED else result.reason or "not applicable"
        _child(case, "skipped", said, said)
    elif result.outcome == BROKEN:
        said = f"the suite itself broke, please report it: {result.observed}"
        _child(case, "error", said, said, "defect of the suite")
    else:
        kind, text = "error" if result.outcome == BLOCKED else "failure", "\n".join(telling.details(judged))
        _child(case, kind, telling.message(judged), text, result.severity)


def _child(case: ElementTree.Element, tag: str, message: str, text: str, kind: str = "") -> None:
    child = ElementTree.SubElement(case, tag, {"message": clean(message)} | ({"type": kind} if kind else {}))
    child.text = clean(text)


class Telling:
    """Tells findings in the words of a build server, with their causes' numbers."""

    def __init__(self, conclusion: Conclusion, home: Path) -> None:
        self._conclusion, self._home = conclusion, home
        self._numbers = conclusion.numbers
        self._causes = {cause.name: cause for cause in conclusion.verdict.causes}

    def message(self, judged: Judged) -> str:
        """What is wrong and where, in a sentence, and its place among the causes."""
        at, said = place_of(judged.result.subject), wrong(judged.result)
        said = said if at in said else f"{at}: {said}"
        own = self._numbers.get(judged.name)
        above = [str(self._numbers[name]) for name in judged.causes if name in self._numbers]
        place = f"cause {own}" if own else f"follows from cause {', '.join(above)}" if above else ""
        return f"{said} ({place})" if place else said

    def details(self, judged: Judged) -> Iterator[str]:
        """All of a finding: what is wrong, expected and observed, how it is put right, and what tells more."""
        result, spec = judged.result, self._conclusion.specs.get(judged.result.check)
        yield from _labelled("wrong", wrong(result))
        yield from _labelled("must hold", spec.summary if spec is not None else "")
        yield from _labelled("expected", result.expected)
        yield from _labelled("observed", result.observed)
        yield from _labelled("missing", *result.missing)
        yield from _labelled("severity", result.severity)
        yield from _labelled("waiver", f"expired: {judged.expired.told}" if judged.expired is not None else "")
        yield from self._above(judged)
        yield from self._cause(judged.name)
        what = str(self._numbers.get(judged.name) or f"{result.check}@{result.subject}")
        yield from _labelled("explain", places.explain_command(self._home, what, latest=False))
        yield from _labelled("seen by", *result.evidence)
        yield from _labelled("see", page_of(result.check))

    def _cause(self, name: Named) -> Iterator[str]:
        """Of a cause: its number, and what to type."""
        cause = self._causes.get(name)
        if cause is not None:
            follow = counted(len(cause.consequences), "finding follows", "findings follow")
            yield from _labelled("cause", f"{self._numbers[name]} of {len(self._causes)}, from which {follow}")
            yield from _remedy(self._conclusion.plan.entry(name))

    def _above(self, judged: Judged) -> Iterator[str]:
        """The causes of a finding that follows, each with what is wrong there: that is what has to be put right."""
        known = [self._causes[name] for name in judged.causes if name in self._causes]
        told = [f"cause {self._numbers[each.name]}, {each.name}: {wrong(each.finding)}" for each in known]
        told += [str(name) for name in judged.causes if name not in self._causes]
        yield from _labelled("blocked by" if judged.result.outcome == BLOCKED else "follows", *told)
        yield from _labelled("remedy", "that of the cause" if known else "")


def wrong(result: Result) -> str:
    """What is wrong, in a sentence."""
    if result.outcome == BLOCKED:
        return f"cannot be judged: {result.observed or 'its evidence is missing'}"
    return in_words(result)


def _labelled(label: str, *texts: str) -> Iterator[str]:
    """Each text in a line of its own behind its label; nothing for an empty one."""
    yield from (f"{label + ':':<11} {safe(text)}" for text in texts if text)


def _remedy(entry: CausePlan | None) -> Iterator[str]:
    """What to type, each command in one piece."""
    for number, planned in enumerate(entry.steps if entry is not None else (), 1):
        step = planned.step
        never = " (never done by the suite)" if step.risk in BY_HAND else ""
        yield from _labelled("remedy", f"step {number} on {planned.where}, risk: {step.risk}{never}. {step.why}")
        yield from (f"    {safe(line, keep=_TAB)}" for line in step.run.split("\n"))
    yield from _labelled("note", *(entry.notes if entry is not None else ()))


def clean(text: str) -> str:
    """The text with only the characters that XML can hold; what a terminal would act upon is spelt out."""
    lines = "\n".join(safe(line, keep=_TAB) for line in text.split("\n"))  # most lines are printable, and quick
    return _INVALID.sub("\N{REPLACEMENT CHARACTER}", lines)
