"""metrics.prom: a run in numbers, for Prometheus.

OpenMetrics that is the older text format too: gauges alone, no timestamps, no units.  So a scraper of either kind reads it, and so does
node_exporter's textfile collector, which refuses timestamps.  Every sample has the master as a label: two couplings may lie side by side.
"""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from msgspec import Struct

from evidence.subjects.spec import FINDINGS, Outcome, Severity, place_of
from reports.conclusion import Conclusion, Ending
from reports.page import safe
from reports.pages.summary import Summary
from reports.trips import trips_of

FILE = "metrics.prom"
CAUSE, FOLLOWS = "cause", "consequence"


class Gauge(Struct, frozen=True):
    """One metric: what it is, and its samples, each with its labels."""

    name: str
    told: str
    samples: tuple[tuple[Mapping[str, str], float], ...]


def metrics(conclusion: Conclusion, summary: Summary, ending: Ending, now: datetime.datetime) -> bytes:
    """The file's bytes.  `now` tells how old the evidence is."""
    lines: list[str] = []
    master = {"master": conclusion.world.inventory.master}
    for gauge in (
        *_outcomes(conclusion),
        *_replication(summary),
        _round_trips(conclusion),
        *_of_the_run(conclusion, summary, ending, now),
    ):
        if gauge.samples:
            lines += [f"# HELP {gauge.name} {gauge.told}", f"# TYPE {gauge.name} gauge"]
            lines += [f"{gauge.name}{_labels(master | {**labels})} {value:.15g}" for labels, value in gauge.samples]
    return "\n".join([*lines, "# EOF", ""]).encode()


def _labels(labels: Mapping[str, str]) -> str:
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items()) + "}"


def _escaped(value: str) -> str:
    return safe(value).replace("\\", "\\\\").replace('"', '\\"')


def _outcomes(conclusion: Conclusion) -> Iterable[Gauge]:
    """How many results there are, by where and how they ended; the findings, by how grave they are.  What there is none of is 0."""
    known, found = conclusion.world.inventory.datacenters, Counter[tuple[str, str, str]]()
    kinds = Counter[tuple[str, str, str]]()
    causes = conclusion.numbers
    for row in conclusion.verdict.results:
        spec, place = conclusion.specs.get(row.name.check), place_of(row.name.subject)
        chapter = spec.chapter if spec is not None else ""
        found[place if place in known else "", chapter, row.result.outcome] += 1
        if row.result.outcome in FINDINGS:
            kinds[row.result.severity, CAUSE if row.name in causes else FOLLOWS, row.result.outcome] += 1
    places = sorted({(place, chapter) for place, chapter, _ in found})
    yield Gauge(
        "az_checks_results",
        "Checks at their subjects, by how they ended; without a datacenter: of a region or the coupling.",
        tuple(
            ({"datacenter": place, "chapter": chapter, "outcome": outcome}, found[place, chapter, outcome])
            for place, chapter in places
            for outcome in sorted(Outcome)
        ),
    )
    yield Gauge(
        "az_checks_findings",
        "What does not hold (failed) or could not be judged (blocked): causes, and what follows from them.",
        tuple(
            ({"severity": severity, "kind": kind, "outcome": outcome}, kinds[severity, kind, outcome])
            for severity in Severity
            for kind in (CAUSE, FOLLOWS)
            for outcome in sorted(FINDINGS)
        ),
    )


def _replication(summary: Summary) -> Iterable[Gauge]:
    """How far each replica is behind.  One that was not seen has no lag: az_checks_replica_seen says so."""
    rows = [({"datacenter": place_of(zone), "zone": zone}, told) for zone, told in summary.behind.items()]
    seen = [(labels, told, told.behind) for labels, told in rows if told.behind is not None]
    yield Gauge(
        "az_checks_replica_seen",
        "Whether the replica's place in the master's changes could be read.",
        tuple((labels, float(told.behind is not None)) for labels, told in rows),
    )
    yield Gauge(
        "az_checks_replica_behind_changes",
        "How many of the master's changes the replica has not applied.",
        tuple((labels, behind) for labels, _, behind in seen),
    )
    yield Gauge(
        "az_checks_replica_waiting_seconds",
        "How long the next change has waited for the replica.",
        tuple((labels, told.waiting) for labels, told, _ in seen),
    )


def _round_trips(conclusion: Conclusion) -> Gauge:
    """How far apart datacenters are, in either direction, where it was measured."""
    return Gauge(
        "az_checks_round_trip_seconds",
        "How long a packet of full size is away between two datacenters.",
        tuple(({"datacenter": one, "to": to}, away / 1000) for (one, to), away in sorted(trips_of(conclusion).items())),
    )


def _of_the_run(conclusion: Conclusion, summary: Summary, ending: Ending, now: datetime.datetime) -> Iterable[Gauge]:
    began, ended = _seconds(summary.started), _seconds(summary.finished)
    told: dict[str, tuple[str, float | None]] = {
        "run_started_timestamp_seconds": ("When the first question was asked.", began),
        "run_finished_timestamp_seconds": ("When the last answer had come; time() minus this is the age.", ended),
        "run_duration_seconds": ("How long it took to ask.", summary.seconds),
        "run_age_seconds": (
            "How old the evidence was when this was written; that of a replay is old.",
            max(0.0, now.timestamp() - ended) if ended is not None else None,
        ),
        "run_exit_code": ("0 well, 1 findings, 2 interrupted, 3 the suite broke.", ending.exit_code),
        "run_partial": ("Whether only a part was judged, or the run ended early.", summary.partial),
        "run_defects": ("What of the suite itself broke.", len(conclusion.defects)),
    }
    for name, (text, value) in told.items():
        yield Gauge(f"az_checks_{name}", text, (({}, float(value)),) if value is not None else ())
    about = {"version": summary.suite, "judged": summary.kind}
    yield Gauge("az_checks_run_info", "Which version of the suite collected, and what was judged.", ((about, 1.0),))


def _seconds(moment: str) -> float | None:
    try:
        return datetime.datetime.fromisoformat(moment).timestamp()
    except ValueError:
        return None


def put(path: Path, content: bytes) -> None:
    """Write it in one piece, for any reader: node_exporter is another user.  Raises OSError."""
    aside = path.with_name(f".{path.name}.part")  # the collector reads only *.prom
    try:
        aside.write_bytes(content)
        aside.chmod(0o644)
        aside.replace(path)
    except OSError:
        with suppress(OSError):
            aside.unlink()
        raise
