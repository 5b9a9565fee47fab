"""The programs of Manta's own zones: muskie behind haproxy in webapi, and electric-moray.

muskie answers /ping with an empty 200, or with 503 while it has no storage picker, which needs the moray of STORAGE_MORAY_SHARD
(manta-muskie:lib/). It reads its configuration only at start, and rendering does not restart it. electric-moray fetches its hash ring once,
when its zone is set up, from the IMGAPI that HASH_RING_IMGAPI_SERVICE names (electric-moray:boot/setup.sh). Without a ring it cannot start.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from lab.machine import kinds
from lab.servers import http, resolve

PORT = 80
CONFIG = "opt/smartdc/muskie/etc/config.json"
RING = "electric-moray/chash/leveldb-{port}/CURRENT"
FETCH_WITHIN = 5.0


class Muskie:
    """One muskie process (SMF instance muskie-808x)."""

    def __init__(self, place: kinds.Place, port: int, front: WebapiHaproxy) -> None:
        self._place, self._port, self._front = place, port, front
        self.config: dict[str, Any] = {}
        self.stuck = False

    @property
    def ready(self) -> bool:
        return not self.stuck and bool(self.config["storage"]["moray"]["srvDomain"])

    async def start(self) -> None:
        self.stuck = False
        self.config = json.loads((self._place.root / CONFIG).read_text(encoding="utf-8"))
        self._front.backends[self._port] = self

    async def stop(self) -> None:
        self._front.backends.pop(self._port, None)


class WebapiHaproxy(http.OverHttp):
    """haproxy of a webapi zone on 80."""

    def __init__(self, place: kinds.Place) -> None:
        self._place = place
        self.backends: dict[int, Muskie] = {}
        self.http = http.HttpServer(self.answer, "Manta")

    async def start(self) -> None:
        await self.http.start(self._place.listen(PORT))

    async def stop(self) -> None:
        await self.http.stop()

    async def answer(self, request: http.Request) -> http.Response:
        ready = any(muskie.ready for muskie in self.backends.values())
        if not ready:
            return http.Response(503, headers={"Connection": "close"})
        if request.path == "/ping" and request.method == "GET":
            return http.Response(200)
        return http.error_response(403, "AuthorizationRequired", "Authorization is required")


class ElectricMoray:
    """One electric-moray process. It opens its copy of the ring at start."""

    def __init__(self, place: kinds.Place, port: int) -> None:
        self._ring = place.root / RING.format(port=port)

    async def start(self) -> None:
        if not self._ring.is_file():
            raise FileNotFoundError(f"no hash ring at /{self._ring.parent.name}")

    async def stop(self) -> None:
        """Do nothing: it keeps nothing."""


async def fetch_ring(
    place: kinds.Place, nameservers: Sequence[str], metadata: Mapping[str, Any], ports: Sequence[int]
) -> bool:
    """Set up the ring of an electric-moray zone. Returns False if the image could not be fetched."""
    host = str(metadata.get("HASH_RING_IMGAPI_SERVICE", "")).removeprefix("http://")
    target = f"/images/{metadata.get('HASH_RING_IMAGE', '')}"
    try:
        address = await resolve.resolve_address(place.dial, nameservers, host)
        answer = await http.fetch(place.dial, address, PORT, target, within=FETCH_WITHIN)
    except (resolve.ResolveError, OSError, TimeoutError, EOFError, http.BadMessageError):
        return False
    if answer.status != 200:
        return False
    for port in ports:
        ring = place.root / RING.format(port=port)
        ring.parent.mkdir(parents=True, exist_ok=True)
        ring.write_text("MANIFEST-000001\n", encoding="ascii")
    return True
