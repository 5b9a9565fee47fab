"""A fact: one question to the outside world, with its answer or the reason why there is none."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Generic, TypeVar

from msgspec import Struct

T = TypeVar("T")

_touched: ContextVar[list[Fact[object]] | None] = ContextVar("touched", default=None)


class Fact(Struct, Generic[T], frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What was asked, how and when, and the answer; or, in `why`, the reason why there is no answer.

    `subject` is the id of what was asked ("my-dc-3", "my-dc-3.ufds0", a link's), `asked` a phrase for the operator ("SAPI's
    application sdc"); `how` the command, URL or search that he could repeat; `at` UTC in ISO 8601.  `hidden`: where the
    suite looks from, it cannot be seen at all.  `ours`: there is no answer because the suite broke.  `unread`: how many
    rows of a list could not be read; `because`: what the first of them has.
    """

    subject: str
    asked: str
    how: str
    at: str = ""
    value: T | None = None
    why: str | None = None
    hidden: bool = False
    ours: bool = False
    unread: int = 0
    because: str = ""

    @property
    def title(self) -> str:
        """How reports name it: "my-dc-3: SAPI's application sdc"."""
        return f"{self.subject}: {self.asked}"

    def get(self) -> T:
        """The whole answer. Raises Missing if it, or a row of it, is missing: missing evidence never passes a check."""
        known = self.known()
        self.need_all()
        return known

    def need_all(self) -> None:
        """Raise Missing if rows of the answer could not be read. For a whole answer this does not count as touching the fact."""
        if self.unread:
            _note(self)
            why = f"{self.unread} of its rows cannot be read: {self.because}"
            raise Missing(self.subject, self.asked, self.how, why)

    def known(self) -> T:
        """The rows that could be read. A check that misses something among them must also ask for the whole answer."""
        if self.trouble() is not None or self.value is None:
            raise Missing(self.subject, self.asked, self.how, self.why or "no answer was recorded")
        return self.value

    def trouble(self) -> str | None:
        """Why there is no answer, for the few checks that are about this."""
        _note(self)
        if self.hidden:
            raise OutOfSight(self.subject, self.asked, self.how, self.why or "it cannot be seen")
        if self.ours:
            raise Defective(self.subject, self.asked, self.how, self.why or "the suite broke")
        return self.why


class Missing(Exception):
    """A check touched evidence that is missing. This is not an AssertionError: the check is blocked, not failed.

    `subject` is the id of the subject whose evidence is missing. The text names the subject, what was asked, and why there is no answer.
    """

    def __init__(self, subject: str, asked: str, how: str, why: str) -> None:
        super().__init__(f"{subject}: {asked}: {why}")
        self.subject, self.asked, self.how, self.why = subject, asked, how, why


class OutOfSight(Missing):
    """A check touched what the suite cannot see by design. The check is not applicable there; the text says why."""


class Defective(Missing):
    """A check touched evidence that is missing because of a defect in the suite. That says nothing about the region."""


def need(*seen: object) -> None:
    """Require that evidence is there, whatever it says. Evaluating the arguments raises Missing where it is not."""


def graver(one: Missing | None, other: Missing) -> Missing:
    """The gap to tell of, out of two: what is missing comes before what cannot be seen from here."""
    return other if one is None or isinstance(one, OutOfSight) else one


def _note(fact: Fact[Any]) -> None:
    touched = _touched.get()
    if touched is not None:
        touched.append(fact)


@contextmanager
def touched_facts() -> Iterator[list[Fact[object]]]:
    """Collect every fact whose value is asked for within the block, so that a finding can name its evidence."""
    facts: list[Fact[object]] = []
    token = _touched.set(facts)
    try:
        yield facts
    finally:
        _touched.reset(token)


@contextmanager
def untouched() -> Iterator[None]:
    """What is asked for within the block is not evidence of the finding: it looks at everything, to find what the finding rests on."""
    token = _touched.set(None)
    try:
        yield
    finally:
        _touched.reset(token)


def missing(
    subject: str, asked: str, how: str, why: str, at: str = "", *, hidden: bool = False, ours: bool = False
) -> Fact[T]:
    """Return a fact without an answer."""
    return Fact(subject=subject, asked=asked, how=how, at=at, why=why, hidden=hidden, ours=ours)
