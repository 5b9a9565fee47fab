"""Taking back what a journal says was done: the latest first, each under the same three states."""

from __future__ import annotations

from collections.abc import Callable

from apply.asking import Choice, Operator
from apply.engine import Engine, label, shown
from apply.journal import Intent, Journal, effects
from remediate.actions import Action, does
from remediate.actions.globalzone import GlobalRoute
from remediate.actions.ldap import LdapAdd, LdapDelete, Resend
from remediate.actions.network import NapiOwners
from remediate.actions.sapi import SapiMetadata
from remediate.actions.smf import Smf
from remediate.actions.usbkey import UsbkeyConfig
from remediate.actions.vm import VmRoutes
from remediate.plan import PlannedStep
from remediate.steps import DISRUPTIVE, RESTARTS, SAFE, Risk, acting

WELL, LEFT, INTERRUPTED = 0, 1, 2


def inverses(journal: Journal) -> tuple[list[tuple[Intent, Action]], list[Intent]]:
    """What can be taken back, and how; and what cannot."""
    can: list[tuple[Intent, Action]] = []
    cannot: list[Intent] = []
    for intent in effects(journal.entries):
        back = does(intent.action).inverse(intent.value)
        if back is None:
            cannot.append(intent)
        else:
            can.append((intent, back))
    return can, cannot


def _why_not(intent: Intent) -> str:
    """A restart needs no way back; but what runs has the old value only after another one."""
    match intent.action:
        case Smf(verb="restart"):
            return "Is not taken back; type it once more when the old values are rendered"
        case Resend():
            return "Cannot be taken back: the replicas have the master's value now"
        case Smf():
            return "Is not taken back: the service runs again"
    return "Cannot be taken back"


def _risk(back: Action) -> Risk:
    """--yes answers only for what restarts no more than a service, and opens nothing again."""
    match back:
        case UsbkeyConfig() | LdapAdd() | LdapDelete() | VmRoutes() | NapiOwners() | GlobalRoute():
            return SAFE
        case SapiMetadata():
            return RESTARTS
    return DISRUPTIVE


def take_back(journal: Journal, engine: Engine, asking: Operator, lock: Callable[[str], None]) -> int:
    """All that can be taken back; the exit code."""
    can, cannot = inverses(journal)
    for intent in cannot:
        asking.say(f"{_why_not(intent)}: {label(intent.action)} (on {intent.on}, for {intent.cause})")
    if not can:
        asking.say("There is nothing to take back.")
        return WELL
    for number, (intent, back) in enumerate(can, 1):
        why = f"takes back what was done for {intent.cause}: from {shown(back.planned)} to {shown(back.after)}"
        step = acting(intent.on, back, risk=_risk(back), why=why, undo="", undo_note="apply again")
        match asking.step(PlannedStep(intent.on, step), number, len(can)):
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
