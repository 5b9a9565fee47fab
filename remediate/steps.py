"""What a remedy yields: steps to type, and notes where a command alone does not help.  Pure data."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from evidence.subjects.world import World


class Risk(StrEnum):
    """safe: nobody notices; restarts: a service is away for seconds; disruptive: users or several zones notice."""

    SAFE = "safe"
    RESTARTS = "restarts"
    DISRUPTIVE = "disruptive"
    DESTROYS = "destroys data"


SAFE, RESTARTS, DISRUPTIVE, DESTROYS = Risk.SAFE, Risk.RESTARTS, Risk.DISRUPTIVE, Risk.DESTROYS

OPERATOR = "operator"
"""`on` of a step that is typed on the operator's own machine."""


class NapiRoutes(Struct, frozen=True, forbid_unknown_fields=True):
    """The routes that a step adds to a NAPI network.  The plan uses them to print no route twice."""

    network: str
    added: dict[str, str]


class Step(Struct, frozen=True, forbid_unknown_fields=True):
    """One thing to type: where (`on`: "my-dc-3.global" or "operator"), what, at which risk, and how to take it back.

    `run` is pasted as is into the root shell of that head node.  So is `undo`, if a command can take the step back.
    `undo_note` says what no command can take back.  `proof` names the checks that show that the step helped; without it,
    the cause's own check is the proof.  The suite never applies a step that destroys data (design, rule 9), or one that
    a human must decide.
    """

    on: str
    run: str
    risk: Risk
    why: str
    proof: tuple[str, ...] = ()
    undo: str = ""
    undo_note: str = ""
    applied_by_suite: bool = True
    napi: NapiRoutes | None = None

    def __post_init__(self) -> None:
        if self.risk == DESTROYS and self.applied_by_suite:
            raise ValueError("a step that destroys data is never applied by the suite")


class Note(Struct, frozen=True, forbid_unknown_fields=True):
    """A sentence beside the steps: what to watch, what is not known, or what to do if there is no command."""

    text: str


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
