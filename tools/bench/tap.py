"""A plugin for the suite's pytest (`-p tools.bench.tap`): writes down all that a run reads, or answers it with what others have read.

AZ_BENCH_READS names the file to write; AZ_BENCH_ANSWERS the file to answer from, where what is None is really asked.
"""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar

from evidence.collect import cloudapi, datacenter, ldap, names, services
from evidence.collect.fetching import RawAnswer
from evidence.collect.ssh import HeadNode, Output
from evidence.collect.unanswered import UnansweredError
from evidence.inventory.model import Declared, Timeouts
from evidence.subjects.questions import OF_DATACENTER
from tools.bench.reads import Fetched, Reads, Resolved, Searched, TypedRead, load, save

CLOCK = OF_DATACENTER["clock"].how
NOT_READ = "it was not read"
T = TypeVar("T")
hosts: dict[int, str] = {}
"""The head node's name in the inventory, by the id of its connection."""


class InTurn(Generic[T]):
    """Answers by what was asked. The same question again gets the next one, and at last the last one again."""

    def __init__(self, found: Iterable[tuple[object, T]]) -> None:
        self._left: defaultdict[object, list[T]] = defaultdict(list)
        for key, answer in found:
            self._left[key].append(answer)

    def next(self, key: object) -> T:
        """Raises UnansweredError if nobody read that."""
        left = self._left.get(key)
        if not left:
            raise UnansweredError(NOT_READ)
        return left.pop(0) if len(left) > 1 else left[0]


def pytest_configure() -> None:
    """Begin before anything is asked."""
    _name_hosts()
    if path := os.environ.get("AZ_BENCH_ANSWERS"):
        _answer(load(Path(path)))
    else:
        _write_down()


def pytest_unconfigure() -> None:
    """Keep what was written down."""
    if path := os.environ.get("AZ_BENCH_READS"):
        save(seen, Path(path))


seen = Reads([], [], [], [])


def _name_hosts() -> None:
    connect = vars(datacenter)["connect"]

    async def named(declared: Declared, timeouts: Timeouts) -> HeadNode:
        head: HeadNode = await connect(declared, timeouts)
        hosts[id(head)] = declared.headnode
        return head

    vars(datacenter)["connect"] = named


def _write_down() -> None:
    run, get, ufds, exchange, asked = _places()

    async def running(self: HeadNode, command: str, stdin: str = "") -> Output:
        output: Output = await run(self, command, stdin)
        told = output.stderr.encode()
        _kept(seen.typed, TypedRead(hosts[id(self)], command, stdin, output.code, output.stdout, told, time.time()))
        return output

    async def getting(
        self: Any, scheme: str, host: str, port: int, path: str, headers: Mapping[str, str], *limit: float
    ) -> RawAnswer:
        page: RawAnswer = await get(self, scheme, host, port, path, headers, *limit)
        _kept(seen.fetched, Fetched(_host(self), scheme, host, port, path, dict(headers), page))
        return page

    async def searching(
        self: Any, host: str, root: services.Root, searches: Sequence[ldap.Search], *most: int
    ) -> ldap.Reply:
        reply: ldap.Reply = await ufds(self, host, root, searches, *most)
        _kept(seen.searched, Searched(_host(self), host, root.dn, root.password, tuple(searches), reply))
        return reply

    async def resolving(self: Any, host: str, query: bytes) -> bytes:
        wire: bytes = await exchange(self, host, query)
        _kept(seen.resolved, Resolved(_host(self), host, query[2:], wire[2:]))
        return wire

    def outside(url: str, *rest: Any) -> Any:
        page = asked(url, *rest)
        if isinstance(page, RawAnswer):
            _kept(seen.fetched, Fetched("", "https", url, 443, "/--ping", {}, page))
        return page

    _put(running, getting, searching, resolving, outside)


def _answer(known: Reads) -> None:
    run, get, ufds, exchange, asked = _places()
    typed = InTurn(((each.host, each.command), each) for each in known.typed or ())
    pages = InTurn(((each.host, each.address, each.path), each.answer) for each in known.fetched or ())
    replies = InTurn(((each.host, each.searches), each.reply) for each in known.searched or ())
    wires = InTurn(((each.host, each.address, each.query), each.wire) for each in known.resolved or ())

    async def running(self: HeadNode, command: str, stdin: str = "") -> Output:
        if known.typed is None:
            return await run(self, command, stdin)  # type: ignore[no-any-return]
        each = typed.next((hosts[id(self)], command))
        return Output(moved_on(each, time.time()), each.stderr.decode("utf-8", "replace"), each.code)

    async def getting(self: Any, scheme: str, host: str, port: int, path: str, *rest: Any) -> RawAnswer:
        if known.fetched is None:
            return await get(self, scheme, host, port, path, *rest)  # type: ignore[no-any-return]
        return pages.next((_host(self), host, path))

    async def searching(
        self: Any, host: str, root: services.Root, searches: Sequence[ldap.Search], *most: int
    ) -> ldap.Reply:
        if known.searched is None:
            return await ufds(self, host, root, searches, *most)  # type: ignore[no-any-return]
        return replies.next((_host(self), tuple(searches)))

    async def resolving(self: Any, host: str, query: bytes) -> bytes:
        if known.resolved is None:
            return await exchange(self, host, query)  # type: ignore[no-any-return]
        return query[:2] + wires.next((_host(self), host, query[2:]))

    def outside(url: str, *rest: Any) -> Any:
        return asked(url, *rest) if known.fetched is None else pages.next(("", url, "/--ping"))

    _put(running, getting, searching, resolving, outside)


def moved_on(each: TypedRead, now: float) -> bytes:
    """What a command printed, as it would print it now: of a clock that was read a while ago, the time since then is added."""
    if each.command != CLOCK or not each.stdout.strip().isdigit():
        return each.stdout
    return f"{int(each.stdout) + round(now - each.at)}\n".encode()


def _host(asking: Any) -> str:
    way = asking if isinstance(asking, names.Names) else asking._through
    return hosts[id(way._reach)]


def _kept(where: list[T] | None, what: T) -> None:
    if where is not None:
        where.append(what)


def _places() -> tuple[Any, ...]:
    """The five places through which all is asked."""
    return (
        HeadNode.run,
        services.Services._get,
        services.Services.ufds,
        names.Names._exchange,
        cloudapi._asked,
    )


def _put(running: Any, getting: Any, searching: Any, resolving: Any, outside: Any) -> None:
    for owner, name, what in (
        (HeadNode, "run", running),
        (services.Services, "_get", getting),
        (services.Services, "ufds", searching),
        (names.Names, "_exchange", resolving),
        (cloudapi, "_asked", outside),
    ):
        setattr(owner, name, what)
