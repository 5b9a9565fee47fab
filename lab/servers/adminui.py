"""adminui: HTTPS on 443. The lab imitates only its ping.

A request waits while no UFDS is connected (sdc-adminui:lib/adminui.js setUfds). adminui uses the master's UFDS if that is connected, else
the local one. So without a route to the master the ping stays 200 with `ufds: true`.
"""

from __future__ import annotations

import asyncio
import datetime
import json
import ssl
from collections.abc import Sequence

from lab.machine import kinds
from lab.servers import ldap
from lab.servers.http import HttpServer, OverHttp, Request, Response, error_response, json_response
from lab.servers.moray import MorayClient

PORT = 443
CONFIG = "opt/smartdc/adminui/etc/config.json"


class Adminui(OverHttp):
    """The adminui of one datacenter. It reads its rendered configuration at start."""

    def __init__(self, place: kinds.Place, nameservers: Sequence[str], tls: ssl.SSLContext) -> None:
        self._place = place
        self._nameservers = nameservers
        self._tls = tls
        self._ufds: list[ldap.Session] = []
        self._moray: MorayClient | None = None
        self.http = HttpServer(self.answer, "adminui")

    async def start(self) -> None:
        config = json.loads((self._place.root / CONFIG).read_text(encoding="utf-8"))
        accounts = [ldap.Account.read(config[key]) for key in ("ufdsMaster", "ufds")]
        self._ufds = [ldap.Session(self._place, self._nameservers, account) for account in accounts]
        for session in self._ufds:
            session.start()
        datacenters: list[dict[str, dict[str, str]]] = list(config.get("datacenters", {}).values())
        domain = datacenters[0].get("moray", {}).get("srvDomain", "") if datacenters else ""
        self._moray = MorayClient(self._place.dial, self._place.clock, self._nameservers, domain)
        self._moray.start()
        await self.http.start(self._place.listen(PORT), self._tls)

    async def use_tls(self, tls: ssl.SSLContext) -> None:
        """Go on with another certificate, until it is started anew."""
        await self.http.stop()
        await self.http.start(self._place.listen(PORT), tls)

    async def stop(self) -> None:
        await self.http.stop()
        for session in self._ufds:
            await session.stop()
        if self._moray is not None:
            await self._moray.stop()

    async def answer(self, request: Request) -> Response:
        if request.path != "/api/ping":
            return error_response(404, "ResourceNotFound", f"{request.path} does not exist")
        if request.method != "GET":
            return error_response(405, "MethodNotAllowedError", f"{request.method} is not allowed")
        await self._connected()
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        moray = self._moray is not None and self._moray.connected
        return json_response({"services": {"moray": moray, "ufds": True}, "time": now})

    async def _connected(self) -> None:
        """Wait for any UFDS. Only the end of the socket ends this."""
        waiting = [asyncio.ensure_future(session.wait()) for session in self._ufds]
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for future in waiting:
                future.cancel()
