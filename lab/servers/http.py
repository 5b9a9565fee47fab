"""HTTP/1.1 as the lab's servers speak it: explicit headers as Node's restify sends them, and misbehaviour on demand.

It does not use a library, because the recordings compare headers (`Connection: keep-alive` on every answer, no content type on 204, 304 and
an empty 404), and because faults must be able to break the protocol itself.
"""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit

from lab.machine import kinds
from lab.servers.streams import Misbehaving, StreamServer

MAX_HEAD = 64 * 1024
MAX_BODY = 16 * 1024 * 1024
# Node's socket timeout: if a request is not answered in two minutes, the connection is closed
# (recordings: sapi.json, frozen-include-master-whole).
SOCKET_TIMEOUT = 120.0
REASONS = {
    200: "OK", 202: "Accepted", 204: "No Content", 304: "Not Modified", 400: "Bad Request", 401: "Unauthorized",
    404: "Not Found", 405: "Method Not Allowed", 406: "Not Acceptable", 409: "Conflict", 412: "Precondition Failed",
    422: "Unprocessable Entity", 500: "Internal Server Error", 503: "Service Unavailable",
}  # fmt: skip


class BadMessageError(Exception):
    """The message is not HTTP, or is larger than anything that anybody sends."""


@dataclass(frozen=True)
class Request:
    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def path(self) -> str:
        return unquote(urlsplit(self.target).path)

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.target).query, keep_blank_values=True))

    @property
    def content_type(self) -> str:
        return self.headers.get("content-type", "").split(";")[0].strip().lower()

    @property
    def keep_alive(self) -> bool:
        return self.headers.get("connection", "").lower() != "close"


@dataclass(frozen=True)
class Response:
    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    def json(self) -> object:
        return json.loads(self.body)


Handler = Callable[[Request], Awaitable[Response]]


