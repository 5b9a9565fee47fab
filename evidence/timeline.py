"""Where the time of one run went (`--timeline`): its phases, its questions, and the one chain of waits that took the longest.

Nothing of it is evidence. Without the option there is no recorder, and nothing is noted.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

OURS, OUTSIDE, PAUSE, THREAD = "this machine", "an answer", "a pause or a timeout", "an answer, in a thread"
"""What the time of a link went for: our own work (and the wait for a processor), or what came from outside."""


class Topic(Struct, frozen=True):
    """Whom something is asked about, and what."""

    subject: str
    asked: str


BETWEEN: Final = "between the questions"
NOBODY: Final = Topic("", BETWEEN)
RUN: Final = Topic("the run", "")
ASKED: ContextVar[Topic] = ContextVar("asked", default=NOBODY)
"""What the task that runs is asking."""


class Phase(Struct, frozen=True):
    """A part of the run, in seconds of the monotonic clock."""

    what: str
    begin: float
    end: float


class AskedSpan(Struct, frozen=True):
    """A question, from when to when."""

    question: Topic
    begin: float
    end: float


@dataclass(eq=False, slots=True)
class TaskStep:
    """A task's stretch of work between two waits.

    `cause`: the step of another task that ended the wait before it; else `kind` says what did. `before`: the same task's step before
    that wait. `rooted`: whether a way leads back from it to where the collecting began. `where`: in which function it waits next.
    """

    begin: float
    end: float = 0.0
    question: Topic = NOBODY
    cause: TaskStep | None = None
    before: TaskStep | None = None
    kind: str = OUTSIDE
    rooted: bool = True
    where: str = ""
    queued: float = 0.0


class ChainLink(Struct, frozen=True):
    """A part of the chain: while it lasted, the run waited for nothing but this.

    `parts`: what the time went for. `where`: in which function it waited the longest. `after`: in which function it had waited for the
    link before to end. `queued`: seconds until a thread was free.
    """

    question: Topic
    begin: float
    end: float
    parts: dict[str, float]
    where: str = ""
    after: str = ""
    queued: float = 0.0

    @property
    def seconds(self) -> float:
        return self.end - self.begin


class Recorder:
    """Notes what takes time. `chains` are the chains of each time that the datacenters were asked, `phases` what was around."""

    def __init__(self, began: float) -> None:
        self.began = began
        self.phases: list[Phase] = []
        self.questions: list[AskedSpan] = []
        self.chains: list[list[ChainLink]] = []

    @contextmanager
    def phase(self, what: str) -> Iterator[None]:
        """Note how long the block takes."""
        begin = time.monotonic()
        try:
            yield
        finally:
            self.phases.append(Phase(what, begin, time.monotonic()))

    @contextmanager
    def question(self, question: Topic) -> Iterator[None]:
        """Note how long the block takes to answer a question, and that what it does is done for that."""
        begin, token = time.monotonic(), ASKED.set(question)
        try:
            yield
        finally:
            ASKED.reset(token)
            self.questions.append(AskedSpan(question, begin, time.monotonic()))

    def chain(self) -> list[ChainLink]:
        """The one chain through the whole run so far: the phases, and within them what the asking waited for.

        It has no gaps: the moment between two phases is the later one's.
        """
        inner = sorted((link for chain in self.chains for link in chain), key=lambda link: link.begin)
        begins = [self.began, *(each.end for each in self.phases)]
        whole = [
            ChainLink(replace(RUN, asked=each.what), begin, each.end, {})
            for begin, each in zip(begins, self.phases, strict=False)
        ]
        return [*_between(whole, inner)]


RECORDER: ContextVar[Recorder | None] = ContextVar("recorder", default=None)
"""The recorder of this run, if it has one."""
_NOTHING: Final = nullcontext()


def asking(subject: str, asked: str) -> AbstractContextManager[None]:
    """Around whatever answers a question."""
    recorder = RECORDER.get()
    return _NOTHING if recorder is None else recorder.question(Topic(subject, asked))


def way_back(last: TaskStep) -> list[ChainLink]:
    """The chain that ends with this step, from its beginning: what ended each wait, and what that had waited for before.

    Where a step of another task ended the wait, the chain goes on with that task. Where something else did (an answer, a clock),
    that wait is part of the chain itself.
    """
    links: list[ChainLink] = []
    step: TaskStep | None = last
    until = last.end
    while step is not None:
        before, cause = step.before, step.cause
        for_whom = (before or step).question
        if cause is not None and cause.rooted:
            woken = min(cause.end or step.begin, step.begin)
            after = before.where if before is not None and before is not cause else ""
            links.append(ChainLink(for_whom, woken, until, {OURS: until - woken}, after=after))
            until, step = woken, cause
            continue
        links.append(ChainLink(for_whom, step.begin, until, {OURS: until - step.begin}))
        if before is None or not before.rooted:
            break
        waited = step.begin - before.end
        links.append(ChainLink(for_whom, before.end, step.begin, {step.kind: waited}, before.where, queued=step.queued))
        until, step = before.end, before
    return joined([*_named(links)][::-1])


def _named(links: Iterable[ChainLink]) -> Iterator[ChainLink]:
    """The chain from its end on. What was done for no question of its own was done for the one that waited for it, there."""
    later = NOBODY
    for link in links:
        own = link.question
        if own.asked == BETWEEN and _place(later) == _place(own):
            link = replace(link, question=later)
        later = link.question
        yield link


def _place(question: Topic) -> str:
    """The datacenter."""
    return question.subject.partition(".")[0]


def joined(links: Sequence[ChainLink]) -> list[ChainLink]:
    """The same, with neighbours that are about one question as one."""
    found: list[ChainLink] = []
    longest: float = 0
    for link in links:
        last = found[-1] if found else None
        if last is None or last.question != link.question:
            found.append(link)
            longest = link.seconds if link.where else 0
            continue
        parts = {kind: last.parts.get(kind, 0) + link.parts.get(kind, 0) for kind in {**last.parts, **link.parts}}
        where = link.where if link.where and link.seconds >= longest else last.where
        longest = max(longest, link.seconds if link.where else 0)
        queued = last.queued + link.queued
        found[-1] = replace(last, end=link.end, parts=parts, where=where, queued=queued)
    return found


def _between(whole: list[ChainLink], inner: list[ChainLink]) -> Iterator[ChainLink]:
    """What is whole, with what is known of its inside put in."""
    for outer in whole:
        at = outer.begin
        for link in inner:
            if outer.begin <= link.begin < outer.end:
                if link.begin > at:
                    yield _of_phase(outer, at, link.begin)
                yield link
                at = max(at, link.end)
        if outer.end > at:
            yield _of_phase(outer, at, outer.end)


def _of_phase(outer: ChainLink, begin: float, end: float) -> ChainLink:
    return replace(outer, begin=begin, end=end, parts={OURS: end - begin})
