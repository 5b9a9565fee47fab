"""cloudapi: four processes behind a haproxy on 443.

A process answers 500 to everything until it has connected to the UFDS it needs: the local one, and on a replica first the master's. (It is
a replica if `ufds_master.url` in its configuration is more than "ldaps://".) Losing UFDS later changes nothing in /--ping. haproxy removes
a process after three failed checks. If none is left, it answers 503 itself. Source: sdc-cloudapi:main.js, lib/app.js, etc/haproxy.cfg.in,
boot/setup.sh; facts.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import ssl
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from lab.machine import kinds
from lab.servers import ldap
from lab.servers.cloudapi.auth import RefusedError, account_of, allow
from lab.servers.http import (
    BadMessageError,
    HttpServer,
    OverHttp,
    Request,
    Response,
    error_response,
    fetch,
    json_response,
)

PORT = 443
CONFIG = "opt/smartdc/cloudapi/etc/cloudapi.cfg"
VERSIONS = ["9.0.0", "8.0.0", "7.3.0", "7.2.0", "7.1.0", "7.0.0"]
IMITATED = ("datacenters", "images", "keys", "machines")
NONE_THERE = (["images"], ["machines"])  # what `triton ls` asks for; nobody has instances in this lab
BOOTSTRAP = "Attempting to connect to internal services during bootstrap"
CHECK_SECONDS = 10.0  # haproxy: check inter 10s, and its defaults fall 3, rise 2
FALL, RISE = 3, 2
SERVER_TIMEOUT = 120.0
LOCALHOST = "127.0.0.1"


class Cloudapi(OverHttp):
    """One cloudapi process (SMF instance cloudapi-808x). start() returns when its waiting for UFDS has begun.

    `on_exit` is called when the process has ended because UFDS refused its bind.
    """

    def __init__(
        self,
        place: kinds.Place,
        port: int,
        nameservers: Sequence[str],
        *,
        on_exit: Callable[[str], None] | None = None,
    ) -> None:
        self._place = place
        self.port = port
        self._nameservers = nameservers
        self._on_exit = on_exit
        self._config: dict[str, Any] = {}
        self._sessions: list[ldap.Session] = []
        self._starting: asyncio.Task[None] | None = None
        self._refusal: asyncio.Task[None] | None = None
        self.ready = False
        self.http = HttpServer(self.answer, "cloudapi/9.20.0")

    async def start(self) -> None:
        self._config = json.loads((self._place.root / CONFIG).read_text(encoding="utf-8"))
        await self.http.start(self._place.listen(self.port))
        self._starting = asyncio.get_running_loop().create_task(self._connect())

    async def stop(self) -> None:
        if self._starting is not None:
            self._starting.cancel()
            await asyncio.gather(self._starting, return_exceptions=True)
        await self.http.stop()
        for session in self._sessions:
            await session.stop()
        self.ready = False

    async def _connect(self) -> None:
        """Connect to the master's UFDS first, then to the local one, like createClients in lib/app.js."""
        accounts = [ldap.Account.read(self._config["ufds"])]
        master = ldap.Account.read(self._config["ufds_master"])
        if master.url != "ldaps://":
            accounts.insert(0, master)
        for account in accounts:
            session = ldap.Session(self._place, self._nameservers, account, self._refused)
            self._sessions.append(session)
            session.start()
            await session.wait()
        self.ready = True

    def _refused(self, reason: str) -> None:
        """A refused bind is fatal during the start, and is only logged later."""
        if not self.ready and self._on_exit is not None and self._refusal is None:
            self._refusal = asyncio.get_running_loop().create_task(self._exit(reason))

    async def _exit(self, reason: str) -> None:
        await self.stop()
        if self._on_exit is not None:
            self._on_exit(reason)

    async def answer(self, request: Request) -> Response:
        if not self.ready:
            return error_response(500, "InternalError", BOOTSTRAP)
        headers = {"Triton-Datacenter-Name": str(self._config.get("datacenter_name", ""))}
        if request.path == "/--ping" and request.method in ("GET", "HEAD"):
            return json_response({"ping": "pong", "cloudapi": {"versions": VERSIONS}}, headers=headers)
        try:
            return await self._authorized(request, headers)
        except RefusedError as refused:
            return replace(refused.response, headers={**refused.response.headers, **headers})

    async def _authorized(self, request: Request, headers: dict[str, str]) -> Response:
        """Answer what an account may ask. Source: the order in lib/app.js; lib/datacenters.js."""
        parts = request.path.strip("/").split("/")
        if parts[1:] and parts[1] not in IMITATED:
            return error_response(404, "ResourceNotFound", f"{request.path} does not exist in this lab", headers)
        allow(request, await account_of(request, self._sessions[-1]))
        if self._config.get("read_only") is True and request.method in ("PUT", "POST", "DELETE"):
            message = str(self._config.get("dc_maint_message") or "This Triton data center is being upgraded")
            later = {"Retry-After": str(self._config["dc_maint_eta"])} if self._config.get("dc_maint_eta") else {}
            return error_response(503, "ServiceUnavailableError", message, headers | later)
        if request.method == "GET" and parts[1:] in NONE_THERE:
            return json_response([], headers=headers | {"X-Resource-Count": "0", "X-Query-Limit": "1000"})
        if request.method != "GET" or parts[1:] != ["datacenters"]:
            message = f"{request.method} {request.path} is not imitated by this lab"
            return error_response(405, "MethodNotAllowedError", message, headers)
        return json_response(self._config.get("datacenters") or {}, headers=headers)

    @property
    def healthy(self) -> bool:
        """What haproxy's `GET /--ping` would find. It is asked in the process, not over a socket.

        Otherwise four backends times twenty datacenters, ten times a second in a fast lab, would be most of the lab's work.
        """
        return self.http.running and self.ready and self.misbehaviour is None


