"""SAPI: applications, services, instances, manifests and the configurations made of them, over HTTP.

Routes, versions, errors and quirks are as recorded from a real SAPI in full mode (recordings: sapi.json), and as in
sdc-sapi:lib/server/endpoints. Not imitated: VMs (a posted instance is only stored), and what proto mode does.
"""

from __future__ import annotations

import asyncio
import json
import re
import uuid as uuids
from collections.abc import Callable, Sequence

from lab.machine import kinds
from lab.servers import moray
from lab.servers.http import SOCKET_TIMEOUT, HttpServer, OverHttp, Request, Response, error_response, json_response
from lab.servers.moray import MorayClient, Value
from lab.servers.restify import ApiError, FatalError, Route, conditional, formatted, parameters, query, routed, version
from lab.servers.sapi.objects import SHOWN, as_object, change, check_schema, config_etag, shown
from lab.servers.sapi.store import LocalFiles, Store, StoreError

PORT = 80
MASTER_CONFIG = "opt/smartdc/sapi/etc/sapi-master.config.json"
PROTO_MODE = "opt/smartdc/sapi/SAPI_PROTO_MODE"  # stands for the zone's metadata of this name (lib/server/model.js)
INIT_SECONDS = 10.0  # how long a start waits for moray (sdc-sapi:lib/server/stor/moray.js init)
CHANGEABLE = ("params", "metadata", "manifests", "metadata_schema")
# The query parameters that filter a list, and the fields that a POST must have.
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
ONE, MANY = ("GET", "PUT", "DELETE"), ("POST", "GET")
ROUTES = (
    Route("/loglevel", MANY),
    Route("/applications", MANY),
    Route("/applications/:uuid", ONE),
    Route("/cache", ("POST",)),
    Route("/configs/:uuid", ("GET",)),
    Route("/instances", MANY),
    Route("/instances/:uuid", ONE),
    Route("/instances/:uuid/payload", ("GET",)),
    Route("/instances/:uuid/upgrade", ("PUT",)),
    Route("/manifests", MANY),
    Route("/manifests/:uuid", ("GET", "DELETE")),
    Route("/mode", ("GET", "POST")),
    Route("/ping", ("GET",)),
    Route("/services", MANY),
    Route("/services/:uuid", ONE),
)
SEMVER = re.compile(r"[v=\s]*\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?\s*")
PASSED = ("SAPI_URL", "sapi_url", "SAPI-URL", "sapi-url", "user-script", "assets-ip")
UUID = re.compile(r"[a-f0-9]{8}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{12}")
LEVEL = 30  # bunyan's info


