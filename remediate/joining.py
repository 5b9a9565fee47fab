"""The one step that does what steps of several causes do, in their words.  Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from evidence.subjects.triton import CONFIG_AGENT
from remediate.actions import Action
from remediate.actions.network import NapiOwners, NapiRoutes
from remediate.actions.sapi import SapiMetadata
from remediate.actions.smf import Smf
from remediate.actions.usbkey import UsbkeyConfig
from remediate.actions.vm import VmRoutes
from remediate.actions.wait import Rendered
from remediate.durable import adding
from remediate.elsewhere import sent
from remediate.plan import PlannedStep
from remediate.steps import Risk, Step, acting
from verdict.judge import Named

T = TypeVar("T")
_RISKS = tuple(Risk)
"""From the least to the worst."""


class Part(Struct, frozen=True):
    """A step as one cause has it."""

    cause: Named
    planned: PlannedStep

    @property
    def step(self) -> Step:
        return self.planned.step


class News(Struct, frozen=True):
    """What the plan sets in SAPI: by datacenter and key the value before, and the wanted one; and which causes set something."""

    values: dict[tuple[str, str, str], str]
    causes: frozenset[Named]

    @classmethod
    def of(cls, parts: Iterable[Part]) -> News:
        values, causes = {}, set()
        for part in parts:
            for action in part.step.actions:
                if isinstance(action, SapiMetadata):
                    causes.add(part.cause)
                    for key, value in action.wanted.items():
                        values[part.step.on, _plain(key), str(action.before.get(key, ""))] = str(value)
        return cls(values, frozenset(causes))

    def seen(self, on: str, action: Action) -> Action:
        """A wait for the value that SAPI has is one for the value that SAPI is to have."""
        if not isinstance(action, Rendered) or action.gone:
            return action
        return replace(action, value=self.values.get((on, _plain(action.key), action.value), action.value))

    def awaited(self, setting: Part, waiting: Part) -> bool:
        """Whether one sets what the other waits for, once that is told what the plan sets."""
        sets = {_plain(key) for each in setting.step.actions if isinstance(each, SapiMetadata) for key in each.wanted}
        return setting.step.on == waiting.step.on and any(
            isinstance(each, Rendered) and self.seen(waiting.step.on, each) != each and _plain(each.key) in sets
            for each in waiting.step.actions
        )


def _plain(key: str) -> str:
    """region_name in SAPI is recursion.regionName in binder's file."""
    return key.rpartition(".")[2].replace("_", "").lower()


def joined(parts: Sequence[Part], news: News) -> Step:
    """The step that does what all of them do."""
    steps = [part.step for part in parts]
    first = steps[0]
    if only_restarts(first):
        actions = _restarts(parts, news)
        return first if len(parts) == 1 and actions == first.actions else rebuilt(steps, actions)
    if len({step.run for step in steps}) == 1:
        waits = tuple(news.seen(first.on, action) for action in first.actions)
        return _told(first if waits == first.actions else rebuilt([first], waits), steps)
    match first.actions:
        case (NapiRoutes() as routes,) if not _all(steps, "removed"):
            return _told(adding(first, replace(routes, added=_all(steps, "added"), had=_each(steps, "had"))), steps)
    return rebuilt(steps, (_update(first.actions[0], steps),))


def _update(action: Action, steps: Sequence[Step]) -> Action:
    match action:
        case SapiMetadata() | UsbkeyConfig():
            gone = distinct(key for step in steps for each in step.actions for key in getattr(each, "gone", ()))
            return replace(action, wanted=_all(steps, "wanted"), gone=gone, before=_all(steps, "before"))
        case NapiRoutes():
            return replace(action, added=_all(steps, "added"), removed=_all(steps, "removed"), had=_each(steps, "had"))
        case VmRoutes():
            return replace(action, added=_all(steps, "added"), removed=_all(steps, "removed"))
        case NapiOwners():
            return replace(action, added=_each(steps, "added"), gone=_each(steps, "gone"))
    raise TypeError(f"{action} updates no object")


def _all(steps: Sequence[Step], field: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for step in steps:
        found |= getattr(step.actions[0], field)
    return found


def _each(steps: Sequence[Step], field: str) -> tuple[str, ...]:
    return tuple(sorted({one for step in steps for one in getattr(step.actions[0], field)}))


def _restarts(parts: Sequence[Part], news: News) -> tuple[Action, ...]:
    """config-agent first, then what is waited for, then all that is restarted, each once."""
    by_cause = sorted(parts, key=lambda part: part.cause not in news.causes)  # who sets a value knows what is to come
    waits: dict[tuple[str, str], Action] = {}
    for part in by_cause:
        for action in part.step.actions:
            if isinstance(action, Rendered):
                waits.setdefault((action.path, action.key), news.seen(part.step.on, action))
    restarts = [[each for each in part.step.actions if isinstance(each, Smf)] for part in parts]
    last = _last(restarts)
    agents = [each for each in last if each.services == (CONFIG_AGENT,)]
    return (*agents, *waits.values(), *(each for each in last if each not in agents))


def _last(sequences: Iterable[Sequence[Smf]]) -> list[Smf]:
    """Each once, where any of the sequences has it last: what rests on something is restarted after it."""
    place: dict[Smf, int] = {}
    for sequence in sequences:
        for number, each in enumerate(sequence):
            place[each] = max(place.get(each, 0), number)
    return [each for each in sorted(place, key=place.__getitem__) if not _covered(each, place)]


def _covered(one: Smf, others: Iterable[Smf]) -> bool:
    """Whether another one restarts all that this one does, and more."""
    return any(set(one.services) < set(other.services) for other in others)


def rebuilt(steps: Sequence[Step], actions: tuple[Action, ...]) -> Step:
    """A step of these actions, in the words of those that it stands for."""
    first = steps[0]
    notes = distinct(step.undo_note for step in steps if step.undo_note)
    new = acting(
        first.on,
        *actions,
        risk=max((step.risk for step in steps), key=_RISKS.index),
        why=first.why,
        undo=None if any(step.undo for step in steps) else "",
        undo_note="; ".join(notes),
        by_hand=not first.applied_by_suite,
    )
    return _told(sent(new, first.via) if first.via else new, steps)


def _told(step: Step, steps: Sequence[Step]) -> Step:
    """With the reasons and proofs of all of them; a sentence that several say is said once."""
    whys = distinct(why for each in steps for why in re.split(r"(?<=[.;]) ", each.why))
    joined = "".join(f"{why} " if why[-1:] in (".", ";") else f"{why}; " for why in whys).rstrip("; ")
    return replace(step, why=joined, proof=distinct(proof for each in steps for proof in each.proof))


def only_restarts(step: Step) -> bool:
    """Whether it restarts, and waits before it, in one zone, and does nothing else."""
    return (
        bool(step.actions)
        and len({zone_of(action) for action in step.actions if runs(action)}) == 1
        and all(runs(action) for action in step.actions)
    )


def runs(action: Action) -> bool:
    return isinstance(action, Rendered) or (isinstance(action, Smf) and action.restarts)


def zone_of(action: Action) -> str:
    return action.zone if isinstance(action, Rendered | Smf) else ""


def distinct(items: Iterable[T]) -> tuple[T, ...]:
    return tuple(dict.fromkeys(items))
