"""The stages of a plan: what others rest on comes first, and is judged again before the next stage begins.  Pure."""

from __future__ import annotations

from msgspec import Struct

from remediate.merging import Task, merged
from remediate.plan import CausePlan, Plan
from remediate.registry import chapter_of

STAGES = {
    "the way in": ("inventory", "access"),
    "before coupling": ("coupling", "losses", "ahead"),
    "names and configuration": ("settings", "names"),
    "routes and firewalls": ("routes", "firewall", "servers", "reachability"),
    "DNS": ("binder",),
    "UFDS": ("ufds", "replication", "directory", "registrations"),
    "SAPI": ("sapi",),
    "Manta": ("manta", "shards"),
    "cloudapi and adminui": ("cloudapi",),
}
"""Title to the chapters whose causes it takes, in the order of the plan (registry.CHAPTERS)."""


class PlanStage(Struct, frozen=True):
    """The causes of a plan that are put right together, by the steps of `tasks`."""

    number: int
    title: str
    entries: tuple[CausePlan, ...]

    @property
    def tasks(self) -> tuple[Task, ...]:
        return merged(self.entries)

    @property
    def notes(self) -> tuple[tuple[str, str], ...]:
        """What there is to know about a cause, without what is only told of plans that are not merged."""
        return tuple(
            (str(entry.name), note) for entry in self.entries for note in entry.notes if note not in entry.repeats
        )


def stages_of(plan: Plan) -> tuple[PlanStage, ...]:
    """The stages that a plan has, numbered from 1; causes without a chapter come last."""
    named = {chapter: title for title, chapters in STAGES.items() for chapter in chapters}
    found: dict[str, list[CausePlan]] = {}
    for entry in plan.entries:
        found.setdefault(named.get(chapter_of(entry.check), "the rest"), []).append(entry)
    return tuple(PlanStage(number, title, tuple(entries)) for number, (title, entries) in enumerate(found.items(), 1))
