"""Explains one finding of a run, all of it: what must hold, why, what was seen and how to look, what follows, what to do."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

import msgspec

from evidence.fact import Fact
from evidence.subjects.questions import OF_DATACENTER
from evidence.subjects.spec import BLOCKED, CRITICAL, FINDINGS, page_of, place_of
from remediate.steps import OPERATOR, where
from reports.catalogue import write_claim
from reports.conclusion import Conclusion
from reports.following import Chain, write_following
from reports.page import BOLD, CYAN, DIM, RED, YELLOW, Page, counted, some
from reports.plan import write_entry
from reports.words import in_words
from verdict.judge import Cause, Judged, Named

_INDENT, _LABEL = 3, 11
_MOST = 900
"""Of a longer answer only the beginning is shown."""
_FROM_HERE = frozenset(OF_DATACENTER[key].asked for key in ("ssh", "outside", "troubles"))
"""What is asked from the operator's own machine, and not on a head node."""


def write_finding(page: Page, row: Judged, conclusion: Conclusion) -> None:
    """What must hold and why, what was expected and observed, and from where that is known."""
    result, spec = row.result, conclusion.specs.get(row.name.check)
    colour = RED if result.severity == CRITICAL else YELLOW
    page.line(
        f"{result.severity}, {result.outcome.replace('_', ' ')}: {row.name}",
        BOLD,
        *([colour] if row.causes or row.name in conclusion.numbers else []),
    )
    if result.outcome in FINDINGS:
        page.prose(in_words(result), _INDENT)
    page.line()
    if spec is not None:
        write_claim(page, spec)
    told = {
        "expected": result.expected,
        "observed": "" if result.outcome == BLOCKED and result.missing else result.observed,
        "because": result.reason,
        "at fault": ", ".join(result.culprits),
        "waiver": f"expired: {row.expired.told}" if row.expired is not None else "",
        "source": spec.source if spec is not None else "",
        "see": page_of(result.check),
    }
    for label, text in told.items():
        if text:
            page.prose(text, _INDENT, label, _LABEL)
    for text in result.missing:
        page.prose(text, _INDENT, "missing", _LABEL)


def write_causes_of(page: Page, row: Judged, conclusion: Conclusion) -> None:
    """Of a finding that is no cause: what it follows from."""
    for name in row.causes:
        number = conclusion.numbers.get(name)
        page.prose(f"{f'cause {number}, ' if number else ''}{name}", _INDENT, "follows from", _LABEL + 3)


def write_consequences(page: Page, cause: Cause, found: Mapping[Named, Chain]) -> None:
    """What follows, and by which way."""
    page.line()
    if not cause.consequences:
        page.line("Nothing follows from it.", BOLD)
        return
    page.line(f"From this {counted(len(cause.consequences), 'finding follows', 'findings follow')}", BOLD)
    write_following(page, cause, found, _INDENT)


def write_evidence(page: Page, facts: Iterable[Fact[object]], conclusion: Conclusion) -> None:
    """Each fact that it rests on: what was said, when, and how to ask it oneself."""
    told = {(fact.subject, fact.asked, fact.how): fact for fact in facts}
    page.line()
    page.line("What it rests on, and how to look yourself" if told else "It rests on no evidence", BOLD)
    for fact in told.values():
        page.prose(fact.title, _INDENT)
        page.prose(where(place_asked(fact, conclusion), conclusion.world), _INDENT + 2, "on", 6, DIM)
        if fact.how:
            page.line(f"{' ' * (_INDENT + 2)}{'type'.ljust(6)}{fact.how}", CYAN)
        said = said_by(fact)
        page.prose(said, _INDENT + 2, "said", 6)
        if fact.at:
            page.prose(fact.at, _INDENT + 2, "at", 6, DIM)
    if any("< zone.sh" in fact.how for fact in told.values()):
        page.prose("zone.sh is evidence/collect/zone.sh of this suite: copy it to the head node first.", _INDENT)


def write_steps(page: Page, cause: Cause, conclusion: Conclusion) -> None:
    """What to do about a cause."""
    entry = conclusion.plan.entry(cause.name)
    if entry is not None:
        page.line()
        page.line("What to do", BOLD)
        write_entry(page, entry, _INDENT)


def place_asked(fact: Fact[object], conclusion: Conclusion) -> str:
    """Where one looks: on the head node of what was asked, or from one's own machine."""
    name = place_of(fact.subject)
    known = conclusion.world.inventory.datacenters.get(name)
    here = fact.asked in _FROM_HERE or known is None or not known.headnode
    return OPERATOR if here else f"{name}.global"


def said_by(fact: Fact[object]) -> str:
    """The answer, or why there is none."""
    return f"no answer: {fact.why}" if fact.why is not None else _shown(fact.value)


def _shown(value: object) -> str:
    """An answer as evidence.json has it, without what is empty in it; of a long one the beginning, or its keys."""
    data = _without_gaps(msgspec.to_builtins(value))
    text = json.dumps(data, ensure_ascii=False, sort_keys=True)
    if len(text) <= _MOST:
        return text
    begun = f"about {some(sorted(data), 12)}" if isinstance(data, dict) else text[: _MOST // 2]
    return f"{begun} ({len(text)} characters: evidence.json in the run's folder has all of it)"


def _without_gaps(data: object) -> object:
    if isinstance(data, dict):
        return {key: _without_gaps(item) for key, item in data.items() if item not in (None, "", [], {})}
    return [_without_gaps(item) for item in data] if isinstance(data, list) else data
