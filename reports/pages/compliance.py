"""The compliance page: what was to be judged, what was, what was not and why, what is accepted, by whom, and from what evidence."""

from __future__ import annotations

import datetime
from collections import Counter
from pathlib import Path

from msgspec import Struct

from evidence.subjects.spec import BLOCKED, BROKEN, FAILED, FINDINGS, NOT_APPLICABLE, PASSED, WAIVED, Outcome
from evidence.subjects.world import World
from remediate.registry import CHAPTERS
from reports.conclusion import Conclusion
from reports.heading import coupling_told, limits_told, seen_told
from reports.matrix import counting
from reports.pages.rendering import render
from reports.pages.summary import Summary, digest_of
from reports.screen import verdict_told
from reports.words import in_words
from verdict.judge import Judged

FILE = "compliance.html"
ORDER = (PASSED, FAILED, BLOCKED, WAIVED, NOT_APPLICABLE, BROKEN)
PART = "A part of the catalogue was judged, or the run was ended early."
FILES = ("evidence.json", "findings.json", "junit.xml", "summary.json", "report.html")


class Demand(Struct, frozen=True):
    """One check of the catalogue: what must hold, and how often it was judged how."""

    check: str
    chapter: str
    severity: str
    claim: str
    counts: tuple[int, ...]


class Gap(Struct, frozen=True):
    """What was not judged, and why."""

    why: str
    what: str
    count: int


class Accepted(Struct, frozen=True):
    """A waiver: in force, expired, or needed by nothing."""

    name: str
    reason: str
    owner: str
    until: str
    ticket: str
    state: str


def compliance_page(conclusion: Conclusion, summary: Summary, folder: Path, *, signed: bool) -> bytes:
    """The whole page about a run that is kept in `folder`."""
    verdict, world = conclusion.verdict, conclusion.world
    digests = [(name, digest_of(folder / name)) for name in FILES]
    partial = (PART,) if conclusion.extent.partial else ()
    return render(
        "compliance.html",
        run=summary.run,
        summary=summary,
        coupling=coupling_told(world),
        seen=seen_told(conclusion, datetime.datetime.now(datetime.UTC)),
        limits=(*limits_told(conclusion), *conclusion.extent.notes, *partial),
        verdict=verdict_told(conclusion),
        state="bad" if verdict.causes else ("warn" if conclusion.defects or not conclusion.passed else "ok"),
        members=members(world),
        order=[str(each).replace("_", " ") for each in ORDER],
        totals=[verdict.counts.get(each, 0) for each in ORDER],
        demands=demands(conclusion),
        findings=findings(conclusion),
        gaps=gaps(conclusion),
        accepted=accepted(conclusion),
        remarks=conclusion.remarks,
        digests=[(name, digest) for name, digest in digests if digest],
        evidence=digests[0][1],
        changed=bool(summary.sha256) and summary.sha256 != digests[0][1],
        signed=signed,
    )


def findings(conclusion: Conclusion) -> list[tuple[str, str, str, str, bool]]:
    """What does not hold: name, outcome, severity, in words, and whether it is a cause."""
    rows = [row for row in conclusion.verdict.results if row.result.outcome in FINDINGS]
    numbers = conclusion.numbers
    return [
        (str(row.name), str(row.result.outcome), str(row.result.severity), in_words(row.result), row.name in numbers)
        for row in rows
    ]


def members(world: World) -> list[tuple[str, str, str, str]]:
    """The datacenters that were to be judged: name, state, region, and by which way they were looked at."""
    known = world.told.datacenters
    return [
        (
            name,
            known[name].state,
            known[name].region,
            known[name].headnode or f"endpoints: {', '.join(known[name].endpoints)}",
        )
        for name in sorted(known, key=counting)
    ]


def demands(conclusion: Conclusion) -> list[Demand]:
    """Every check of the catalogue; one that had no subject here counts nothing."""
    counts: dict[str, Counter[Outcome]] = {}
    for row in conclusion.verdict.results:
        counts.setdefault(row.name.check, Counter())[row.result.outcome] += 1
    order = {chapter: place for place, chapter in enumerate(CHAPTERS)}
    told = [
        Demand(
            spec.id,
            spec.chapter,
            str(spec.severity),
            spec.summary,
            tuple(counts.get(spec.id, Counter())[each] for each in ORDER),
        )
        for spec in conclusion.specs.values()
    ]
    return sorted(told, key=lambda one: (order.get(one.chapter, len(order)), one.check))


def gaps(conclusion: Conclusion) -> list[Gap]:
    """What was not judged, the most of it first: checks that do not apply, that were not seen, and that nobody asked for."""
    found: dict[str, list[Judged]] = {}
    for row in conclusion.verdict.results:
        if row.result.outcome == NOT_APPLICABLE:
            found.setdefault(row.result.reason or "it does not apply", []).append(row)
        elif row.result.outcome in (BLOCKED, BROKEN):
            found.setdefault(row.result.missing[-1] if row.result.missing else row.result.observed, []).append(row)
    told = [
        Gap(why, ", ".join(dict.fromkeys(row.name.check for row in rows)), len(rows)) for why, rows in found.items()
    ]
    judged = {row.name.check for row in conclusion.verdict.results}
    if silent := sorted(set(conclusion.specs) - judged):
        told.append(Gap("this run was not asked for them", ", ".join(silent), len(silent)))
    return sorted(told, key=lambda gap: (-gap.count, gap.why))


def accepted(conclusion: Conclusion) -> list[Accepted]:
    """All waivers that the inventory named, each with what it did."""
    world, told = conclusion.world, []
    used = {(str(row.waiver), row.waiver.until): 0 for row in conclusion.verdict.results if row.waiver is not None}
    for row in conclusion.verdict.results:
        if row.waiver is not None and row.result.outcome == WAIVED:
            used[str(row.waiver), row.waiver.until] += 1
    for waiver in world.told.waived:
        count = used.get((str(waiver), waiver.until), 0)
        state = (
            "expired"
            if not waiver.holds_on(world.day)
            else (f"accepts {count}" if count else "accepts nothing in this run")
        )
        told.append(Accepted(str(waiver), waiver.reason, waiver.owner, str(waiver.until), waiver.ticket, state))
    return told
