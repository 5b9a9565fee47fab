"""What every kind of action can do, and how its value is compared.

A value is what JSON can hold.  Only the part that an action is about is read: one key of the metadata, one route.  So two
people who change different parts of one object do not meet.
"""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Any, ClassVar, Protocol

Value = Any
"""None, texts, numbers, lists and objects with texts as keys."""
ABSENT: Value = None


class NoValueError(Exception):
    """The answer to a reading command is not of its form.  Its text says what came instead."""


class Precondition(StrEnum):
    """How the present value stands to an action: a precondition has three states, and no fourth."""

    PLANNED = "as planned"
    WANTED = "as wanted"
    OTHER = "neither as planned nor as wanted"


class Does(Protocol):
    """The methods that each kind of action has.

    `needs` names the checks that must hold in its datacenter before it, "check/role" those at the zones of a role alone.
    """

    waits: ClassVar[bool]
    """Whether it only waits for others, and sends nothing."""

    @property
    def needs(self) -> tuple[str, ...]: ...

    @property
    def patience(self) -> float:
        """Seconds within which the value must be read as wanted after the command."""
        ...

    @property
    def planned(self) -> Value:
        """The value before, as the evidence had it."""
        ...

    @property
    def after(self) -> Value:
        """The wanted value."""
        ...

    def command(self) -> str:
        """The text as it is printed, and as it is sent."""
        ...

    def read(self) -> str:
        """A command that reads the present value and changes nothing."""
        ...

    def seen(self, code: int, text: str) -> Value:
        """What that command's exit status and output say.  Raises NoValueError."""
        ...

    def standing(self, now: Value) -> Precondition:
        """Whether the value is as planned, as wanted, or neither."""
        ...

    def done(self, then: Value, now: Value) -> bool:
        """Whether the action has had its effect, given the value just before it and the value now."""
        ...

    def inverse(self, then: Value) -> Any:
        """The action that brings back the value `then`; None if no action can, or need."""
        ...


def same(one: Value, other: Value) -> bool:
    """Whether two values are equal as JSON: true is not 1, and "2020" not 2020."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def stands(now: Value, planned: Value, after: Value) -> Precondition:
    """The three states, where both values are known."""
    if same(now, after):
        return Precondition.WANTED
    return Precondition.PLANNED if same(now, planned) else Precondition.OTHER


def json_of(code: int, text: str, what: str) -> Any:
    """The JSON that a command printed.  Raises NoValueError."""
    try:
        return json.loads(text)
    except ValueError:
        raise NoValueError(f"{what} said {short(text)!a} (exit {code}), which is no JSON") from None


def object_of(code: int, text: str, what: str, uuid: str) -> dict[str, Any]:
    """The object of that uuid.  Raises NoValueError, also for another one's or an error's."""
    read = json_of(code, text, what)
    if not isinstance(read, dict) or read.get("uuid") != uuid:
        said = read.get("message", "") if isinstance(read, dict) else ""
        raise NoValueError(f"{what} has no object {uuid}{f': {short(str(said))!a}' if said else ''}")
    return read


def short(text: str) -> str:
    """The beginning of an answer, on one line."""
    line = " ".join(text.split())
    return line if len(line) <= 120 else f"{line[:120]}…"
