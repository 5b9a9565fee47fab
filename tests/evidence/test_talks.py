"""Conversations with UFDS are kept open, few at once, and one that ended meanwhile is begun anew."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from evidence.collect import talks
from evidence.collect.ldap import Entry, Found, Login, Reply, Search
from evidence.collect.talks import Talks
from evidence.collect.through import Through
from evidence.collect.unanswered import ClosedError
from evidence.inventory.model import Timeouts

WHOM = ("10.2.2.29", "root")
SEARCHES = (Search("o=smartdc"),)


class Service:
    """A service behind a reach. It sends a line for each line that it gets: the number of its connection, and so many more bytes."""

    def __init__(self) -> None:
        self.opened = self.open = self.most = self.more = 0
        self.drops = self.refuses = False
        self.serving: list[asyncio.Future[None]] = []

    async def connect(self, host: str, port: int) -> tuple[Any, Any]:
        if self.refuses:
            raise ClosedError(f"{host}:{port}: connection refused")
        self.opened += 1
        number = self.opened
        ours, theirs = socket.socketpair()
        reader, writer = await asyncio.open_connection(sock=theirs)

        async def serve() -> None:
            try:
                with contextlib.suppress(ConnectionError):
                    while await reader.readline() and not self.drops:
                        writer.write(b"%d" % number + b"." * self.more + b"\n")
            finally:
                writer.close()

        self.serving.append(asyncio.ensure_future(serve()))
        return await asyncio.open_connection(sock=ours)

    async def check(self, waited: float) -> None:
        pass


class SpokenTalk:
    """A conversation without LDAP: a line there, and a line back."""

    service: Service

    def __init__(self, login: Login, timeout: float) -> None:
        self._socket = socket.create_connection(("127.0.0.1", login.port), timeout)
        self._file = self._socket.makefile("rwb")

    def ask(self, searches: Sequence[Search]) -> Reply:
        self.service.open += 1
        self.service.most = max(self.service.most, self.service.open)
        try:
            self._file.write(b"ask\n")
            self._file.flush()
            line = self._file.readline()
        except OSError:
            line = b""
        finally:
            self.service.open -= 1
        if not line.endswith(b"\n"):
            return Reply(True, "bound", (Found(why="it broke off"),))
        return Reply(True, "bound", (Found((Entry(line.decode().strip(".\n"), {}),)),))

    def end(self) -> None:
        self._socket.close()


def run(
    monkeypatch: pytest.MonkeyPatch, doing: Callable[[Service, Callable[[], Awaitable[str]]], Awaitable[None]]
) -> Service:
    """Do it with a service, and with a question that tells which connection answered, or why none did."""
    service = Service()
    monkeypatch.setattr(SpokenTalk, "service", service, raising=False)
    monkeypatch.setattr(talks, "_talk", SpokenTalk)

    async def all_of_it() -> None:
        with ThreadPoolExecutor(8) as threads:
            timeouts = Timeouts(command=10.0)
            asked = Talks(Through(service, timeouts, threads), timeouts, 2)

            async def ask() -> str:
                reply = await asked.ask(WHOM, lambda port: Login(port, "cn=root", "x"), SEARCHES, 100)
                found = reply.found[0] if reply.found else Found()
                return found.entries[0].dn if talks.complete(reply) else f"{reply.detail}: {found.why}"

            try:
                await doing(service, ask)
            finally:
                await asked.end()
            async with asyncio.timeout(10):  # it sees that each of its connections was closed
                await asyncio.wait(service.serving or [asyncio.ensure_future(asyncio.sleep(0))])

    asyncio.run(all_of_it())
    return service


def test_a_conversation_goes_on_with_the_next_question(monkeypatch: pytest.MonkeyPatch) -> None:
    async def doing(service: Service, ask: Callable[[], Awaitable[str]]) -> None:
        assert [await ask() for _ in range(5)] == ["1"] * 5

    assert run(monkeypatch, doing).opened == 1


def test_there_are_only_so_many_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    async def doing(service: Service, ask: Callable[[], Awaitable[str]]) -> None:
        assert set(await asyncio.gather(*(ask() for _ in range(20)))) == {"1", "2"}

    service = run(monkeypatch, doing)
    assert (service.opened, service.most) == (2, 2)


def test_one_that_was_ended_meanwhile_is_begun_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    async def doing(service: Service, ask: Callable[[], Awaitable[str]]) -> None:
        assert await ask() == "1"
        service.serving[0].cancel()
        await asyncio.wait(service.serving)
        assert await ask() == "2"

    assert run(monkeypatch, doing).opened == 2


def test_one_that_answers_half_is_not_gone_on_with(monkeypatch: pytest.MonkeyPatch) -> None:
    async def doing(service: Service, ask: Callable[[], Awaitable[str]]) -> None:
        service.drops = True
        assert await ask() == "bound: it broke off"
        service.drops = False
        assert await ask() == "2"

    assert run(monkeypatch, doing).opened == 2


def test_each_question_has_its_own_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 100: three answers of 60 pass through one tunnel, and one of 200 does not."""

    async def doing(service: Service, ask: Callable[[], Awaitable[str]]) -> None:
        service.more = 60
        assert [await ask() for _ in range(3)] == ["1"] * 3
        service.more = 1 << 20
        assert await ask() == "bound: it broke off"

    assert run(monkeypatch, doing).opened == 2


def test_who_refuses_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    async def doing(service: Service, ask: Callable[[], Awaitable[str]]) -> None:
        service.refuses = True
        assert await ask() == "10.2.2.29:636: connection refused: "

    assert run(monkeypatch, doing).opened == 0
