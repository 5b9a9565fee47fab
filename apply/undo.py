"""Taking back what a journal says was done: the latest first, each under the same three states."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from msgspec.structs import replace

from apply.asking import Choice, Operator
from apply.engine import Engine, label, shown
from apply.journal import Intent, Journal, effects, undone
from evidence.subjects.triton import CONFIG_AGENT, NET_AGENT
from remediate.actions import Action, does
from remediate.actions.globalzone import GlobalRoute
from remediate.actions.ldap import LdapAdd, LdapDelete, LdapModify, Resend
from remediate.actions.network import NapiOwners, NapiRoutes
from remediate.actions.sapi import SapiMetadata
from remediate.actions.smf import Smf
from remediate.actions.usbkey import UsbkeyConfig
from remediate.actions.vm import VmRoutes
from remediate.actions.wait import Rendered, RenderedAnew
from remediate.plan import PlannedStep
from remediate.steps import DISRUPTIVE, RESTARTS, SAFE, Risk, acting

WELL, LEFT, INTERRUPTED = 0, 1, 2


@dataclass(frozen=True)
class Back:
    """What is to be done to take an intent back."""

    intent: Intent
    action: Action


def inverses(journal: Journal) -> tuple[list[Back], list[Intent]]:
    """What brings values back, the latest first, and what cannot be brought back."""
    can: list[Back] = []
    cannot: list[Intent] = []
    known = list(effects(journal.entries))
    for intent in known:
        back = None if _comes_back(intent, known) else does(intent.action).inverse(intent.value)
        if back is not None:
            can.append(Back(intent, back))
        elif not _runs(intent.action):
            cannot.append(intent)
    return can, cannot


def afterwards(journal: Journal) -> list[Back]:
    """What makes processes run with values that were brought back: the waits and restarts of the same causes, in their order.

    A wait is for the value that was set to be gone; a service that was restarted twice is restarted once.  In each zone
    config-agent comes first, then all that is waited for, then what is restarted: it may have been restarted for several values.
    """
    brought = {name for intent in undone(journal.entries) if not _runs(intent.action) for name in intent.causes}
    found: dict[str, Back] = {}
    zones: dict[tuple[str, str], int] = {}
    for intent in reversed(list(effects(journal.entries))):
        if brought.intersection(intent.causes) and _runs(intent.action):
            found.pop(at := f"{intent.on} {intent.hash}", None)
            found[at] = Back(intent, _once_more(intent.action))
            zones.setdefault(_place(intent), len(zones))
    return sorted(found.values(), key=lambda back: (zones[_place(back.intent)], _turn(back.action)))


def _place(intent: Intent) -> tuple[str, str]:
    return intent.on, intent.action.zone if isinstance(intent.action, Rendered | RenderedAnew | Smf) else ""


def _turn(action: Action) -> int:
    if isinstance(action, Rendered | RenderedAnew):
        return 1
    return 0 if isinstance(action, Smf) and action.services == (CONFIG_AGENT,) else 2


def _runs(action: Action) -> bool:
    """Whether it is a restart, or a wait for one: there is no value to bring back."""
    return isinstance(action, Rendered | RenderedAnew) or (isinstance(action, Smf) and action.restarts)


def _once_more(action: Action) -> Action:
    return replace(action, gone=True) if isinstance(action, Rendered) else action


def _comes_back(intent: Intent, known: list[Intent]) -> bool:
    """Whether it set routes in a zone that NAPI has, so that net-agent was restarted for them: it would set them again."""
    return isinstance(intent.action, VmRoutes) and any(
        isinstance(other.action, Smf) and NET_AGENT in other.action.services and {*other.causes} & {*intent.causes}
        for other in known
        if other.on == intent.on
    )


def _why_not(intent: Intent) -> str:
    match intent.action:
        case Resend():
            return "Cannot be taken back: the replicas have the master's value now"
        case VmRoutes():
            return "Is not taken back: NAPI has these routes, and net-agent brings them into the zone again"
        case NapiRoutes(had=had):
            return f"Is not taken back: net-agent would take the routes out of {', '.join(had)} too, which had them by hand"
        case LdapModify(attribute="changenumber"):
            return "Is not taken back: the replicator has gone on from there"
        case Smf():
            return "Is not taken back: the service runs again"
    return "Cannot be taken back"


def _risk(back: Action) -> Risk:
    """--yes answers only for what restarts no more than a service, and opens nothing again."""
    match back:
        case Rendered() | UsbkeyConfig() | LdapAdd() | LdapDelete() | VmRoutes() | NapiOwners() | GlobalRoute():
            return SAFE
        case SapiMetadata() | RenderedAnew() | Smf(verb="restart" | "cycle"):
            return RESTARTS
    return DISRUPTIVE


def take_back(journal: Journal, engine: Engine, asking: Operator, lock: Callable[[str], None]) -> int:
    """All that can be taken back; the exit code."""
    can, cannot = inverses(journal)
    for intent in cannot:
        asking.say(f"{_why_not(intent)}: {label(intent.action)} (on {intent.on}, for {intent.cause})")
    if not can and not afterwards(journal):
        asking.say("There is nothing to take back.")
    code = _each(can, engine, asking, lock)
    return code if code != WELL else _each(afterwards(journal), engine, asking, lock)


def _each(backs: list[Back], engine: Engine, asking: Operator, lock: Callable[[str], None]) -> int:
    """Asks for each, and does it."""
    for number, (intent, back) in enumerate(((each.intent, each.action) for each in backs), 1):
        why = f"takes back what was done for {intent.cause}: from {shown(back.planned)} to {shown(back.after)}"
        why = f"for what was taken back of {intent.cause}" if _runs(back) else why
        step = acting(intent.on, back, risk=_risk(back), why=why, undo="", undo_note="apply again")
        match asking.step(PlannedStep(intent.on, step), number, len(backs)):
            case Choice.SKIP:
                continue
            case Choice.QUIT:
                return INTERRUPTED
        lock(intent.on)
        done = engine.carry_out(intent.on, intent.cause, back, undoes=intent.number)
        asking.say(f"  {done.why}")
        if not done.well:
            return LEFT
    return WELL
