"""A small asynchronous LDAP client for the replicator: one request at a time, over TLS that verifies nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from lab.machine import kinds, tls
from lab.ufds import ber, messages
from lab.ufds.changelog import Modification
from lab.ufds.errors import LdapError

Entry = tuple[str, dict[str, list[str]]]
MOST_ENTRIES = 300_000  # more than any lab has: the lab itself must outlive the fault of an endless answer


class LdapClient:
    """A connection to a UFDS.  `lost` is set when it ends, whoever ended it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.lost = asyncio.Event()
        self._writer = writer
        self._next = 1
        self._waiting: dict[int, asyncio.Future[list[tuple[int, bytes]]]] = {}
        self._parts: dict[int, list[tuple[int, bytes]]] = {}
        self._reading = asyncio.create_task(self._read(reader))

    @classmethod
    async def connect(cls, dial: kinds.Dial, host: str, port: int, patience: float) -> LdapClient:
        reader, writer = await dial.tcp(host, port, patience)
        try:
            async with asyncio.timeout(patience):
                await writer.start_tls(tls.client_context())
        except BaseException:
            writer.transport.abort()
            raise
        return cls(reader, writer)

    async def close(self) -> None:
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)

    async def _read(self, reader: asyncio.StreamReader) -> None:
        try:
            while True:
                head = await reader.readexactly(2)
                if head[1] & 0x80:
                    head += await reader.readexactly(head[1] & 0x7F)
                found = ber.header(head, 0)
                if found is None:
                    raise ber.BerError("no LDAP")
                message = head + await reader.readexactly(found[2] - len(head))
                self._take(*messages.answer(message))
        except (OSError, EOFError, ValueError):
            pass  # lost: those who wait get the error below
        finally:
            self.lost.set()
            for future in self._waiting.values():
                if not future.done():
                    future.set_exception(ConnectionResetError("the connection is gone"))
            self._writer.transport.abort()

    def _take(self, number: int, tag: int, body: bytes) -> None:
        parts = self._parts.setdefault(number, [])
        parts.append((tag, body))
        if len(parts) > MOST_ENTRIES:
            raise ValueError("an answer without end")
        if tag not in (0x64, 0x73):
            future = self._waiting.pop(number, None)
            del self._parts[number]
            if future is not None and not future.done():
                future.set_result(parts)

    async def _ask(self, operation: bytes, controls: Sequence[str] = ()) -> list[tuple[int, bytes]]:
        if self.lost.is_set():
            raise ConnectionResetError("the connection is gone")
        number, self._next = self._next, self._next + 1
        future = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        self._writer.write(messages.envelope(number, operation, controls))
        await self._writer.drain()
        parts: list[tuple[int, bytes]] = await future
        code, matched, message = messages.answer_result(parts[-1][1])
        if code != 0:
            raise LdapError(code, message, matched)
        return parts

    async def bind(self, name: str, password: str) -> None:
        await self._ask(messages.bind_request(name, password))

    async def search(
        self, base: str, scope: int, wanted: bytes, controls: Sequence[str] = (), limit: int = 0
    ) -> list[Entry]:
        parts = await self._ask(messages.search_request(base, scope, wanted, limit), controls)
        return [messages.answer_entry(body) for tag, body in parts if tag == 0x64]

    async def add(self, name: str, attributes: Mapping[str, Sequence[str]]) -> None:
        await self._ask(messages.add_request(name, attributes))

    async def modify(self, name: str, changes: Sequence[Modification]) -> None:
        await self._ask(messages.modify_request(name, changes))

    async def delete(self, name: str) -> None:
        await self._ask(messages.delete_request(name))
