"""What curl does with one request, without its command line; its exit codes."""

# ruff: noqa: ASYNC109  a Dial has a timeout of its own

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from lab.machine import tls
from lab.machine.machines import Machine
from lab.servers import http, resolve
from lab.servers.resolve import address_of

CONNECT_TIMEOUT = 10.0  # sdc-sdc:tools/lib/libdc.sh: curl's --connect-timeout; there is no total one
FOREVER = 3600.0
UNRESOLVED, REFUSED, TIMED_OUT, GOT_NOTHING, TLS_FAILED, USAGE = 6, 7, 28, 52, 35, 2
NO_HTTP, PARTIAL = 1, 18


@dataclass
class CurlError(Exception):
    """curl's exit code and its message."""

    code: int
    text: str


@dataclass
class Ask:
    """A curl command line, with the parts that the lab takes."""

    url: str = ""
    method: str = "GET"
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    timeout: float = FOREVER
    connect_timeout: float = FOREVER
    silent: bool = False
    show_error: bool = False
    include: bool = False
    insecure: bool = False
    fail: bool = False
    output: str | None = None
    write_out: str = ""


async def perform(machine: Machine, ask: Ask) -> http.Response:
    """Send one request. Raises CurlError with curl's exit code if there is no answer."""
    parts = urlsplit(ask.url if "://" in ask.url else f"http://{ask.url}")
    host, secure = parts.hostname or "", parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        address = await address_of(machine, host)
    except resolve.ResolveError:
        raise CurlError(UNRESOLVED, f"Could not resolve host: {host}") from None
    if secure and not ask.insecure:
        raise CurlError(60, "SSL certificate problem: self-signed certificate")
    headers = {"host": host, "accept": "*/*", "user-agent": "curl/8.15.0"} | ask.headers
    if ask.body and "content-type" not in headers:
        headers["content-type"] = "application/x-www-form-urlencoded"
    try:
        async with asyncio.timeout(ask.timeout):
            return await http.fetch(
                _Patient(machine, ask.connect_timeout), address, port, target, method=ask.method, body=ask.body,
                headers={name.title(): value for name, value in headers.items()}, within=FOREVER,
                tls=tls.client_context() if secure else None,
            )  # fmt: skip
    except TimeoutError:
        raise CurlError(TIMED_OUT, "Connection timed out") from None
    except ssl.SSLError as error:
        raise CurlError(TLS_FAILED, f"TLS connect error: {error.reason}") from None
    except ConnectionResetError:
        raise CurlError(56, "Recv failure: Connection reset by peer") from None
    except OSError as error:
        raise CurlError(REFUSED, f"Failed to connect to {host} port {port}: {error.strerror or error}") from None
    except asyncio.IncompleteReadError as error:
        if error.expected is None:  # not even a head
            if error.partial:
                raise CurlError(NO_HTTP, "Received HTTP/0.9 when not allowed") from None
            raise CurlError(GOT_NOTHING, "Empty reply from server") from None
        missing = error.expected - len(error.partial)
        raise CurlError(PARTIAL, f"end of response with {missing} bytes missing") from None
    except http.BadMessageError:
        raise CurlError(NO_HTTP, "Received HTTP/0.9 when not allowed") from None
    except (EOFError, ValueError):
        raise CurlError(GOT_NOTHING, "Empty reply from server") from None


class _Patient:
    """A Dial whose connections get only the time of --connect-timeout."""

    def __init__(self, machine: Machine, timeout: float) -> None:
        self._machine = machine
        self._timeout = timeout

    async def tcp(self, host: str, port: int, timeout: float) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await self._machine.dial.tcp(host, port, min(timeout, self._timeout))

    async def udp(self, host: str, port: int, payload: bytes, timeout: float) -> bytes:
        return await self._machine.dial.udp(host, port, payload, timeout)
