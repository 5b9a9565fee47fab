"""The conversations with UFDS that are kept open for the next question: over a distance each beginning costs three round trips."""

from __future__ import annotations

import asyncio
import functools
import importlib
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Protocol

from evidence.collect.ldap import Login, Reply, Search, complete
from evidence.collect.through import Through
from evidence.collect.tunnel import Tunnel
from evidence.collect.unanswered import AgainError, ClosedError
from evidence.inventory.model import Timeouts

Whom = tuple[str, object]
"""The host of a UFDS, and the account that asks it."""


class Talk(Protocol):
    """A conversation as conversation.py has it. It blocks."""

    def ask(self, searches: Sequence[Search]) -> Reply: ...
    def end(self) -> None: ...


@dataclass(frozen=True)
class OpenTalk:
    """A conversation, the tunnel that it goes through, and what closes the tunnel."""

    talk: Talk
    tunnel: Tunnel
    closing: AsyncExitStack

    async def end(self) -> None:
        self.talk.end()
        await self.closing.aclose()


class Talks:
    """The conversations with the UFDS of one datacenter: at most `at_once`, for it is in production."""

    def __init__(self, through: Through, timeouts: Timeouts, at_once: int) -> None:
        self._through, self._timeouts, self._turns = through, timeouts, asyncio.Semaphore(at_once)
        self._idle: defaultdict[Whom, list[OpenTalk]] = defaultdict(list)

    async def ask(self, whom: Whom, login: Callable[[int], Login], searches: Sequence[Search], most: int) -> Reply:
        """A bind, and searches. UFDS may send `most` bytes. A failure is returned, unless the way there is broken."""
        async with self._turns:
            try:
                reply = await self._gone_on(whom, searches, most)
                return reply or await self._begun(whom, login, searches, most)
            except ClosedError as error:
                return Reply(False, str(error))
            except TimeoutError:
                return Reply(False, f"no answer within {self._timeouts.command:g} s", silent=True)

    async def _begun(self, whom: Whom, login: Callable[[int], Login], searches: Sequence[Search], most: int) -> Reply:
        """What is answered in a new conversation, which is kept open if all of it was."""

        def work(local: int) -> tuple[Reply, Talk]:
            talk = _talk(login(local), self._timeouts.command)
            return _asked(talk, searches), talk

        def hold(answer: tuple[Reply, Talk], through: Tunnel, closing: AsyncExitStack) -> None:
            self._idle[whom].append(OpenTalk(answer[1], through, closing.pop_all()))

        reply, _ = await self._through.run(whom[0], 636, work, lambda answer: complete(answer[0]), most, hold)
        return reply

    async def _gone_on(self, whom: Whom, searches: Sequence[Search], most: int) -> Reply | None:
        """What is answered in a conversation that is open already; None if there is none, or not all was answered."""
        if not self._idle[whom]:
            return None
        kept = self._idle[whom].pop()
        kept.tunnel.allow(most)
        async with AsyncExitStack() as closing:
            closing.push_async_callback(kept.closing.aclose)
            try:
                reply = await self._through.within_a_command(functools.partial(_asked, kept.talk, searches))
            except AgainError:
                return None
            if not complete(reply):
                return None
            closing.pop_all()
        self._idle[whom].append(kept)
        return reply

    async def end(self) -> None:
        """End those that are open: nothing is asked any more."""
        while self._idle:
            _, idle = self._idle.popitem()
            for each in idle:
                await each.end()


def _talk(login: Login, timeout: float) -> Talk:
    """In a thread: what it needs takes long to load, and meanwhile others wait for the network."""
    talk: Talk = importlib.import_module("evidence.collect.conversation").Conversation(login, timeout)
    return talk


def _asked(talk: Talk, searches: Sequence[Search]) -> Reply:
    """What is answered. A conversation in which not all is answered is over."""
    reply = talk.ask(searches)
    if not complete(reply):
        talk.end()
    return reply