def read_master(place: kinds.Place) -> tuple[str, str] | None:
    """Host and port of the master's moray; None if config-agent has not rendered the file yet.

    As in SAPI, an assertion fails if a DNS name comes with another port than 2020. Then the service cannot start.
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


class Sapi(OverHttp):
    """The SAPI of one datacenter.

    `moray_domain` is the service name of the local moray, and `nameservers` are the own binders. `on_exit` is called for a process that
    ended by itself. `instance` is the zone's uuid: local files keep the application to which it belongs.
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
    def mode(self) -> str:
        """The mode. Of proto mode, only this name is imitated."""
        return "proto" if (self._place.root / PROTO_MODE).exists() else "full"

    async def start(self) -> None:
        """Listen once moray answers, or ten seconds later without it."""
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
        """Make its files hold what moray holds. If moray is frozen, they stay as they were."""
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
        return formatted(request, await self._answered(request))

    async def _answered(self, request: Request) -> Response:
        try:
            return await self._route(request)
        except ApiError as error:
            return error.response
        except StoreError as error:
            return error_response(500, None, str(error))
        except FatalError as error:
            self._ending = asyncio.get_running_loop().create_task(self._end(str(error)))
            await asyncio.Event().wait()  # stop() cancels this: the connection closes without an answer
            raise

    async def _end(self, reason: str) -> None:
        await self.stop()
        if self._on_exit is not None:
            self._on_exit(reason)

    async def _route(self, request: Request) -> Response:
        route, given = routed(ROUTES, request)
        uuid = given[0] if given else ""
        asked = version(request)
        what = route.path.split("/")[1]
        found = query(request) if request.method == "GET" else parameters(request)
        match request.method, route.path.split("/")[2:]:
            case "GET", []:
                simple = {"ping": self._ping, "mode": self._mode, "loglevel": self._level}
                return await simple[what]() if what in simple else await self._list(what, found, asked)
            case "POST", []:
                special = {"mode": self._set_mode, "loglevel": self._set_level, "cache": self._sync}
                return await special[what](found) if what in special else await self._create(what, found, asked)
            case "GET", [_]:
                return await (self._config(request, uuid) if what == "configs" else self._get(what, uuid, asked))
            case "PUT", [_]:
                return await self._update(what, uuid, found, asked)
            case "DELETE", [_]:
                return await self._delete(what, uuid)
            case "GET", _:
                return json_response(await self._payload(uuid))
            case _:
                return await self._upgrade(uuid, found, asked)

    async def _level(self) -> Response:
        return json_response({"level": LEVEL})

    async def _set_level(self, _given: Value) -> Response:
        return Response(200)

    async def _sync(self, _given: Value) -> Response:
        if not await self.store.ping():
            raise StoreError("no active connections")
        await self.store.refresh_files(self._place.zone.uuid)
        return Response(204)

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

    async def _list(self, bucket: str, query: Value, version: int) -> Response:
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
        return json_response([shown(bucket, value, version) for value in found])

    def _includes_master(self, query: Value) -> bool:
        """Whether the master is asked too. Any value counts, even "false". Raises 503 until it is known who the master is."""
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
        return json_response(shown(bucket, await self._found(bucket, uuid), version))

    async def _create(self, bucket: str, given: Value, version: int) -> Response:
        missing = [key for key in REQUIRED[bucket] if key not in given]
        if missing:
            raise ApiError(409, "MissingParameter", f"missing required keys: {', '.join(missing)}")
        if any(not isinstance(given[key], str) for key in REQUIRED[bucket]):
            raise FatalError(f"AssertionError: {', '.join(REQUIRED[bucket])} (string) is required")
        value = {key: given[key] for key in CREATED[bucket] if key in given}
        if not value.get("uuid"):
            value["uuid"] = str(uuids.uuid4())
        if bucket == "services" and not value.get("type"):
            value["type"] = "vm"
        if bucket == "services" and value["type"] not in ("vm", "agent"):
            raise StoreError(f"service type is invalid: {value['type']}")
        if bucket == "manifests":
            if value.get("version") and not SEMVER.fullmatch(str(value["version"])):
                raise ApiError(409, "InvalidArgument", "invalid version")
            value["version"] = value.get("version") or "1.0.0"
        await self._manifests(value)
        if bucket == "services":
            await self._found("applications", str(value["application_uuid"]))
        if bucket == "instances":
            value["type"] = (await self._found("services", str(value["service_uuid"]))).get("type", "vm")
        check_schema(value)
        await self.store.put(bucket, value)
        return json_response(shown(bucket, value, version))

    async def _manifests(self, value: Value) -> list[Value]:
        """The manifests that an object names. All of them must exist."""
        named = [str(each) for each in as_object(value.get("manifests")).values()]
        found = [(uuid, await self.store.get("manifests", uuid)) for uuid in named]
        missing = [uuid for uuid, manifest in found if manifest is None]
        if missing:
            errors = "error" if len(missing) == 1 else "errors"
            raise StoreError(f"first of {len(missing)} {errors}: no such manifest: {missing[0]}")
        return [manifest for _, manifest in found if manifest is not None]

    async def _update(self, bucket: str, uuid: str, given: Value, version: int) -> Response:
        action = str(given.get("action") or "update").lower()
        if action not in ("update", "replace", "delete"):
            raise ApiError(409, "InvalidArgument", "")
        value = await self.store.get(bucket, uuid)
        if value is None:
            raise StoreError(f"updateObject failed: no record for bucket sapi_{bucket} object {uuid}")
        for field in CHANGEABLE if bucket == "applications" else CHANGEABLE[:3]:
            if given.get(field):
                change(value, field, given[field], action)
        if bucket == "applications" and given.get("owner_uuid"):
            value["owner_uuid"] = given["owner_uuid"]
        check_schema(value)
        await self.store.put(bucket, value)
        return await self._get(bucket, uuid, version)

    async def _delete(self, bucket: str, uuid: str) -> Response:
        if bucket == "instances":
            await self._found(bucket, uuid)
        return Response(204 if await self.store.delete(bucket, uuid) else 404)

    async def _upgrade(self, uuid: str, given: Value, version: int) -> Response:
        """A new image is not imitated, because no VM is. Only SAPI's own checks before it are."""
        if not given.get("image_uuid"):
            raise ApiError(409, "MissingParameter", "missing image_uuid")
        return json_response(shown("instances", await self._found("instances", uuid), version))

    async def _merged(self, uuid: str) -> tuple[Value, Value, dict[str, Value]]:
        """An instance, its application, and the settings of both and of the service between them. The nearest wins."""
        instance = await self._found("instances", uuid)
        service = await self._found("services", str(instance["service_uuid"]))
        application = await self._found("applications", str(service["application_uuid"]))
        merged: dict[str, Value] = {
            field: {k: v for part in (application, service, instance) for k, v in as_object(part.get(field)).items()}
            for field in ("params", "metadata", "manifests")
        }
        return instance, application, merged

    async def _payload(self, uuid: str) -> Value:
        """What SAPI would send to VMAPI to make the zone of an instance."""
        instance, application, merged = await self._merged(uuid)
        if instance.get("type") == "agent":
            return {}
        params, metadata = merged["params"], merged["metadata"]
        params |= {"owner_uuid": application.get("owner_uuid"), "uuid": uuid, "brand": "joyent-minimal"}
        passed = metadata.get("pass_vmapi_metadata_keys")
        allowed = (*PASSED, *(passed if isinstance(passed, list) else ()))
        params["customer_metadata"] = {key: metadata[key] for key in allowed if metadata.get(key)}
        if params.get("networks"):
            params["networks"] = [
                net if isinstance(net, dict) else {"uuid" if UUID.fullmatch(net) else "name": net}
                for net in params["networks"]
            ]
        return params

    async def _config(self, request: Request, uuid: str) -> Response:
        _, _, merged = await self._merged(uuid)
        metadata = merged["metadata"]
        metadata["SERVER_UUID"] = merged["params"].get("server_uuid")
        metadata["ZONE_UUID"] = metadata["INSTANCE_UUID"] = uuid
        metadata.pop("user-script", None)
        config = {"manifests": await self._manifests(merged), "metadata": metadata}
        etag = config_etag(config)
        return conditional(request, etag, lambda: json_response(config, headers={"Etag": etag}))
