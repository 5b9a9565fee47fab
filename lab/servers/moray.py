"""moray: SAPI's objects behind TCP, so that the SAPIs of other datacenters can ask for them.

The format on the wire is our own (a line with a length, then so much JSON), because only the lab's SAPI reads it. True to Triton is who
connects where, and what happens if a connection is refused, lost, frozen or never made. A client without a connection fails at once with
"no active connections", and one with a frozen peer waits (sapi.json).
"""

from __future__ import annotations

import asyncio
import copy
import ipaddress
import itertools
import json
import socket
from collections.abc import Sequence
from typing import Any

from lab.machine import kinds
from lab.servers import resolve
from lab.servers.streams import Misbehaving, StreamServer

Value = dict[str, Any]
HAPROXY_PORT = 2020
CONNECT_TIMEOUT = 1.0  # sdc-sapi:lib/server/model.js connectTimeout
RETRY_FIRST, RETRY_MOST = 0.1, 2.0  # the same file: retries for ever, from 100 ms on
# A peer that vanishes silently keeps its connection for minutes: illumos gives up after eight
# (tcp_ip_abort_interval). The clock factor shortens that, but to no less than two seconds.
ABORT_SECONDS = 480.0
MESSAGE_LIMIT = 64 * 1024 * 1024


class MorayError(Exception):
    """A request that failed. `usage`: moray itself refused it, so local files are no substitute."""

    def __init__(self, message: str, *, usage: bool = False) -> None:
        super().__init__(message)
        self.usage = usage


async def read_frame(reader: asyncio.StreamReader) -> Value | None:
    """The next message; None at the end of the connection. Raises ValueError for anything else."""
    line = await reader.readline()
    if not line:
        return None
    length = int(line)
    if not 0 <= length <= MESSAGE_LIMIT:
        raise ValueError(f"a message of {length} bytes")
    value = json.loads(await reader.readexactly(length))
    if not isinstance(value, dict):
        raise ValueError("not an object")
    return value


def frame(value: Value) -> bytes:
    body = json.dumps(value).encode()
    return b"%d\n%b" % (len(body), body)


class MorayStore:
    """The buckets of one datacenter: bucket → uuid → object. The lab's data and faults edit it directly."""

    def __init__(self) -> None:
        self.buckets: dict[str, dict[str, Value]] = {}

    def bucket(self, name: str) -> dict[str, Value]:
        return self.buckets.setdefault(name, {})

    def find(self, bucket: str, wanted: Value) -> list[Value]:
        """The objects whose fields equal all of `wanted`, in the order of their creation."""
        found = (value for value in self.bucket(bucket).values() if all(value.get(k) == v for k, v in wanted.items()))
        return copy.deepcopy(list(found))

    def put(self, bucket: str, value: Value) -> None:
        self.bucket(bucket)[value["uuid"]] = copy.deepcopy(value)

    def delete(self, bucket: str, uuid: str) -> bool:
        return self.bucket(bucket).pop(uuid, None) is not None

    def answer(self, request: Value) -> Value:
        match request:
            case {"op": "find", "bucket": str(bucket), "wanted": dict(wanted)}:
                return {"result": self.find(bucket, wanted)}
            case {"op": "put", "bucket": str(bucket), "value": dict(value)}:
                self.put(bucket, value)
                return {"result": None}
            case {"op": "delete", "bucket": str(bucket), "uuid": str(uuid)}:
                return {"result": self.delete(bucket, uuid)}
            case {"op": "ping"}:
                return {"result": None}
        return {"error": "InvocationError"}


