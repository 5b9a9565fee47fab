"""One plan of several causes' steps: an object is updated once, a service restarted once, and a wait is for what the plan sets.

The steps of a cause keep their order.  Steps of several causes become one where that breaks no order; the one stands behind
all that each of them stands behind, so a restart comes after every update that it is there for.  Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct
from msgspec.structs import replace

from evidence.subjects.triton import CONFIG_AGENT
from remediate.actions import Action
from remediate.actions.network import NapiOwners, NapiRoutes
from remediate.actions.sapi import SapiMetadata
from remediate.actions.smf import Smf
from remediate.actions.usbkey import UsbkeyConfig
from remediate.actions.vm import VmRoutes
from remediate.joining import News, Part, distinct, joined, only_restarts, rebuilt, zone_of
from remediate.order import in_order
from remediate.plan import CausePlan, PlannedStep
from remediate.steps import Step
from verdict.judge import Named


class Task(Struct, frozen=True):
    """A step of the merged plan, and the steps of which it is made."""

    planned: PlannedStep
    parts: tuple[Part, ...]

    @property
    def causes(self) -> tuple[Named, ...]:
        return distinct(part.cause for part in self.parts)


def merged(entries: Iterable[CausePlan], among: Iterable[CausePlan] | None = None) -> tuple[Task, ...]:
    """The steps of all these causes, in the order in which to type them.

    `among` are the causes with the steps that are done already: what those set is waited for all the same.
    """
    parts = _parts(entries)
    known = parts if among is None else _parts(among)
    news = News.of(known)
    after = _order(parts, news)
    groups, places = _grouped(parts, after), [part.step.on for part in parts]
    tasks = [_task([parts[number] for number in group], news) for group in in_order(groups, after, places) or groups]
    return tuple(_in_turn(tasks, _instances(known)))


def _parts(entries: Iterable[CausePlan]) -> list[Part]:
    return [Part(entry.name, planned) for entry in entries for planned in entry.whole]


def _order(parts: Sequence[Part], news: News) -> list[tuple[int, int]]:
    """Which comes after which: the steps of a cause as it has them, and renderings of a value after it is set."""
    after = [(one, one + 1) for one in range(len(parts) - 1) if parts[one].cause == parts[one + 1].cause]
    for one, setting in enumerate(parts):
        for two, waiting in enumerate(parts):
            if news.awaited(setting, waiting):
                own = [number for number in range(two + 1) if parts[number].cause == waiting.cause]
                after += [(one, number) for number in own if only_restarts(parts[number].step)]
    return after


def _grouped(parts: Sequence[Part], after: Sequence[tuple[int, int]]) -> list[tuple[int, ...]]:
    """Which parts become one: of the same kind, from several causes, and without a circle in the order."""
    groups: list[tuple[int, ...]] = [(number,) for number in range(len(parts))]
    if in_order(groups, after) is None:  # then nothing can be said about what may be moved
        return groups
    kinds = [_kind(part.step) for part in parts]
    found = True
    while found:
        found = False
        for one, two in _pairs(groups, kinds):
            union = tuple(sorted((*one, *two)))
            rest = [group for group in groups if group not in (one, two)]
            if _may_be_one([parts[number] for number in union]) and in_order([*rest, union], after) is not None:
                groups, found = sorted([*rest, union]), True
                break
    return groups


def _pairs(
    groups: Sequence[tuple[int, ...]], kinds: Sequence[tuple[str, ...]]
) -> Iterator[tuple[tuple[int, ...], tuple[int, ...]]]:
    for number, one in enumerate(groups):
        yield from ((one, two) for two in groups[number + 1 :] if kinds[one[0]] == kinds[two[0]])


def _kind(step: Step) -> tuple[str, ...]:
    """What steps have in common that can be one: the object that they update, the zone in which they restart, or the text."""
    at = (step.at, str(step.applied_by_suite))
    match step.actions:
        case (SapiMetadata(uuid=uuid),) | (VmRoutes(uuid=uuid),):
            return (*at, type(step.actions[0]).__name__, uuid)
        case (NapiRoutes(network=uuid),) | (NapiOwners(network=uuid),):
            return (*at, type(step.actions[0]).__name__, uuid)
        case (UsbkeyConfig(),):
            return (*at, "UsbkeyConfig")
    if only_restarts(step):
        return (*at, "restarts", zone_of(step.actions[0]))
    return (*at, step.run)


def _may_be_one(parts: Sequence[Part]) -> bool:
    """Whether they are of several causes, and none wants another value than the rest."""
    wanted: dict[str, str] = {}
    for part in parts:
        for action in part.step.actions:
            for key, value in _values(action):
                if wanted.setdefault(key, value) != value:
                    return False
    return len({part.cause for part in parts}) > 1


def _values(action: Action) -> Iterator[tuple[str, str]]:
    match action:
        case SapiMetadata() | UsbkeyConfig():
            yield from ((key, repr(value)) for key, value in action.wanted.items())
            yield from ((key, "") for key in action.gone)
        case NapiRoutes() | VmRoutes():
            yield from ((to, via or "") for to, via in action.after.items())
        case NapiOwners():
            yield from ((owner, str(there)) for owner, there in action.after.items())


def _task(parts: Sequence[Part], news: News) -> Task:
    first = parts[0].planned
    step = joined(parts, news)
    return Task(replace(first, step=step), tuple(parts))


Services = tuple[str, tuple[str, ...]]


def _instances(parts: Iterable[Part]) -> dict[Services, set[str]]:
    """Of services that are restarted in a datacenter the zones."""
    zones: dict[Services, set[str]] = {}
    for part in parts:
        for each in _services(part.step):
            zones.setdefault((part.step.on, each.services), set()).add(each.zone)
    return zones


def _in_turn(tasks: Sequence[Task], zones: dict[Services, set[str]]) -> Iterator[Task]:
    """Instances of one service are restarted one after the other, the next when this one is back."""
    for task in tasks:
        step = task.planned.step
        several = [each for each in _services(step) if len(zones[step.on, each.services]) > 1]
        if not several or not only_restarts(step):
            yield task
            continue
        actions = tuple(replace(each, verb="cycle") if each in several else each for each in step.actions)
        new = replace(rebuilt([step], actions), why=f"{step.why}. The next instance only when this one is back")
        yield replace(task, planned=replace(task.planned, step=new))


def _services(step: Step) -> list[Smf]:
    """The services of zones that it restarts, but for config-agent, which every zone has for itself."""
    restarts = [each for each in step.actions if isinstance(each, Smf) and each.restarts]
    return [each for each in restarts if each.zone and each.services != (CONFIG_AGENT,)]
