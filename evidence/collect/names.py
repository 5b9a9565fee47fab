"""Binder's answers: DNS over TCP, for A records, or for SRV records if the name begins with an underscore.

Recursion is desired: without it, a binder passes nothing on.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import time
from collections.abc import AsyncIterator
from typing import Final, Protocol

import asyncssh

from evidence.collect.tunnel import Reach
from evidence.collect.unanswered import AgainError, ClosedError
from evidence.inventory.model import Timeouts
from evidence.model import DnsAnswer

SLOWEST_BINDER: Final = 5.0
"""A binder that cannot reach another one answers REFUSED after 3 s: facts, "How a real binder answers"."""
OWN_ROLES: Final = ("moray", "sapi", "ufds")
AT_ONCE: Final = 16
"""So many questions about other datacenters are asked at once, of all binders together: each is passed on to another binder."""
BUSY_SECONDS: Final = 1.0
"""After so long, binder itself only waits for the answer, and has no work with the question."""
WAITED_MS: Final = 2500


def own_names(suffix: str) -> list[str]:
    """The names that a binder is asked for in its own datacenter."""
    return [f"{role}.{suffix}" for role in OWN_ROLES]


def names_elsewhere(suffix: str) -> list[str]:
    """The names that it is asked for in another one: those that SAPI, Manta and UFDS look up across datacenters."""
    return [f"moray.{suffix}", f"_moray._tcp.moray.{suffix}", f"ufds.{suffix}"]


class NameQuestion(Protocol):
    """A question as lookups.py has it."""

    @property
    def wire(self) -> bytes: ...
    def answered(self, wire: bytes, ms: int) -> DnsAnswer: ...


def _question(name: str) -> NameQuestion:
    """What it needs takes long to load, so that is done while head nodes are dialled. Raises UnansweredError."""
    question: NameQuestion = importlib.import_module("evidence.collect.lookups").Lookup(name)
    return question


class Turns:
    """Spreads the questions of all datacenters. Twenty datacenters ask a thousand, and this burst must not look like a fault."""

    def __init__(self) -> None:
        self._free = asyncio.Semaphore(AT_ONCE)

    @contextlib.asynccontextmanager
    async def taken(self) -> AsyncIterator[None]:
        """Hold a turn until the question is answered or has lasted BUSY_SECONDS."""
        await self._free.acquire()
        early = asyncio.get_running_loop().call_later(BUSY_SECONDS, self._free.release)
        try:
            yield
        finally:
            if early.when() > asyncio.get_running_loop().time():
                early.cancel()
                self._free.release()


class Names:
    """The binders of one datacenter, as reached from its head node or from here."""

    def __init__(self, reach: Reach, timeouts: Timeouts, turns: Turns) -> None:
        self._reach = reach
        self._turns = turns
        self._limit = min(timeouts.command, max(SLOWEST_BINDER, timeouts.connect))
        self._patient = min(timeouts.command, 3 * self._limit)

    async def own(self, host: str, suffix: str) -> dict[str, DnsAnswer]:
        """The answers of a binder for its own datacenter, by name."""
        names = own_names(suffix)
        answers = await asyncio.gather(*(self._name(host, name, self._limit) for name in names))
        return dict(zip(names, answers, strict=True))

    async def elsewhere(self, host: str, suffix: str) -> dict[str, DnsAnswer]:
        """The answers for another datacenter, by name. If binder waits for that one in vain, one name is enough.

        It asks by UDP, so a packet may be lost, or the machine may be busy. Therefore a name for which it waited in vain is asked twice.
        """
        found: dict[str, DnsAnswer] = {}
        for name in names_elsewhere(suffix):
            for _ in range(2):
                async with self._turns.taken():
                    found[name] = await self._name(host, name, self._patient)
                if not _in_vain(found[name]):
                    break
            else:
                break
        return found

    async def _name(self, host: str, name: str, limit: float) -> DnsAnswer:
        question = _question(name)
        while True:
            try:
                return await self._asked(host, question, limit)
            except AgainError:
                continue

    async def _asked(self, host: str, question: NameQuestion, limit: float) -> DnsAnswer:
        started = time.monotonic()
        try:
            async with asyncio.timeout(limit):
                wire = await self._exchange(host, question.wire)
        except TimeoutError:
            await self._reach.check(time.monotonic() - started)
            return DnsAnswer("TIMEOUT", (), round(limit * 1000))
        except ClosedError as error:
            return DnsAnswer("UNREACHABLE", (), 0, str(error))
        except (asyncio.IncompleteReadError, asyncssh.Error, OSError):
            await self._reach.check(time.monotonic() - started)
            return DnsAnswer("UNREACHABLE", (), 0, "the connection was closed without an answer")
        return question.answered(wire, round((time.monotonic() - started) * 1000))

    async def _exchange(self, host: str, query: bytes) -> bytes:
        reader, writer = await self._reach.connect(host, 53)
        try:
            writer.write(len(query).to_bytes(2, "big") + query)
            size = int.from_bytes(await reader.readexactly(2), "big")
            wire: bytes = await reader.readexactly(size)
            return wire
        finally:
            writer.close()


def _in_vain(answer: DnsAnswer) -> bool:
    return answer.rcode != "NOERROR" and answer.ms >= WAITED_MS