class MorayServer(Misbehaving):
    """One moray process (SMF instance moray-202x) of a zone, or any other listener that answers from the store."""

    def __init__(self, place: kinds.Place, store: MorayStore, port: int) -> None:
        super().__init__()
        self._place = place
        self._store = store
        self.port = port
        self._streams = StreamServer(self.serve)

    @property
    def running(self) -> bool:
        return self._streams.running

    async def start(self) -> None:
        self.misbehaviour = None  # because it is a new process
        await self._streams.listen(self._place.listen(self.port))

    async def stop(self) -> None:
        await self._streams.stop()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while (request := await read_frame(reader)) is not None:
            await self.unfrozen()
            if self.misbehaviour == "slow":
                await asyncio.sleep(self.slow_seconds)
            answer = frame({"id": request.get("id"), **self._store.answer(request)})
            if self.misbehaviour in ("garbage", "endless"):
                answer = b"\x00\xff no moray here \xfe\n"
            elif self.misbehaviour == "cut":
                answer = answer[: len(answer) // 2]
            writer.write(answer)
            await writer.drain()
            if self.misbehaviour is not None:
                return


class MorayHaproxy:
    """haproxy of a moray zone on 2020. It hands each connection to the next running process, or else closes it."""

    def __init__(self, place: kinds.Place, servers: Sequence[MorayServer]) -> None:
        self._place = place
        self._servers = servers
        self._turn = itertools.count()
        self._streams = StreamServer(self._serve)

    @property
    def running(self) -> bool:
        return self._streams.running

    async def start(self) -> None:
        await self._streams.listen(self._place.listen(HAPROXY_PORT))

    async def stop(self) -> None:
        await self._streams.stop()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        live = [server for server in self._servers if server.running]
        if live:
            await live[next(self._turn) % len(live)].serve(reader, writer)


class MorayClient:
    """Keeps one connection to a moray, found as SAPI finds it: a name by its SRV records, an address at port 2020.

    It looks for another connection for ever, and a request made meanwhile fails at once. Source: sdc-sapi:lib/server/stor/moray.js;
    recordings.
    """

    def __init__(self, dial: kinds.Dial, clock: kinds.Clock, nameservers: Sequence[str], host: str) -> None:
        self._dial = dial
        self._clock = clock
        self._nameservers = nameservers
        self.host = host
        self._changed = asyncio.Condition()
        self._writer: asyncio.StreamWriter | None = None
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._ids = itertools.count(1)
        self._task: asyncio.Task[None] | None = None
        self.forgotten = False  # a fault: a firewall on the way drops packets silently

    @property
    def connected(self) -> bool:
        return self._writer is not None

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._keep_connected())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def wait_until(self, connected: bool, within: float) -> bool:
        """Wait until the client is (or is no longer) connected. Returns False if that does not happen in time."""
        try:
            async with asyncio.timeout(within), self._changed:
                await self._changed.wait_for(lambda: self.connected is connected)
        except TimeoutError:
            return False
        return True

    async def request(self, op: str, **arguments: object) -> Any:
        """Ask, and wait as long as the connection lives: whoever asked SAPI has a timeout, but SAPI has none."""
        if self._writer is None:
            raise MorayError("no active connections")
        number = next(self._ids)
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        try:
            if not self.forgotten:
                self._writer.write(frame({"id": number, "op": op, **arguments}))
            return await answer
        finally:
            self._waiting.pop(number, None)

    async def _keep_connected(self) -> None:
        pause = RETRY_FIRST
        while True:
            try:
                reader, writer = await self._connect()
            except (OSError, TimeoutError, resolve.ResolveError):
                await asyncio.sleep(pause)
                pause = min(pause * 2, RETRY_MOST)
                continue
            pause = RETRY_FIRST
            try:
                await self._set(writer)
                await self._read(reader)
            except (OSError, EOFError, ValueError):
                pass  # lost, or no moray at the other end: the next round looks for another connection
            finally:
                writer.close()
                await self._set(None)
            await asyncio.sleep(pause)

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        last: Exception = OSError("no moray found")
        for host, port in await self._backends():
            try:
                reader, writer = await self._dial.tcp(host, port, CONNECT_TIMEOUT)
            except (OSError, TimeoutError) as error:
                last = error
                continue
            limit_silence(writer, max(2.0, ABORT_SECONDS * self._clock.factor))
            return reader, writer
        raise last

    async def _backends(self) -> list[tuple[str, int]]:
        if is_address(self.host):
            return [(self.host, HAPROXY_PORT)]
        return await resolve.resolve_service(self._dial, self._nameservers, f"_moray._tcp.{self.host}")

    async def _set(self, writer: asyncio.StreamWriter | None) -> None:
        self._writer = writer
        if writer is None:
            for answer in self._waiting.values():
                if not answer.done():
                    answer.set_exception(MorayError("connection lost"))
        async with self._changed:
            self._changed.notify_all()

    async def _read(self, reader: asyncio.StreamReader) -> None:
        while (got := await read_frame(reader)) is not None:
            answer = self._waiting.get(got.get("id", 0))
            if answer is None or answer.done():
                continue
            if "error" in got:
                answer.set_exception(MorayError(str(got["error"]), usage=True))
            else:
                answer.set_result(got.get("result"))


def is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def limit_silence(writer: asyncio.StreamWriter, seconds: float) -> None:
    """Let the kernel give up a connection if its peer has not acknowledged anything for `seconds`."""
    made = writer.get_extra_info("socket")
    if made is None:
        return
    whole = max(1, round(seconds / 2))
    made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, whole)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 1)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, whole)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(seconds * 1000))
