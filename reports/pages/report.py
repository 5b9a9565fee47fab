"""report.html: the first screen, the coupling, the ways, replication, the nights, each cause and each check, in one file."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from evidence.fact import Fact
from evidence.model import Progress
from reports.conclusion import Conclusion
from reports.customers import noticed
from reports.heading import coupling_told, limits_told, seen_told
from reports.matrix import counting
from reports.pages.nights import flapping, nights
from reports.pages.picture import picture_of
from reports.pages.rendering import render
from reports.pages.summary import Summary
from reports.pages.trend import HIGH, WIDE, charts_of
from reports.pages.view import chapters_of, matrix_of, told_of
from reports.pages.ways import RANK, tables, ways
from reports.screen import Next, closed_told, remarks_told, since_told, verdict_told, waived_told
from reports.trips import trips_of

FILE = "report.html"


class Behind(Struct, frozen=True):
    """How far a replica's zone is behind the master."""

    zone: str
    behind: str
    said: str
    kind: str


def report_page(
    conclusion: Conclusion, summary: Summary, runs: Path, commands: Next, now: datetime.datetime | None = None
) -> bytes:
    """The whole page of a run, which is kept among `runs`."""
    return page_of(conclusion, summary, nights(runs, summary), commands, now)


def page_of(
    conclusion: Conclusion,
    summary: Summary,
    told: Sequence[Summary],
    commands: Next,
    now: datetime.datetime | None = None,
) -> bytes:
    """The page, with the summaries of the runs that it is compared with."""
    verdict, numbers = conclusion.verdict, conclusion.numbers
    chapters = chapters_of(conclusion, numbers)
    by_anchor = {(row.check, row.subject): row for _, rows in chapters for row in rows}
    judged = {row.name: row for row in verdict.results}
    rows = {name: by_anchor[name.check, name.subject] for name in judged}
    columns, matrix = matrix_of(conclusion, numbers)
    found = ways(conclusion)
    return render(
        "report.html",
        run=summary.run,
        summary=summary,
        coupling=coupling_told(conclusion.world),
        seen=seen_told(conclusion, now or datetime.datetime.now(datetime.UTC)),
        limits=(*limits_told(conclusion), *conclusion.extent.notes),
        replayed=conclusion.extent.replayed,
        state="bad" if verdict.causes else ("warn" if conclusion.defects or not conclusion.passed else "ok"),
        verdict=verdict_told(conclusion),
        defects=conclusion.defects,
        columns=columns,
        matrix=matrix,
        causes=[told_of(cause, rows, judged, conclusion, numbers[cause.name]) for cause in verdict.causes],
        customers=noticed(conclusion),
        since=since_told(conclusion.since) if conclusion.since is not None else "",
        flapping=flapping([one.causes for one in told]),
        besides=[
            each for each in (waived_told(conclusion), *closed_told(conclusion), *remarks_told(conclusion)) if each
        ],
        commands=[each for each in (commands.explain, commands.plan) if each] if verdict.causes else [],
        picture=picture_of(conclusion, found),
        tables=tables(found),
        trips=trips_of(conclusion),
        behind=list(replicas(conclusion)),
        nights=told,
        charts=charts_of(told),
        chart=(WIDE, HIGH),
        chapters=chapters,
        counts=[(each, verdict.counts.get(each, 0)) for each in RANK if verdict.counts.get(each)],
        names=sorted(conclusion.world.inventory.datacenters, key=counting),
        total=len(verdict.results),
    )


def replicas(conclusion: Conclusion) -> list[Behind]:
    """Of each replica's UFDS how far it is behind."""
    evidence, told = conclusion.world.evidence, []
    for name, seen in sorted(
        (evidence.datacenters if evidence is not None else {}).items(), key=lambda item: counting(item[0])
    ):
        for alias, zone in sorted((seen.zones.value or {}).items()):
            if zone.progress is not None:
                told.append(_behind(f"{name}.{alias}", zone.progress))
    return told


def _behind(zone: str, fact: Fact[Progress]) -> Behind:
    known = fact.value
    if known is None:
        return Behind(zone, "?", f"not seen: {fact.why or 'no answer was recorded'}", "unseen")
    if known.beyond:
        return Behind(
            zone, f"-{known.beyond}", f"{known.beyond} beyond the master's last change, {known.latest}", "bad"
        )
    if not known.behind:
        return Behind(zone, "0", f"has the master's last change, {known.latest}", "ok")
    moved = "stands still" if known.stuck else f"has applied {known.after - known.before} while it was looked at"
    waits = f"; the next one has waited {known.waiting:.0f} s" if known.waiting else ""
    return Behind(
        zone, str(known.behind), f"{moved}; the master is at {known.latest}{waits}", "bad" if known.stuck else "warn"
    )
