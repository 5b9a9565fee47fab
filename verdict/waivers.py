"""What to tell the operator about waivers: which have expired, which name nothing, and which nothing needs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from evidence.inventory.model import Waiver
from evidence.subjects.binding import subjects
from evidence.subjects.spec import FINDINGS, Outcome, Result, Spec
from evidence.subjects.world import World


def expired(check: str, subject: str, world: World) -> Waiver | None:
    """Of the waivers that cover a finding, the one that expired last."""
    over = [w for w in world.inventory.waived if w.covers(check, subject) and not w.holds_on(world.day)]
    return max(over, key=lambda waiver: waiver.until, default=None)


def remarks(*, results: Iterable[Result], specs: Mapping[str, Spec], world: World) -> tuple[str, ...]:
    """A sentence for each waiver that the operator should look at.

    A waiver for something that this run did not judge (-k, -m) is not doubted.
    """
    outcomes: dict[str, dict[str, Outcome]] = {}
    for result in results:
        outcomes.setdefault(result.check, {})[result.subject] = result.outcome
    told = ((waiver, _doubt(waiver, outcomes.get(waiver.check, {}), specs, world)) for waiver in world.inventory.waived)
    return tuple(f"waiver {waiver} of {waiver.owner}: {doubt}" for waiver, doubt in told if doubt)


def _doubt(waiver: Waiver, outcomes: Mapping[str, Outcome], specs: Mapping[str, Spec], world: World) -> str:
    spec = specs.get(waiver.check)
    if spec is None:
        return "no check has this id"
    covered = [s.id for s in subjects(world, spec.subject, spec.stage, spec.id) if waiver.covers(spec.id, s.id)]
    if not covered:
        return "the check has no such subject here"
    over = "" if waiver.holds_on(world.day) else f"it expired on {waiver.until}"
    found = [subject for subject in covered if outcomes.get(subject) in FINDINGS]
    if found:
        return over and f"{over}, and the finding is still there"
    if not set(covered) <= outcomes.keys():
        return over
    return f"{over}, and nothing needs it" if over else "nothing needs it: the check holds"
