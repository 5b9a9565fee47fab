"""The plan: the steps of all causes, in the order in which to type them.  Pure data."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from evidence.subjects.spec import Severity
from evidence.subjects.world import World
from remediate.actions.network import NapiRoutes
from remediate.durable import adding
from remediate.registry import CHAPTERS, advice_for, chapter_of
from remediate.steps import Step, where
from verdict.judge import Cause, Named


class PlannedStep(Struct, frozen=True):
    """A step, and the machine to type it on as the operator reaches it."""

    where: str
    step: Step


class CausePlan(Struct, frozen=True):
    """What to do about one cause.

    `steps` are without what an earlier cause has already (`repeats` says which); `whole` are all of them, as one plan of
    several causes is made of (remediate/merging.py).
    """

    check: str
    subject: str
    severity: Severity
    steps: tuple[PlannedStep, ...] = ()
    notes: tuple[str, ...] = ()
    whole: tuple[PlannedStep, ...] = ()
    repeats: tuple[str, ...] = ()

    @property
    def name(self) -> Named:
        return Named(self.check, self.subject)


class Plan(Struct, frozen=True):
    """All of the plan, in order: what others rest on comes first. `defects` say which remedies broke."""

    entries: tuple[CausePlan, ...] = ()
    defects: tuple[str, ...] = ()

    def entry(self, name: Named) -> CausePlan | None:
        return next((entry for entry in self.entries if entry.name == name), None)


def make_plan(causes: Iterable[Cause], world: World) -> Plan:
    """Ask each cause's remedy, and order the answers by chapter, and within a chapter like the verdict.

    Remedies know nothing of each other. So steps and single routes that an earlier cause already has are not printed again.
    """
    entries: list[CausePlan] = []
    defects: list[str] = []
    typed: dict[tuple[str, str], Named] = {}
    for cause in sorted(causes, key=lambda cause: _rank(cause.finding.check)):
        advice, kept, repeats = advice_for(cause, world), [], []
        for step in advice.steps:
            earlier = {what: typed.get((step.on, what)) for what in _parts(step)}
            new = [what for what, by in earlier.items() if by is None or (by == cause.name and _routes(step) is None)]
            typed.update({(step.on, what): cause.name for what in new})
            if new:
                kept.append(PlannedStep(where(step.on, world), _only(step, new)))
            repeats += [
                f"The plan has this already, for {by}: {what.splitlines()[0]}"
                for what, by in earlier.items()
                if by is not None and by != cause.name
            ]
        defects += [advice.defect] if advice.defect else []
        finding = cause.finding
        notes, told = tuple(dict.fromkeys([*repeats, *advice.notes])), tuple(dict.fromkeys(repeats))
        whole = tuple(PlannedStep(where(step.on, world), step) for step in advice.steps)
        entries.append(CausePlan(finding.check, finding.subject, finding.severity, tuple(kept), notes, whole, told))
    return Plan(tuple(entries), tuple(defects))


def _routes(step: Step) -> NapiRoutes | None:
    """The routes that a step adds to a network of NAPI, if that is all it does."""
    match step.actions:
        case (NapiRoutes() as routes,) if not routes.removed:
            return routes
    return None


def _parts(step: Step) -> dict[str, tuple[str, str] | None]:
    """What makes two steps the same: the command, or each of the routes that they add."""
    routes = _routes(step)
    if routes is None:
        return {step.run: None}
    return {f"route {to} via {via} in network {routes.network}": (to, via) for to, via in sorted(routes.added.items())}


def _only(step: Step, parts: list[str]) -> Step:
    """The step with only these of its parts."""
    routes = _routes(step)
    if routes is None:
        return step
    added = [route for what, route in _parts(step).items() if route is not None and what in parts]
    return adding(step, NapiRoutes(routes.network, dict(added)))


def _rank(check: str) -> int:
    chapter = chapter_of(check)
    return CHAPTERS.index(chapter) if chapter in CHAPTERS else len(CHAPTERS)
