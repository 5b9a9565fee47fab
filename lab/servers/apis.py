"""The HTTP servers of imgapi, cnapi, vmapi and mahi, with what health checks and Manta ask them.

Formats: sdc-imgapi:lib/app.js, sdc-vmapi:lib/endpoints/ping.js, sdc-cnapi:docs, mahi:lib/server/server.js. They keep nothing of their own:
each request asks the site for its VMs.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from lab.machine import kinds
from lab.plan.names import made_uuid
from lab.servers.http import Handler, HttpServer, OverHttp, Request, Response, error_response, json_response

PORT = 80
PID = 4242
Json = dict[str, Any]


class Api(OverHttp):
    """One HTTP server on port 80 of a zone; `handler` answers."""

    def __init__(self, place: kinds.Place, name: str, handler: Handler) -> None:
        self._place = place
        self.http = HttpServer(handler, name)

    async def start(self) -> None:
        await self.http.start(self._place.listen(PORT))

    async def stop(self) -> None:
        await self.http.stop()


def imgapi(place: kinds.Place, images: Mapping[str, Json]) -> Api:
    """/ping, /images?name= and /images/UUID."""

    async def answer(request: Request) -> Response:
        match (request.method, request.path.strip("/").split("/")):
            case ("GET", ["ping"]):
                return json_response({"ping": "pong", "version": "4.13.0", "imgapi": True, "pid": PID})
            case ("GET", ["images"]):
                return json_response(_selected(images.values(), request.query))
            case ("GET", ["images", uuid]):
                found = images.get(uuid)
                return json_response(found) if found else error_response(404, "ResourceNotFound", "image not found")
        return _nothing(request)

    return Api(place, "imgapi/4.13.0", answer)


def vmapi(place: kinds.Place, vms: Callable[[], list[Json]], add_external: Callable[[str], bool]) -> Api:
    """/ping, /vms?uuid=&alias=&owner_uuid=&state=&tag.NAME=, /vms/UUID, and POST /vms/UUID?action=add_nics.

    It adds only a NIC on the network external, which becomes the primary one.
    """

    async def answer(request: Request) -> Response:
        match (request.method, request.path.strip("/").split("/")):
            case ("GET", ["ping"]):
                done = {"moray": {"status": "BUCKETS_REINDEX_DONE"}}
                services = {"moray": "online", "wfapi": "online"}
                return json_response({
                    "dataMigrations": {"latestCompletedMigrations": {"vms": 1}}, "healthy": True,
                    "initialization": done, "pid": PID, "pingErrors": {}, "status": "OK", "services": services,
                })  # fmt: skip
            case ("GET", ["vms"]):
                query = {key: value for key, value in request.query.items() if (key, value) != ("state", "active")}
                return json_response(_selected(vms(), query))
            case ("GET", ["vms", uuid]):
                found = _selected(vms(), {"uuid": uuid})
                return json_response(found[0]) if found else error_response(404, "ResourceNotFound", "VM not found")
            case ("POST", ["vms", uuid]) if request.query.get("action") == "add_nics":
                if not _selected(vms(), {"uuid": uuid}):
                    return error_response(404, "ResourceNotFound", "VM not found")
                if not _wants_external(request) or not add_external(uuid):
                    return error_response(409, "ValidationFailed", "Invalid VM update parameters")
                return json_response({"vm_uuid": uuid, "job_uuid": made_uuid("job", uuid)}, 202)
        return _nothing(request)

    return Api(place, "VMAPI", answer)


def _wants_external(request: Request) -> bool:
    if request.content_type != "application/json":
        return False  # a form without a field `networks`
    try:
        body = json.loads(request.body)
        return bool(body["networks"] == [{"name": "external", "primary": True}])
    except (ValueError, KeyError, TypeError):
        return False


def cnapi(place: kinds.Place, servers: list[Json]) -> Api:
    """/ping, /servers?extras=sysinfo and /servers/UUID. A list shows sysinfo only if it is asked for."""
    plain = [{key: value for key, value in each.items() if key != "sysinfo"} for each in servers]

    async def answer(request: Request) -> Response:
        match (request.method, request.path.strip("/").split("/")):
            case ("GET", ["ping"]):
                return json_response({"ready": True})
            case ("GET", ["servers"]):
                whole = "sysinfo" in request.query.get("extras", "").split(",")
                return json_response(_selected(servers if whole else plain, request.query))
            case ("GET", ["servers", uuid]):
                found = _selected(servers, {"uuid": uuid})
                return (
                    json_response(found[0])
                    if found
                    else error_response(404, "ResourceNotFound", f"Server {uuid} not found")
                )
        return _nothing(request)

    return Api(place, "Compute Node API", answer)


def mahi(place: kinds.Place) -> Api:
    """/ping, which answers 204 once the replicator has caught up."""

    async def answer(request: Request) -> Response:
        return Response(204) if (request.method, request.path) == ("GET", "/ping") else _nothing(request)

    return Api(place, "mahi", answer)


def _nothing(request: Request) -> Response:
    if request.method != "GET":
        return error_response(405, "MethodNotAllowedError", f"{request.method} is not allowed")
    return error_response(404, "ResourceNotFound", f"{request.path} does not exist")


def _selected(objects: Any, query: Mapping[str, str]) -> list[Json]:
    """The objects whose fields have the wanted values; `tag.NAME` and `tags.NAME` ask for tags."""

    def value(one: Json, key: str) -> str:
        kind, _, name = key.partition(".")
        found = one.get("tags", {}).get(name) if kind in ("tag", "tags") and name else one.get(key)
        return str(found).lower() if isinstance(found, bool) else str(found)

    asked = {key: wanted for key, wanted in query.items() if key not in ("fields", "limit", "offset", "extras")}
    return [one for one in objects if all(value(one, key) == wanted for key, wanted in asked.items())]
