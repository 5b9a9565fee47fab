"""One action: read, compare, note, send, read again.

A precondition has three states.  As planned: it is run.  As wanted: it is skipped.  Anything else: it stops, and both values are
shown.  Success is the value that is read afterwards, never an exit status.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from apply.door import Answer, Door
from apply.journal import Effect, Intent, Journal, effects
from evidence.redact import Vault
from remediate.actions import Action, digest, does
from remediate.actions.network import NapiOwners, NapiRoutes
from remediate.actions.reading import NoValueError, Precondition, Value, same
from remediate.actions.smf import Smf
from remediate.actions.wait import Rendered, RenderedAnew
from remediate.elsewhere import over_ssh

PAUSE = 1.0
"""Seconds between two looks at a value that is to change."""
READING = 30.0
SENDING = 120.0
"""Seconds that a command may take; a wait has its own patience."""
MOST_SAID = 2000


@dataclass(frozen=True)
class Reading:
    """A value that was read, or why there is none."""

    value: Value = None
    why: str = ""


@dataclass(frozen=True)
class Done:
    """What became of an action: `well` if the value is as wanted; `why` is a sentence for the operator."""

    well: bool
    why: str
    outcome: Effect | None = None
    """None: nothing was sent."""


class Engine:
    """Carries actions out.  `pause` and `clock` are of time, so that tests need not wait."""

    def __init__(
        self,
        door: Door,
        journal: Journal | None,
        vault: Vault,
        pause: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._door, self._journal, self._vault = door, journal, vault
        self._pause, self._clock = pause, clock

    def was_done(self, on: str, action: Action) -> bool:
        """Whether the journal has it as done, and not taken back."""
        known = effects(self._journal.entries) if self._journal is not None else ()
        return any((intent.on, intent.hash) == (on, digest(action)) for intent in known)

    def read(self, on: str, action: Action) -> Reading:
        """The present value.  A command that only reads is asked once more if no answer came."""
        answer = self._door.run(place(on), typed_at(on, action.read()), READING)
        if answer.code is None:
            answer = self._door.run(place(on), typed_at(on, action.read()), READING)
        if answer.code is None:
            return Reading(why=f"{place(on)}: {answer.why}")
        self._learn(answer.out)
        try:
            return Reading(action.seen(answer.code, answer.out or answer.err))
        except NoValueError as error:
            return Reading(why=f"{place(on)}: {self._vault.scrub(str(error))}")

    def standing(self, on: str, action: Action) -> tuple[Precondition | None, Reading]:
        """How the present value stands to the action; None if it cannot be read."""
        reading = self.read(on, action)
        return (None if reading.why else action.standing(reading.value)), reading

    def carry_out(self, on: str, cause: str, action: Action, undoes: int = 0) -> Done:
        """The action, from reading its precondition to reading what came of it."""
        precondition, reading = self.standing(on, action)
        if precondition is None:
            return Done(False, f"the present value cannot be read, so nothing was sent ({reading.why})")
        if precondition == Precondition.OTHER:
            return Done(False, both(action, reading.value))
        if precondition == Precondition.WANTED and not does(action).waits:
            return Done(True, "it is as wanted already")
        assert self._journal is not None
        intent = self._journal.intend(on, cause, action, reading.value, undoes)
        if does(action).waits:
            return self._waited(intent)
        try:
            answer = self._door.run(place(on), typed_at(on, action.command()), SENDING + does(action).patience)
        except KeyboardInterrupt:
            self._journal.result(intent.number, Effect.UNKNOWN, said="interrupted")
            raise
        return self._judged(intent, answer)

    def _waited(self, intent: Intent) -> Done:
        """Nothing is sent.  It is noted all the same: taking back has to wait at the same place."""
        assert self._journal is not None
        action, then = intent.action, intent.value
        reading = self._until_done(intent.on, action, then)
        if not reading.why and action.done(then, reading.value):
            self._journal.result(intent.number, Effect.VERIFIED, value=reading.value)
            return Done(True, "it has come", Effect.VERIFIED)
        self._journal.result(intent.number, Effect.NOTHING, said="the wait was over", value=reading.value)
        seen = reading.why or f"it is {shown(reading.value)}"
        return Done(False, f"waited {action.patience:g} s for {shown(action.after)}, and {seen}")

    def _until_done(self, on: str, action: Action, then: Value, *, patience: float | None = None) -> Reading:
        """Reads until the value shows that the action is done, or its patience is over."""
        end = self._clock() + (action.patience if patience is None else patience)
        while True:
            reading = self.read(on, action)
            if (not reading.why and action.done(then, reading.value)) or self._clock() >= end:
                return reading
            self._pause(PAUSE)

    def _judged(self, intent: Intent, answer: Answer) -> Done:
        """What the value says; the exit status is only told."""
        assert self._journal is not None
        if not answer.sent:
            self._journal.result(intent.number, Effect.NOTHING, said=answer.why)
            return Done(False, f"nothing was sent: {answer.why}", Effect.NOTHING)
        action, then = intent.action, intent.value
        reading = self._until_done(intent.on, action, then)
        said = self._said(answer)
        how = f"it said {said!a} (exit {answer.code})" if answer.code is not None else answer.why
        if reading.why:
            outcome, why = Effect.UNKNOWN, f"{how}; what became of it is not known: {reading.why}"
        elif action.done(then, reading.value):
            outcome, why = Effect.VERIFIED, "done, and read again" + (f"; {how}" if answer.code != 0 else "")
        elif answer.code is None:
            outcome, why = Effect.UNKNOWN, f"{answer.why}; the value is {shown(reading.value)}, and may still change"
        elif same(then, reading.value):
            outcome, why = (
                Effect.FAILED,
                f"nothing has changed, though {how}" if answer.code == 0 else f"failed: {how}",
            )
        else:
            outcome, why = Effect.FAILED, f"{both(action, reading.value)} {how}"
        self._journal.result(intent.number, outcome, answer.code, said, reading.value)
        return Done(outcome == Effect.VERIFIED, why, outcome)

    def resolve(self, intent: Intent) -> Done:
        """Reads again what became of an intent that nobody knows the end of: as wanted, as before, or neither."""
        assert self._journal is not None
        reading = self.read(intent.on, intent.action)
        if reading.why:
            return Done(False, f"what became of it is still not known: {reading.why}", Effect.UNKNOWN)
        if intent.action.done(intent.value, reading.value):
            self._journal.result(intent.number, Effect.VERIFIED, value=reading.value)
            return Done(True, "it was done", Effect.VERIFIED)
        if same(intent.value, reading.value):
            self._journal.result(intent.number, Effect.NOTHING, value=reading.value)
            return Done(True, "nothing was changed", Effect.NOTHING)
        return Done(False, both(intent.action, reading.value), Effect.UNKNOWN)

    def left(self, intent: Intent) -> None:
        """Notes that a human has looked at what became of an intent, and leaves it so."""
        assert self._journal is not None
        value = self.read(intent.on, intent.action).value
        self._journal.result(intent.number, Effect.FAILED, said="left as it is", value=value)

    def _said(self, answer: Answer) -> str:
        self._learn(answer.out)
        text = " ".join(f"{answer.out}\n{answer.err}".split())
        return self._vault.scrub(text if len(text) <= MOST_SAID else f"{text[:MOST_SAID]}…")

    def _learn(self, text: str) -> None:
        """From now on the passwords in a JSON answer are blotted out of all that is noted or shown."""
        try:
            rest: list[Any] = [json.loads(text)]
        except ValueError:
            return
        while rest:
            match rest.pop():
                case dict() as held:
                    self._vault.learn_all(held)
                    rest += held.values()
                case list() as listed:
                    rest += listed


def place(on: str) -> str:
    """The datacenter of a step: "my-dc-3.global" is its head node, "my-dc-3.global/10.3.1.60" another server behind that."""
    return on.partition(".")[0]


def typed_at(on: str, command: str) -> str:
    """The command as the head node gets it."""
    address = on.partition("/")[2]
    return over_ssh(address, command) if address else command


def label(action: Action) -> str:
    """An action on one line: what is waited for, or the telling line of its command."""
    if isinstance(action, Rendered):
        return f"wait until {action.key} in {action.path} is {'no longer ' if action.gone else ''}{action.value}"
    if isinstance(action, Smf) and action.verb == "cycle":
        return f"{does(replace(action, verb='restart')).command()}, and wait until it is back"
    if isinstance(action, RenderedAnew):
        return f"restart config-agent, and wait until {action.path} is written anew"
    lines = action.command().splitlines()
    line = lines[-1] if isinstance(action, NapiRoutes | NapiOwners) else lines[0]  # below the function's text
    return line if len(line) <= 120 else f"{line[:120]}…"


def both(action: Action, now: Value) -> str:
    """The sentence for a value that nobody expected."""
    return (
        f"somebody else has changed it: planned from {shown(action.planned)} to {shown(action.after)}, and it is "
        f"{shown(now)}."
    )


def shown(value: Value) -> str:
    """A value, for a sentence."""
    text = json.dumps(value, sort_keys=True)
    return text if len(text) <= 300 else f"{text[:300]}…"
