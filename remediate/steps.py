"""What a remedy yields: steps to type, and notes where a command alone does not help.  Pure data."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from evidence.subjects.world import World
from remediate.actions import Action
from remediate.actions.fwapi import MadeRule
from remediate.actions.key import AddKey
from remediate.actions.smf import Smf
from remediate.actions.wait import RenderedAnew
from remediate.notes import Note as Note


class Risk(StrEnum):
    """The worst that a step does; what each means is said in docs/operation.md, "What a step risks"."""

    SAFE = "safe"
    RESTARTS = "restarts"
    DISRUPTIVE = "disruptive"
    OVERWRITES = "overwrites"
    OPENS = "opens"
    UNSUPPORTED = "unsupported"
    DESTROYS = "destroys data"


SAFE, RESTARTS, DISRUPTIVE, OVERWRITES = Risk.SAFE, Risk.RESTARTS, Risk.DISRUPTIVE, Risk.OVERWRITES
OPENS, UNSUPPORTED, DESTROYS = Risk.OPENS, Risk.UNSUPPORTED, Risk.DESTROYS
BY_HAND = frozenset({OPENS, UNSUPPORTED, DESTROYS})
"""The risks that only a human takes: the suite never sends such a step."""

OPERATOR = "operator"
"""`on` of a step that is typed on the operator's own machine."""


class Step(Struct, frozen=True, forbid_unknown_fields=True):
    """One thing to type: where (`on`: "my-dc-3.global" or "operator"), what, at which risk, and how to take it back.

    `run` is pasted as is into the root shell of that head node.  So is `undo`, if a command can take the step back.
    `undo_note` says what no command can take back.  `proof` names the checks that show that the step helped; without it,
    the cause's own check is the proof.  `actions` are what `run` does, as data: the suite can apply a step that has them.
    Without any it is text for a human.  `via` is the address of another server on which they are done, by ssh from `on`.
    Nor does the suite apply a step whose risk only a human takes, or one that a human must decide on (`applied_by_suite`).
    """

    on: str
    run: str
    risk: Risk
    why: str
    proof: tuple[str, ...] = ()
    undo: str = ""
    undo_note: str = ""
    applied_by_suite: bool = True
    actions: tuple[Action, ...] = ()
    via: str = ""

    @property
    def at(self) -> str:
        """Where its actions are done: `on`, and behind a slash the other server."""
        return f"{self.on}/{self.via}" if self.via else self.on

    def __post_init__(self) -> None:
        if self.risk in BY_HAND and self.applied_by_suite:
            raise ValueError(f"a step that {self.risk} is never applied by the suite")
        if self.risk not in BY_HAND and any(
            isinstance(each, MadeRule | AddKey) and not each.gone for each in self.actions
        ):
            raise ValueError(f"a step that lets somebody in is not {self.risk}")


def acting(
    on: str,
    *actions: Action,
    risk: Risk,
    why: str,
    undo: str | None = None,
    undo_note: str = "",
    by_hand: bool = False,
    between: str = "\n",
) -> Step:
    """The step that does these actions one after the other.  What takes it back follows from them, unless it is given."""
    return Step(
        on=on,
        run=_typed(actions, between),
        risk=risk,
        why=why,
        undo=_undo(actions) if undo is None else undo,
        undo_note=undo_note,
        applied_by_suite=not by_hand and risk not in BY_HAND,
        actions=actions,
    )


def _typed(actions: tuple[Action, ...], between: str) -> str:
    """The actions' commands one after the other; what follows a wait is done only if what it waits for has come."""
    parts: list[str] = []
    waited = False
    for action in actions:
        waited = waited or action.waits or isinstance(action, RenderedAnew) or _cycles(action)
        parts.append(action.command() + (" &&" if waited else ""))
    return between.join(parts).removesuffix(" &&")


def _cycles(action: Action) -> bool:
    return isinstance(action, Smf) and action.verb == "cycle"


def _undo(actions: tuple[Action, ...]) -> str:
    """Typed in reverse: each action's own inverse, as far as it has one."""
    inverses = [action.inverse(action.planned) for action in reversed(actions)]
    return "\n".join(inverse.command() for inverse in inverses if inverse is not None)


class Advice(Struct, frozen=True, forbid_unknown_fields=True):
    """All that can be said about one cause; `defect` says how the remedy itself broke, if it did."""

    steps: tuple[Step, ...] = ()
    notes: tuple[str, ...] = ()
    defect: str = ""


def where(on: str, world: World) -> str:
    """The machine of a step as the operator reaches it: "root@10.3.2.2 (my-dc-3)"."""
    name = on.partition(".")[0]
    declared = world.inventory.datacenters.get(name)
    if on == OPERATOR or declared is None:
        return "your own machine (where these checks run)"
    return f"{declared.headnode or 'its head node'} ({name})"
