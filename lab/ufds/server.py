"""LDAPS over asyncio for one `Service`, and the ways in which a server can misbehave."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Iterator

from lab.ufds import ber, dn, messages
from lab.ufds.directory import FORCE_CONTROL
from lab.ufds.errors import LdapError, not_implemented
from lab.ufds.messages import Request
from lab.ufds.service import ANONYMOUS, SORT_CONTROL, WHOAMI, Found, Service

LARGEST_MESSAGE = 16 * 1024 * 1024
MODES = ("normal", "hang", "garbage", "cut", "slow", "endless")
_BATCH = 200  # entries sent before other connections get their turn


class Server:
    """Listens on one socket.

    `mode`: normal; hang (accepts, never answers); garbage (answers something that is not LDAP); cut (ends a search half-way); slow (answers
    after `delay` seconds); endless (a search that never ends).
    """

    def __init__(self, service: Service, tls: ssl.SSLContext, pace: int = 0) -> None:
        self.service = service
        self.pace, self._free = pace, 0.0
        self.tls = tls
        self.mode = "normal"
        self.delay = 5.0
        self._changed = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self, sock: socket.socket) -> None:
        """Serve what arrives at a listening socket."""
        self._server = await asyncio.start_server(self._accepted, sock=sock)

    async def stop(self) -> None:
        """Close the listener and every connection."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def set_mode(self, mode: str, delay: float = 5.0) -> None:
        if mode not in MODES:
            raise ValueError(f"mode {mode}: one of {', '.join(MODES)}")
        self.mode, self.delay = mode, delay
        self._changed.set()
        self._changed = asyncio.Event()

    async def _while_hanging(self) -> None:
        while self.mode == "hang":
            await self._changed.wait()

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)  # to its very end: the loop itself does not keep a task alive
        try:
            await self._serve(reader, writer)
        finally:
            self._tasks.discard(task)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._while_hanging()
            await writer.start_tls(self.tls)
            await Connection(self, reader, writer).run()
        except (OSError, EOFError, asyncio.IncompleteReadError):
            pass  # the peer went away, or did not speak TLS
        except asyncio.CancelledError:
            writer.transport.abort()
            return  # if it is cancelled during its handshake, a connection never says that it is closed
        writer.close()
        with contextlib.suppress(OSError, asyncio.CancelledError):
            await writer.wait_closed()

    async def at_its_pace(self, entries: int) -> None:
        """Wait until it can have sent so many entries more, to all its clients together."""
        if self.pace:
            now = asyncio.get_running_loop().time()
            self._free = max(self._free, now) + entries / self.pace
            await asyncio.sleep(self._free - now)

    async def before_answer(self) -> None:
        """Wait as long as the present mode delays an answer."""
        await self._while_hanging()
        if self.mode == "slow":
            await asyncio.sleep(self.delay)


class Connection:
    """One client: its identity, and its requests one after the other."""

    def __init__(self, server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.server = server
        self.service = server.service
        self.reader = reader
        self.writer = writer
        self.identity = ANONYMOUS

    async def run(self) -> None:
        while (message := await self._message()) is not None:
            try:
                request = messages.request(message)
            except ber.BerError as error:
                self.writer.write(messages.complaint(message, str(error)))
                return
            await self.server.before_answer()
            if self.server.mode == "garbage":
                self.writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n\x00\xff<b>garbage</b>\x1b[31m")
                return
            if not await self._answer(request):
                return
            await self.writer.drain()

    async def _message(self) -> bytes | None:
        """The next whole message; None at the end, or if the data is not LDAP."""
        try:
            head = await self.reader.readexactly(2)
            if head[1] & 0x80:
                head += await self.reader.readexactly(head[1] & 0x7F)
            found = ber.header(head, 0)
            if head[0] != ber.SEQUENCE or found is None or found[2] > LARGEST_MESSAGE:
                return None
            return head + await self.reader.readexactly(found[2] - len(head))
        except (asyncio.IncompleteReadError, ber.BerError):
            return None

    async def _answer(self, request: Request) -> bool:
        """Answer one request. Returns False if the connection ends with it."""
        operation, tag = request.operation, request.answer_tag
        entries = b""
        try:
            match operation:
                case messages.Unbind():
                    return False
                case messages.Abandon():
                    return True
                case messages.Search():
                    rest = await self._search(request, operation)
                    if rest is None:
                        return False
                    entries = rest
                case messages.Bind(name, password):
                    self.identity = self.service.bind(name, password)
                case messages.Compare(name, attribute, value):
                    self.service.compare(self.identity, name, attribute, value)
                case messages.Rename(name, new):
                    dn.parse(new)
                    raise not_implemented(dn.parse(name).key)
                case messages.Extended(oid):
                    return self._extended(request.id, oid)
                case _:
                    self._write(request)
        except dn.InvalidDnError as error:
            # The real server answers and then hangs up: recorded as closes_connection.
            self.writer.write(messages.result(request.id, tag, 2, "", f"InvalidDistinguishedNameError: {error}"))
            return False
        except LdapError as error:
            self.writer.write(messages.result(request.id, tag, error.code, error.matched, error.message))
            return True
        # One write with the last entries: two small ones would wait for each other's acknowledgement.
        sorts = isinstance(operation, messages.Search) and self.service.sorts(operation.base, operation.scope)
        controls = messages.SORTED if sorts and SORT_CONTROL in request.controls else b""
        self.writer.write(entries + messages.result(request.id, tag, controls=controls))
        return True

    def _write(self, request: Request) -> None:
        force = FORCE_CONTROL in request.controls
        match request.operation:
            case messages.Add(name, attributes):
                self.service.add(self.identity, name, attributes, force=force)
            case messages.Modify(name, changes):
                self.service.modify(self.identity, name, changes, force=force)
            case messages.Delete(name):
                self.service.delete(self.identity, name, force=force)

    def _extended(self, number: int, oid: str) -> bool:
        if oid == WHOAMI:
            self.writer.write(messages.result(number, 0x78, extra=ber.text(self.identity, 0x8B)))
        else:
            self.writer.write(messages.result(number, 0x78, 2, "", f"{oid} not supported"))
        return True

    async def _search(self, request: Request, asked: messages.Search) -> bytes | None:
        """Send the found entries except the last ones, which are returned. Returns None if the connection ends here."""
        found = self.service.search(
            self.identity, asked.base, asked.scope, asked.filter, asked.size_limit or None, request.controls
        )
        if self.server.mode == "endless":
            found = _endless(found)
        ready: list[bytes] = []
        for name, attributes in found:
            ready.append(messages.entry(request.id, name, attributes, asked.attributes))
            if self.server.mode == "cut":
                self.writer.write(ready[0])
                return None
            if len(ready) == _BATCH:
                self.writer.write(b"".join(ready))
                ready.clear()
                await self.writer.drain()
                await asyncio.sleep(0)
                await self.server.at_its_pace(_BATCH)
        await self.server.at_its_pace(len(ready))
        return b"".join(ready)


def _endless(found: Iterator[Found]) -> Iterator[Found]:
    entries = list(found) or [("", {})]
    while True:
        yield from entries
