"""NAPI: the networks of a datacenter, and the routes for every zone on a network (facts: "Routes")."""

from __future__ import annotations

import ipaddress
import json
import zlib
from collections.abc import Callable, Mapping
from typing import Any

from lab.machine import kinds
from lab.servers.http import HttpServer, OverHttp, Request, Response, error_response, json_response
from lab.servers.restify import ApiError, conditional

PORT = 80
MOST = 1000
"""The number of networks on a page, by name (sdc-napi:lib/util/constants.js; lib/models/network.js listNetworks)."""
Network = dict[str, Any]


class Networks:
    """What NAPI's moray holds. `on_change` is called after a network was changed, because net-agent acts on it."""

    def __init__(self, networks: list[Network], on_change: Callable[[Network], None] | None = None) -> None:
        self.by_uuid: dict[str, Network] = {network["uuid"]: network for network in networks}
        self.on_change = on_change

    def find(self, name: str) -> Network | None:
        """A network by uuid. `admin` is accepted as well."""
        if name == "admin":
            return next((network for network in self.by_uuid.values() if network["name"] == "admin"), None)
        return self.by_uuid.get(name)

    def update(self, network: Network, changes: Mapping[str, Any]) -> None:
        """Change a network. `routes` are replaced, not merged (facts)."""
        network.update(changes)
        if self.on_change is not None:
            self.on_change(network)


class Napi(OverHttp):
    """Answers /ping, /networks and /networks/UUID. A PUT changes the given fields and leaves the others.

    GET and PUT of one network are conditional on its etag (sdc-napi:lib/endpoints/networks/index.js, test/unit/etags.test.js).
    """

    def __init__(self, place: kinds.Place, networks: Networks) -> None:
        self._place = place
        self.networks = networks
        self.searchable = True
        self.http = HttpServer(self.answer, "SmartDataCenter Networking API")

    async def start(self) -> None:
        self.searchable = True  # moray's buckets are brought up to date at each start
        await self.http.start(self._place.listen(PORT))

    async def stop(self) -> None:
        await self.http.stop()

    async def answer(self, request: Request) -> Response:
        match (request.method, request.path.strip("/").split("/")):
            case ("GET", ["ping"]):
                return json_response({"status": "OK", "healthy": True, "services": {"moray": "online"}})
            case ("GET", ["networks"]):
                if request.query and not self.searchable:
                    return error_response(500, "InternalError", "Internal error")
                return json_response(self._list(request.query))
            case ("GET" | "PUT", ["networks", name]):
                network = self.networks.find(name)
                if network is None:
                    return error_response(404, "ResourceNotFound", "network not found")
                return self._one(network, request)
            case (_, ["ping"] | ["networks"] | ["networks", _]):
                return error_response(405, "MethodNotAllowedError", f"{request.method} is not allowed")
        return error_response(404, "ResourceNotFound", f"{request.path} does not exist")

    def _list(self, query: Mapping[str, str]) -> list[Network]:
        wanted = {key: query[key] for key in ("name", "nic_tag", "vlan_id") if key in query}
        found = [net for net in self.networks.by_uuid.values() if all(str(net.get(k)) == v for k, v in wanted.items())]
        if query.get("fabric") in ("true", "false"):
            found = [net for net in found if bool(net.get("fabric")) is (query["fabric"] == "true")]
        first = int(query.get("offset", "0"))
        return sorted(found, key=lambda net: str(net["name"]))[first : first + min(int(query.get("limit", MOST)), MOST)]

    def _one(self, network: Network, request: Request) -> Response:
        def wanted() -> Response:
            answer = self._put(network, request) if request.method == "PUT" else json_response(network)
            return Response(answer.status, answer.body, {**answer.headers, "Etag": etag(network)})

        try:
            return conditional(request, etag(network), wanted)
        except ApiError as error:
            return error.response

    def _put(self, network: Network, request: Request) -> Response:
        """A body that does not say that it is JSON is a form with meaningless fields: the answer is 200, and nothing is changed."""
        changes: object = {}
        if request.content_type == "application/json" and request.body.strip():
            try:
                changes = json.loads(request.body)
            except ValueError as error:
                return error_response(400, "InvalidContent", f"Invalid JSON: {error}")
        if not isinstance(changes, dict):
            return error_response(422, "InvalidParameters", "Invalid parameters")
        wrong = _wrong_routes(changes.get("routes", {}))
        if wrong is not None:
            found = {"field": "routes", "code": "InvalidParameter", **wrong}
            return json_response({"code": "InvalidParameters", "message": "Invalid parameters", "errors": [found]}, 422)
        self.networks.update(network, {key: value for key, value in changes.items() if key != "uuid"})
        return json_response(network)


def etag(network: Network) -> str:
    """An etag as moray makes it: a checksum of the object as it is kept."""
    return f"{zlib.crc32(json.dumps(network, sort_keys=True).encode()):08X}"


def _wrong_routes(routes: object) -> Network | None:
    """The error that a real NAPI returns about the routes (sdc-napi:lib/models/network.js validateRoutes); None if none."""
    if not isinstance(routes, dict):
        return {"message": "must be an object"}
    bad = [
        text
        for to, via in routes.items()
        for text, right in ((to, _is_network(to)), (via, _is_address(via)))
        if not right
    ]
    return {"message": "invalid routes" if len(bad) > 1 else "invalid route", "invalid": bad} if bad else None


def _is_network(text: str) -> bool:
    try:
        return bool(ipaddress.IPv4Network(text))
    except ValueError:
        return False


def _is_address(text: object) -> bool:
    return isinstance(text, str) and _is_network(text) and "/" not in text