def json_response(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    return Response(status, body, {"Content-Type": "application/json", **(headers or {})})


def error_response(status: int, code: str | None, message: str, headers: Mapping[str, str] | None = None) -> Response:
    """An error as restify writes it; without a code if the program raised a plain Error."""
    value = {"message": message} if code is None else {"code": code, "message": message}
    return json_response(value, status, headers)


async def read_message(reader: asyncio.StreamReader, *, to_end: bool = False) -> tuple[str, dict[str, str], bytes]:
    """First line, headers (names in lower case) and body of a message.

    `to_end` is for an answer: without a length, it goes on to the end of the connection.
    """
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.LimitOverrunError as error:
        raise BadMessageError("header too long") from error
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {}
    for line in filter(None, lines):
        name, colon, value = line.partition(":")
        if not colon:
            raise BadMessageError(f"no header: {line[:80]!r}")
        headers[name.strip().lower()] = value.strip()
    return first, headers, await _read_body(reader, headers, to_end)


async def _read_body(reader: asyncio.StreamReader, headers: Mapping[str, str], to_end: bool) -> bytes:
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return await _read_chunks(reader)
    length = headers.get("content-length")
    if length is None:
        return await _read_to_end(reader) if to_end else b""
    if not length.isdigit() or int(length) > MAX_BODY:
        raise BadMessageError(f"content-length {length[:20]!r}")
    return await reader.readexactly(int(length))


async def _read_to_end(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while part := await reader.read(65536):
        body += part
        if len(body) > MAX_BODY:
            raise BadMessageError("body too long")
    return body


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while True:
        size = int((await reader.readline()).split(b";")[0] or b"0", 16)
        if size < 0 or len(body) + size > MAX_BODY:
            raise BadMessageError("body too long")
        body += await reader.readexactly(size)
        await reader.readline()
        if size == 0:
            return body


def render(response: Response, *, server: str, keep_alive: bool, head: bool = False) -> bytes:
    headers = dict(response.headers)
    if not any(name.lower() == "server" for name in headers):
        headers["Server"] = server
    if response.status not in (204, 304):
        headers["Content-Length"] = str(len(response.body))
    headers.setdefault("Connection", "keep-alive" if keep_alive else "close")
    lines = [f"HTTP/1.1 {response.status} {REASONS.get(response.status, 'Unknown')}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + (b"" if head else response.body)


class HttpServer(Misbehaving):
    """Answers requests on each connection, one after the other, with `handler`."""

    def __init__(self, handler: Handler, name: str, *, socket_timeout: float = SOCKET_TIMEOUT) -> None:
        super().__init__()
        self._handler = handler
        self._name = name
        self._socket_timeout = socket_timeout
        self._streams = StreamServer(self._serve)

    @property
    def running(self) -> bool:
        return self._streams.running

    async def start(self, listener: socket.socket, tls: ssl.SSLContext | None = None) -> None:
        await self._streams.listen(listener, tls)

    async def stop(self) -> None:
        await self._streams.stop()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(self._socket_timeout) as limit:
                while await self._one(reader, writer):
                    limit.reschedule(asyncio.get_running_loop().time() + self._socket_timeout)
        except TimeoutError:
            pass

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Do one exchange. Returns False if the connection must be closed."""
        try:
            first, headers, body = await read_message(reader)
            method, target, version = first.split(" ")
            request = Request(method, target, headers, body)
            urlsplit(target)
        except (BadMessageError, ValueError):
            writer.write(render(Response(400), server=self._name, keep_alive=False))
            await writer.drain()
            return False
        keep_alive = request.keep_alive and version != "HTTP/1.0"
        if self.misbehaviour == "freeze":
            await self.unfrozen()
        response = await self._handler(request)
        if self.misbehaviour is None:
            head = request.method == "HEAD"
            writer.write(render(response, server=self._name, keep_alive=keep_alive, head=head))
            await writer.drain()
            return keep_alive and response.headers.get("Connection") != "close"
        return await self._misbehave(writer, render(response, server=self._name, keep_alive=keep_alive), keep_alive)

    async def _misbehave(self, writer: asyncio.StreamWriter, answer: bytes, keep_alive: bool) -> bool:
        match self.misbehaviour:
            case "slow":
                await asyncio.sleep(self.slow_seconds)
                writer.write(answer)
            case "freeze":
                await self.unfrozen()
                writer.write(answer)
            case "garbage":
                writer.write(b"\x00\x01\xfe\xff\x1b[31m not the protocol you want \r\n" * 4)
                keep_alive = False
            case "cut":
                writer.write(answer[: max(len(answer) // 2, answer.find(b"\r\n\r\n") + 5)])
                keep_alive = False
            case "endless":
                writer.write(b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n["')
                while self.misbehaviour == "endless":  # ends with the connection, or with the socket's timeout
                    writer.write(b"x" * 4096)
                    await writer.drain()
                    await asyncio.sleep(0.01)
                keep_alive = False
        await writer.drain()
        return keep_alive


class OverHttp:
    """A daemon with an HTTP server. What the server does wrong, the daemon does."""

    http: HttpServer

    @property
    def misbehaviour(self) -> str | None:
        return self.http.misbehaviour

    @misbehaviour.setter
    def misbehaviour(self, value: str | None) -> None:
        self.http.misbehaviour = value


async def fetch(
    dial: kinds.Dial,
    host: str,
    port: int,
    target: str,
    *,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
    within: float = 10.0,
    tls: ssl.SSLContext | None = None,
) -> Response:
    """Send one request over its own connection. Raises OSError, TimeoutError, EOFError or BadMessageError if that fails."""
    async with asyncio.timeout(within):
        reader, writer = await dial.tcp(host, port, within)
        try:
            if tls is not None:
                await writer.start_tls(tls)
            sent = {"Host": host, "Connection": "close", **(headers or {})}
            if body or method in ("PUT", "POST"):
                sent["Content-Length"] = str(len(body))
            lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in sent.items())]
            writer.write(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body)
            await writer.drain()
            first, got, content = await read_message(reader, to_end=True)
        finally:
            writer.close()
    parts = first.split(" ", 2)
    if len(parts) < 2 or not parts[1].isdigit():
        raise BadMessageError(f"no status line: {first[:80]!r}")
    return Response(int(parts[1]), content, got)
