"""SAPI: applications, services, instances, manifests and the configurations made of them, over HTTP.

Routes, versions, errors and quirks as recorded from a real SAPI in full mode (recordings: sapi.json), and as read in
sdc-sapi:lib/server/endpoints.  Not imitated: VMs (an instance that is posted is only written down), what proto mode does.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import uuid as uuids
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from urllib.parse import parse_qsl

from lab import kinds, moray
from lab.http import SOCKET_TIMEOUT, HttpServer, Request, Response, error_response, json_response
from lab.moray import MorayClient, Value
from lab.sapi_store import LocalFiles, Store, StoreError

PORT = 80
MASTER_CONFIG = "opt/smartdc/sapi/etc/sapi-master.config.json"
PROTO_MODE = "opt/smartdc/sapi/SAPI_PROTO_MODE"  # stands for the zone's metadata of this name (lib/server/model.js)
INIT_SECONDS = 10.0  # how long a start waits for moray (sdc-sapi:lib/server/stor/moray.js init)
CHANGEABLE = ("params", "metadata", "manifests", "metadata_schema")
# Which query parameters filter a list, and what a POST must bring.
FILTERS = {"applications": ("name", "owner_uuid"), "services": ("name", "application_uuid", "type"), "manifests": ()}
REQUIRED = {
    "applications": ("name", "owner_uuid"),
    "services": ("name", "application_uuid"),
    "instances": ("service_uuid",),
    "manifests": ("name", "path", "template"),
}
CREATED = {
    "applications": ("uuid", "name", "owner_uuid", *CHANGEABLE, "master"),
    "services": ("uuid", "name", "application_uuid", "params", "metadata", "manifests", "master", "type"),
    "instances": ("uuid", "service_uuid", "params", "metadata", "manifests", "master", "type"),
    "manifests": ("uuid", "name", "path", "template", "post_cmd", "post_cmd_linux", "version", "master"),
}
SHOWN = {
    "services": ("uuid", "name", "application_uuid", "params", "metadata", "manifests", "master", "type"),
    "instances": ("uuid", "service_uuid", "params", "metadata", "manifests", "master", "job_uuid", "type"),
}
VERSION = re.compile(r"[~^=v]*\s*(\d+|[x*])(?:\.(?:0+|[x*]))*")


class ApiError(Exception):
    """An answer that is an error."""

    def __init__(self, status: int, code: str | None, message: str) -> None:
        super().__init__(message)
        self.response = error_response(status, code, message)


class DiedError(Exception):
    """The process has ended by an assertion, in the middle of a request."""


def read_master(place: kinds.Place) -> tuple[str, str] | None:
    """Host and port of the master's moray; None while config-agent has not rendered the file yet.

    An assertion, as in SAPI, when a DNS name comes with another port than 2020: the service cannot start.
    """
    path = place.root / MASTER_CONFIG
    if not path.exists():
        return None
    config = json.loads(path.read_text(encoding="utf-8")).get("moray", {})
    if "master_host" not in config:
        return None
    host, port = str(config["master_host"]), str(config.get("master_port", ""))
    if host and port and not moray.is_address(host) and port != str(moray.HAPROXY_PORT):
        raise AssertionError(f"config.master_port: {port} != {moray.HAPROXY_PORT}")
    return host, port


class Sapi:
    """The SAPI of one datacenter.

    `moray_domain` is the service name of the local moray, `nameservers` the own binders; `on_exit` hears of a process
    that ended by itself.  `instance` is the zone's uuid: the application it belongs to is kept in local files.
    """

    def __init__(
        self,
        place: kinds.Place,
        moray_domain: str,
        nameservers: Sequence[str],
        *,
        on_exit: Callable[[str], None] | None = None,
        socket_timeout: float = SOCKET_TIMEOUT,
    ) -> None:
        self._place = place
        self._on_exit = on_exit
        self._master: tuple[str, str] | None = None
        self._ending: asyncio.Task[None] | None = None
        self._nameservers = nameservers
        self.http = HttpServer(self.answer, "sapi/2.1.3", socket_timeout=socket_timeout)
        self.local = MorayClient(place.dial, place.clock, nameservers, moray_domain)
        self.master: MorayClient | None = None
        self.store = Store(self.local, None, LocalFiles(place.root))

    @property
    def misbehaviour(self) -> str | None:
        return self.http.misbehaviour

    @misbehaviour.setter
    def misbehaviour(self, value: str | None) -> None:
        self.http.misbehaviour = value

    @property
    def mode(self) -> str:
        """Of proto mode no more is imitated than that it is told."""
        return "proto" if (self._place.root / PROTO_MODE).exists() else "full"

    async def start(self) -> None:
        """Listens once moray answers, or ten seconds later without it."""
        self._master = read_master(self._place)
        if self._master and all(self._master):
            self.master = MorayClient(self._place.dial, self._place.clock, self._nameservers, self._master[0])
            self.store.master = self.master
        clients = [client for client in (self.local, self.master) if client is not None]
        for client in clients:
            client.start()
        patience = max(1.0, INIT_SECONDS * self._place.clock.factor)
        await asyncio.gather(*(client.wait_until(True, patience) for client in clients))
        await self.remember(patience)
        await self.http.start(self._place.listen(PORT))

    async def remember(self, patience: float) -> None:
        """Its files hold what moray holds; those of a frozen moray stay as they were."""
        try:
            async with asyncio.timeout(patience):
                await self.store.refresh_files(self._place.zone.uuid)
        except TimeoutError:
            pass

    async def stop(self) -> None:
        await self.http.stop()
        for client in (self.local, self.master):
            if client is not None:
                await client.stop()

    # ---- requests

    async def answer(self, request: Request) -> Response:
        try:
            return await self._route(request)
        except ApiError as error:
            return error.response
        except StoreError as error:
            return error_response(500, None, str(error))
        except DiedError as error:
            self._ending = asyncio.get_running_loop().create_task(self._end(str(error)))
            await asyncio.Event().wait()  # stop() cancels this: the connection closes without an answer
            raise

    async def _end(self, reason: str) -> None:
        await self.stop()
        if self._on_exit is not None:
            self._on_exit(reason)

    async def _route(self, request: Request) -> Response:
        parts = request.path.strip("/").split("/")
        handlers: dict[str, Callable[[], Awaitable[Response]]] = {}
        version = 2
        match parts:
            case ["ping"]:
                handlers = {"GET": self._ping}
            case ["mode"]:
                handlers = {"GET": self._mode, "POST": lambda: self._set_mode(_parameters(request))}
            case ["configs", uuid]:
                handlers = {"GET": lambda: self._config(request, uuid)}
            case [("applications" | "services" | "instances" | "manifests") as bucket]:
                handlers = {
                    "POST": lambda: self._create(bucket, _parameters(request), version),
                    "GET": lambda: self._list(bucket, request.query, version),
                }
            case [("applications" | "services" | "instances" | "manifests") as bucket, uuid]:
                handlers = {
                    "GET": lambda: self._get(bucket, uuid, version),
                    "PUT": lambda: self._update(bucket, uuid, _parameters(request, fatal=True), version),
                    "DELETE": lambda: self._delete(bucket, uuid),
                }
                if bucket == "manifests":
                    del handlers["PUT"]
        if not handlers:
            raise ApiError(404, "ResourceNotFound", f"{request.path} does not exist")
        if request.method not in handlers:
            allowed = {"Allow": ", ".join(handlers)}
            return error_response(405, "MethodNotAllowedError", f"{request.method} is not allowed", allowed)
        version = _version(request)
        return await handlers[request.method]()

    async def _ping(self) -> Response:
        available = await self.store.ping()
        storage = "MorayLocalStorage" if self.mode == "full" else "LocalStorage"
        value = {"mode": self.mode, "storType": storage, "storAvailable": available}
        return json_response(value, 200 if available else 500)

    async def _mode(self) -> Response:
        return json_response(self.mode)

    async def _set_mode(self, given: Value) -> Response:
        mode = given.get("mode")
        if not mode:
            raise ApiError(409, "MissingParameter", 'missing "mode" parameter')
        if mode != "full":
            raise ApiError(409, "InvalidArgument", f"invalid mode: {mode}")
        (self._place.root / PROTO_MODE).unlink(missing_ok=True)
        return Response(204)

    async def _list(self, bucket: str, query: dict[str, str], version: int) -> Response:
        wanted: Value = {"type": "vm"} if bucket in SHOWN and version < 2 else {}
        if bucket == "instances":
            # A service implies the type: even version 1 sees an agent's instances when it names the service.
            if query.get("service_uuid"):
                wanted = {"service_uuid": query["service_uuid"]}
            elif query.get("type"):
                wanted["type"] = query["type"]
        else:
            wanted |= {key: query[key] for key in FILTERS[bucket] if query.get(key)}
        found = await self.store.find(bucket, wanted, include_master=self._includes_master(query))
        return json_response([_shown(bucket, value, version) for value in found])

    def _includes_master(self, query: dict[str, str]) -> bool:
        """Any value counts, "false" too; 503 as long as it is not known who the master is."""
        if not query.get("include_master"):
            return False
        if self._master is None:
            message = "Parameter 'include_master' has been specified but this SAPI instance has not yet "
            raise ApiError(503, "ServiceUnavailableError", message + "loaded master details")
        return bool(self._master[0])

    async def _found(self, bucket: str, uuid: str) -> Value:
        value = await self.store.get(bucket, uuid)
        if value is None:
            raise ApiError(404, "ResourceNotFound", f"no such {bucket.removesuffix('s')}: {uuid}")
        return value

    async def _get(self, bucket: str, uuid: str, version: int) -> Response:
        return json_response(_shown(bucket, await self._found(bucket, uuid), version))

    async def _create(self, bucket: str, given: Value, version: int) -> Response:
        missing = [key for key in REQUIRED[bucket] if key not in given]
        if missing:
            raise ApiError(409, "MissingParameter", f"missing required keys: {', '.join(missing)}")
        value = {key: given[key] for key in CREATED[bucket] if key in given}
        value.setdefault("uuid", str(uuids.uuid4()))
        if bucket == "services":
            value.setdefault("type", "vm")
            await self._found("applications", str(value["application_uuid"]))
        if bucket == "instances":
            value["type"] = (await self._found("services", str(value["service_uuid"]))).get("type", "vm")
        if bucket == "manifests":
            value.setdefault("version", "1.0.0")
        for manifest in _object(value.get("manifests")).values():
            await self._found("manifests", str(manifest))
        await self.store.put(bucket, value)
        return json_response(_shown(bucket, value, version))

    async def _update(self, bucket: str, uuid: str, given: Value, version: int) -> Response:
        action = str(given.get("action") or "update").lower()
        if action not in ("update", "replace", "delete"):
            raise ApiError(409, "InvalidArgument", "")
        value = await self.store.get(bucket, uuid)
        if value is None:
            raise StoreError(f"updateObject failed: no record for bucket sapi_{bucket} object {uuid}")
        for field in CHANGEABLE if bucket == "applications" else CHANGEABLE[:3]:
            if given.get(field) is not None:
                _change(value, field, given[field], action)
        if bucket == "applications" and given.get("owner_uuid"):
            value["owner_uuid"] = given["owner_uuid"]
        await self.store.put(bucket, value)
        return await self._get(bucket, uuid, version)

    async def _delete(self, bucket: str, uuid: str) -> Response:
        return Response(204 if await self.store.delete(bucket, uuid) else 404)

    async def _config(self, request: Request, uuid: str) -> Response:
        instance = await self._found("instances", uuid)
        service = await self._found("services", str(instance["service_uuid"]))
        application = await self._found("applications", str(service["application_uuid"]))
        merged: dict[str, Value] = {
            field: {k: v for part in (application, service, instance) for k, v in _object(part.get(field)).items()}
            for field in ("params", "metadata", "manifests")
        }
        metadata = merged["metadata"]
        metadata["SERVER_UUID"] = merged["params"].get("server_uuid")
        metadata["ZONE_UUID"] = metadata["INSTANCE_UUID"] = uuid
        metadata.pop("user-script", None)
        manifests = [await self._found("manifests", str(manifest)) for manifest in merged["manifests"].values()]
        config = {"manifests": manifests, "metadata": metadata}
        etag = config_etag(config)
        known = [tag.strip().strip('"') for tag in request.headers.get("if-none-match", "").split(",")]
        if etag in known:
            return Response(304, headers={"Etag": etag})
        return json_response(config, headers={"Etag": etag})


# ---- pure helpers


def _version(request: Request) -> int:
    """1 or 2; without the header 1, which knows no agents.  Recorded: ~9 is 400."""
    asked = request.headers.get("accept-version", "~1").strip()
    match = VERSION.fullmatch(asked or "*")
    major = match.group(1) if match else ""
    if major in ("x", "*"):
        return 2
    if major in ("1", "2"):
        return int(major)
    raise ApiError(400, "InvalidVersion", f"{asked} is not supported by {request.method} {request.path}")


def _parameters(request: Request, *, fatal: bool = False) -> Value:
    """Query and body as one; a body that is neither JSON nor a form is ignored without a word (recorded)."""
    given: Value = dict(request.query)
    if request.content_type == "application/json" and request.body.strip():
        try:
            body = json.loads(request.body)
        except ValueError as error:
            raise ApiError(400, "InvalidContent", f"Invalid JSON: {error}") from error
        if not isinstance(body, dict):
            if fatal:
                raise DiedError("AssertionError: uuid (string) is required")
            return {}
        given |= body
    elif request.content_type == "application/x-www-form-urlencoded":
        given |= dict(parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True))
    return given


def _object(value: object) -> Value:
    return value if isinstance(value, dict) else {}


def _shown(bucket: str, value: Value, version: int) -> Value:
    keys = SHOWN.get(bucket)
    if keys is None:
        return value
    return {key: value[key] for key in keys if key in value and (key != "type" or version >= 2)}


def _change(value: Value, field: str, change: Any, action: str) -> None:
    """A nested object is replaced, not merged (recorded)."""
    if action == "replace":
        value[field] = change
        return
    target = _object(value.get(field))
    for key in _object(change):
        if action == "update":
            target[key] = change[key]
        else:
            target.pop(key, None)
    value[field] = target


def config_etag(config: Value) -> str:
    """A digest of the configuration's leaves *as text*: turning "true" into true does not change it, and config-agent
    does not render again (sdc-sapi:lib/server/endpoints/configs.js)."""

    def leaves(value: object, path: str) -> list[str]:
        if isinstance(value, dict):
            return [leaf for key, inner in value.items() for leaf in leaves(inner, f"{path},{key}")]
        if isinstance(value, list):
            return [leaf for inner in value for leaf in leaves(inner, path)]
        return [] if value is None else [f"{path},{value if isinstance(value, str) else json.dumps(value)}"]

    return hashlib.sha1("\n".join(sorted(leaves(config, ""))).encode()).hexdigest()