class Haproxy(OverHttp):
    """haproxy before a zone's cloudapi processes. They count as up until three checks have failed."""

    def __init__(self, place: kinds.Place, backends: Sequence[Cloudapi], tls: ssl.SSLContext) -> None:
        self._place = place
        self._tls = tls
        self.backends: list[Cloudapi] = list(backends)
        self._failed: dict[int, int] = {}
        self._risen: dict[int, int] = {}
        self._down: set[int] = set()
        self._turn = itertools.count()
        self._checking: asyncio.Task[None] | None = None
        self.http = HttpServer(self.answer, "haproxy")

    async def start(self) -> None:
        await self.http.start(self._place.listen(PORT), self._tls)
        self._checking = asyncio.get_running_loop().create_task(self._check_for_ever())

    async def stop(self) -> None:
        if self._checking is not None:
            self._checking.cancel()
            await asyncio.gather(self._checking, return_exceptions=True)
        await self.http.stop()

    async def use_tls(self, tls: ssl.SSLContext) -> None:
        """Go on with another certificate."""
        await self.stop()
        self._tls = tls
        await self.start()

    def replace(self, backend: Cloudapi) -> None:
        """SMF makes a new process at each start. It takes the place of the old one on the same port."""
        self.backends = [known for known in self.backends if known.port != backend.port] + [backend]

    @property
    def decided(self) -> bool:
        """Whether the checks have found out the state of each process."""
        return all(backend.healthy is not (backend.port in self._down) for backend in self.backends)

    def check(self) -> None:
        """Do one round of checks."""
        for backend in self.backends:
            port = backend.port
            if backend.healthy:
                self._failed[port] = 0
                self._risen[port] = self._risen.get(port, 0) + 1
                if self._risen[port] >= RISE:
                    self._down.discard(port)
            else:
                self._risen[port] = 0
                self._failed[port] = self._failed.get(port, 0) + 1
                if self._failed[port] >= FALL:
                    self._down.add(port)

    async def _check_for_ever(self) -> None:
        while True:
            await self._place.clock.sleep(CHECK_SECONDS)
            self.check()

    async def answer(self, request: Request) -> Response:
        ports = sorted(backend.port for backend in self.backends if backend.port not in self._down)
        first = next(self._turn)
        # One attempt and, by `retries 1` with `option redispatch`, one more at another process.
        for port in [ports[(first + step) % len(ports)] for step in range(min(2, len(ports)))]:
            try:
                return await self._pass_on(request, port)
            except ConnectionError:
                continue
            except (OSError, TimeoutError, EOFError, BadMessageError):
                break
        return _unavailable()

    async def _pass_on(self, request: Request, port: int) -> Response:
        headers = {key: value for key, value in request.headers.items() if key not in ("connection", "content-length")}
        got = await fetch(
            self._place.dial,
            LOCALHOST,
            port,
            request.target,
            method=request.method,
            headers=headers,
            body=request.body,
            within=SERVER_TIMEOUT,
        )
        kept = {key: value for key, value in got.headers.items() if key not in ("connection", "content-length")}
        return Response(got.status, got.body, kept)


def _unavailable() -> Response:
    headers = {"Cache-Control": "no-cache", "Connection": "close"}
    return error_response(503, "ServiceUnavailable", "CloudAPI service is currently unavailable", headers)
