"""The floor: the same reads with nothing around them. `python -m tools.bench.floor READS ANSWERS`.

One bare asyncssh connection to each head node. All is known before, so all is asked at once: no question waits for another's answer.
As the suite does, it has eight sessions of one head node and sixteen questions to binders open at once, and speaks LDAP with ldap3.
"""

from __future__ import annotations

import asyncio
import datetime
import http.client
import io
import sys
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import asyncssh

from evidence.collect import conversation, ldap
from evidence.collect.certificate import expired, fingerprint
from evidence.collect.fetching import RawAnswer
from evidence.collect.names import AT_ONCE as QUESTIONS
from evidence.collect.sessions import AT_ONCE as SESSIONS
from lab.machine.tls import client_context
from tools.bench.reads import Fetched, Reads, Resolved, Searched, TypedRead, load, save

CONNECT_SECONDS = 5.0
COMMAND_SECONDS = 20.0


@dataclass
class BareHead:
    """One connection, and what is read over it."""

    host: str
    threads: ThreadPoolExecutor
    questions: asyncio.Semaphore
    sessions: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(SESSIONS))
    line: Any = None

    async def read(self, wanted: Reads, into: Reads) -> None:
        """Read all that is wanted of this head node. If it does not answer, nothing comes of it."""
        user, _, address = self.host.rpartition("@")
        try:
            self.line = await asyncssh.connect(
                address, username=user, agent_path=None, gss_host=None, connect_timeout=CONNECT_SECONDS,
                login_timeout=CONNECT_SECONDS,
            )  # fmt: skip
        except (OSError, asyncssh.Error):
            return
        async with self.line, asyncio.TaskGroup() as tasks:
            self._all(tasks, self.typed, wanted.typed, into.typed)
            self._all(tasks, self.fetched, wanted.fetched, into.fetched)
            self._all(tasks, self.searched, wanted.searched, into.searched)
            self._all(tasks, self.resolved, wanted.resolved, into.resolved)

    def _all(
        self, tasks: asyncio.TaskGroup, read: Callable[[Any], Awaitable[Any]], wanted: list[Any] | None, into: Any
    ) -> None:
        for each in wanted or ():
            if each.host == self.host:
                tasks.create_task(kept(read(each), into))

    async def typed(self, each: TypedRead) -> TypedRead:
        async with self.sessions:
            done = await self.line.run(each.sent, input=each.stdin.encode(), encoding=None)
        return TypedRead(each.host, each.command, "", done.exit_status, done.stdout, done.stderr, time.time())

    async def fetched(self, each: Fetched) -> Fetched:
        if each.scheme == "http":
            reader, writer = await self.line.open_connection(each.address, each.port, encoding=None)
            return await page(each, each.address, reader, writer)
        listener = await self.line.forward_local_port("127.0.0.1", 0, each.address, each.port)
        async with listener:
            opened = await asyncio.open_connection("127.0.0.1", listener.get_port(), ssl=client_context())
            return await page(each, each.address, *opened)

    async def searched(self, each: Searched) -> Searched:
        listener = await self.line.forward_local_port("127.0.0.1", 0, each.address, 636)
        async with listener:
            login = ldap.Login(listener.get_port(), each.dn, each.password)
            loop = asyncio.get_running_loop()
            reply = await loop.run_in_executor(
                self.threads, conversation.converse, login, each.searches, COMMAND_SECONDS
            )
        return Searched(each.host, each.address, each.dn, each.password, each.searches, reply)

    async def resolved(self, each: Resolved) -> Resolved:
        async with self.questions:
            reader, writer = await self.line.open_connection(each.address, 53, encoding=None)
            writer.write((len(each.query) + 2).to_bytes(2, "big") + b"az" + each.query)
            size = int.from_bytes(await reader.readexactly(2), "big")
            wire = await reader.readexactly(size)
            writer.close()
        return Resolved(each.host, each.address, each.query, wire[2:])


async def kept(reading: Awaitable[Any], into: list[Any]) -> None:
    """Keep what was read. What failed is not there, and so is seen when answers are counted."""
    try:
        async with asyncio.timeout(COMMAND_SECONDS):
            into.append(await reading)
    except (OSError, EOFError, TimeoutError, asyncssh.Error, http.client.HTTPException):
        pass


async def outside(each: Fetched) -> Fetched:
    """A public URL, from here."""
    parts = urlsplit(each.address)
    opened = await asyncio.open_connection(str(parts.hostname), parts.port or each.port, ssl=client_context())
    return await page(each, parts.netloc, *opened)


async def page(each: Fetched, host: str, reader: Any, writer: Any) -> Fetched:
    """One GET over an open connection."""
    begun = time.monotonic()
    head = {"Host": host, "Accept": "application/json", "Accept-Encoding": "identity", "Connection": "close"}
    lines = [f"GET {each.path} HTTP/1.1", *(f"{key}: {value}" for key, value in (head | each.headers).items())]
    writer.write("\r\n".join([*lines, "", ""]).encode())
    raw = await reader.read()
    ended = writer.get_extra_info("ssl_object")
    shown = (ended.getpeercert(binary_form=True) or b"") if ended is not None else b""
    writer.close()
    answer = http.client.HTTPResponse(cast(Any, _Made(raw)))
    answer.begin()
    text = answer.read().decode("utf-8", "replace")
    who = answer.getheader("Triton-Datacenter-Name", "")
    ms = round((time.monotonic() - begun) * 1000)
    until = expired(shown, datetime.datetime.now(datetime.UTC))
    got = RawAnswer(answer.status, text, ms, "", who, fingerprint(shown), until)
    return Fetched(each.host, each.scheme, each.address, each.port, each.path, each.headers, got)


class _Made:
    """What came, as http.client reads it."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw

    def makefile(self, *_: object) -> io.BytesIO:
        return io.BytesIO(self._raw)


async def read_all(wanted: Reads) -> Reads:
    """Read everything, of all head nodes at once."""
    into = Reads([], [], [], [])
    questions = asyncio.Semaphore(QUESTIONS)
    with ThreadPoolExecutor(32) as threads:
        async with asyncio.TaskGroup() as tasks:
            for host in wanted.hosts:
                tasks.create_task(BareHead(host, threads, questions).read(wanted, into))
            for each in wanted.fetched or ():
                if not each.host:
                    tasks.create_task(kept(outside(each), cast(list[Any], into.fetched)))
    return into


if __name__ == "__main__":
    save(asyncio.run(read_all(load(Path(sys.argv[1])))), Path(sys.argv[2]))
