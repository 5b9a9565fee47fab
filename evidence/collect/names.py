"""Binder's answers: DNS over TCP, for A records, or for SRV records if the name begins with an underscore.

Recursion is desired: without it, a binder passes nothing on.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterable
from typing import Final, TypeVar

import asyncssh
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype

from evidence.collect.tunnel import Reach
from evidence.collect.unanswered import AgainError, ClosedError, UnansweredError
from evidence.inventory.model import Timeouts
from evidence.model import DnsAnswer
from evidence.redact import cut

SLOWEST_BINDER: Final = 5.0
"""A binder that cannot reach another one answers REFUSED after 3 s: facts, "How a real binder answers"."""
OWN_ROLES: Final = ("moray", "sapi", "ufds")
MOST_RECORDS: Final = 100
AT_ONCE: Final = 16
"""So many questions about other datacenters are asked at once, of all binders together: each is passed on to another binder."""
BUSY_SECONDS: Final = 1.0
"""After so long, binder itself only waits for the answer, and has no work with the question."""
WAITED_MS: Final = 2500
Record = TypeVar("Record", int, str)


def own_names(suffix: str) -> list[str]:
    """The names that a binder is asked for in its own datacenter."""
    return [f"{role}.{suffix}" for role in OWN_ROLES]


def names_elsewhere(suffix: str) -> list[str]:
    """The names that it is asked for in another one: those that SAPI, Manta and UFDS look up across datacenters."""
    return [f"moray.{suffix}", f"_moray._tcp.moray.{suffix}", f"ufds.{suffix}"]


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
        kind = dns.rdatatype.SRV if name.startswith("_") else dns.rdatatype.A
        try:
            query = dns.message.make_query(name, kind, use_edns=False)
        except (dns.exception.DNSException, ValueError, UnicodeError):
            raise UnansweredError(f"{cut(name)!r} is not a DNS name") from None
        query.flags |= dns.flags.RD
        while True:
            try:
                return await self._asked(host, query, kind, limit)
            except AgainError:
                continue

    async def _asked(
        self, host: str, query: dns.message.Message, kind: dns.rdatatype.RdataType, limit: float
    ) -> DnsAnswer:
        started = time.monotonic()
        try:
            async with asyncio.timeout(limit):
                wire = await self._exchange(host, query.to_wire())
        except TimeoutError:
            await self._reach.check(time.monotonic() - started)
            return DnsAnswer("TIMEOUT", (), round(limit * 1000))
        except ClosedError as error:
            return DnsAnswer("UNREACHABLE", (), 0, str(error))
        except (asyncio.IncompleteReadError, asyncssh.Error, OSError):
            await self._reach.check(time.monotonic() - started)
            return DnsAnswer("UNREACHABLE", (), 0, "the connection was closed without an answer")
        return read(wire, query, kind, round((time.monotonic() - started) * 1000))

    async def _exchange(self, host: str, query: bytes) -> bytes:
        reader, writer = await self._reach.connect(host, 53)
        try:
            writer.write(len(query).to_bytes(2, "big") + query)
            size = int.from_bytes(await reader.readexactly(2), "big")
            wire: bytes = await reader.readexactly(size)
            return wire
        finally:
            writer.close()


def read(wire: bytes, query: dns.message.Message, kind: dns.rdatatype.RdataType, ms: int) -> DnsAnswer:
    """What a message says to a question, whatever bytes it has.  Raises UnansweredError if it is one to another question."""
    try:
        answer = dns.message.from_wire(wire)
        if not query.is_response(answer):
            raise UnansweredError("binder's answer is to another question")
        if answer.flags & dns.flags.TC:
            return DnsAnswer("NONSENSE", (), ms, "the answer is cut off")
        rcode = dns.rcode.to_text(answer.rcode())
        ours = (each for each in answer.answer if (each.rdtype, each.rdclass) == (kind, dns.rdataclass.IN))
        records = [record for rrset in ours for record in rrset]
        if kind == dns.rdatatype.SRV:
            return DnsAnswer(rcode, ms=ms, ports=_some(record.port for record in records))
        return DnsAnswer(rcode, _some(record.address for record in records), ms)
    except (dns.exception.DNSException, ValueError, IndexError):
        return DnsAnswer("NONSENSE", (), ms, "what came is not a DNS message")


def _in_vain(answer: DnsAnswer) -> bool:
    return answer.rcode != "NOERROR" and answer.ms >= WAITED_MS


def _some(found: Iterable[Record]) -> tuple[Record, ...]:
    return tuple(sorted(set(found))[:MOST_RECORDS])
