"""A stored run as it was concluded: its causes with their numbers, from its folder, without judging it again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from msgspec.structs import replace

from evidence.inventory.model import Waiver
from evidence.store import load as load_evidence
from evidence.subjects.claims import judged
from evidence.subjects.spec import FAILED, Outcome, Spec
from remediate.plan import make_plan
from reports.conclusion import Conclusion
from reports.extent import Extent
from reports.findings import Findings, Row, causes_in, load, result_in
from verdict.judge import Judged, Named, Verdict


def numbers_of(found: Findings) -> dict[Named, int]:
    """The number of each cause: its place in findings.json, from 1."""
    return {Named(cause.check, cause.subject): number for number, cause in enumerate(found.causes, 1)}


def conclusion_in(folder: Path, specs: Mapping[str, Spec]) -> Conclusion:
    """What a run concluded. Raises FindingsError or EvidenceError."""
    found = load(folder)
    evidence = load_evidence(folder / "evidence.json")
    world = judged(evidence.inventory, evidence)
    causes = causes_in(found)
    above: dict[Named, list[Named]] = {}
    for cause in found.causes:
        for name in cause.consequences:
            above.setdefault(name, []).append(Named(cause.check, cause.subject))
    rows = tuple(_judged(row, tuple(above.get(Named(row.check, row.subject), ()))) for row in found.results)
    verdict = Verdict(rows, causes, found.counts, found.remarks)
    extent = Extent(found.partial, found.selection, found.inventory, replayed=not found.inventory)
    return Conclusion(verdict, make_plan(causes, world), world, specs, extent)


def _judged(row: Row, causes: tuple[Named, ...]) -> Judged:
    told = Judged(result_in(row), causes, selected=row.selected)
    if row.waiver is None:
        return told
    kept = row.waiver
    waiver = Waiver(kept.check, kept.subject, kept.reason, kept.owner, kept.until, kept.ticket)
    if kept.expired:
        return replace(told, expired=waiver)
    return replace(told, waiver=waiver, was=Outcome(kept.was) if kept.was else FAILED, through=kept.through)
