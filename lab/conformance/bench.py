"""The recordings' servers on loopback, and how they are asked."""

from __future__ import annotations

import asyncio
import contextlib
import json
import pathlib
import socket
import tempfile
from collections.abc import AsyncIterator, Sequence

import dns.asyncquery
import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import requests

from lab.machine import kinds
from lab.plan.datacenters import Nic, Zone
from lab.plan.files import Json
from lab.plan.names import made_uuid
from lab.servers.binder.registry import Registry
from lab.servers.binder.server import CONFIG as BINDER_CONFIG
from lab.servers.binder.server import Binder
from lab.servers.moray import MorayHaproxy, MorayServer, MorayStore
from lab.servers.sapi.server import MASTER_CONFIG, Sapi

DATACENTERS = ("my-dc-1", "my-dc-2")
DOMAIN = "example.com"
LOOPBACK = "127.0.0.1"
HEADERS = ("content-type", "api-version", "etag", "allow", "location", "connection")


def _zone(datacenter: str, role: str, ip: str, uuid: str = "") -> Zone:
    nic = Nic("net0", "admin", ip, "", primary=True)
    return Zone(datacenter, role, f"{role}0", uuid or made_uuid(datacenter, role), (nic,), ())


def _free_port() -> int:
    """A port of loopback that is free for both TCP and UDP, which binding to port 0 does not promise."""
    for _ in range(100):
        with contextlib.suppress(OSError), kinds.listening_socket(LOOPBACK, 0, socket.SOCK_DGRAM) as taken:
            port = int(taken.getsockname()[1])
            kinds.listening_socket(LOOPBACK, port, socket.SOCK_STREAM).close()
            return port
    raise OSError("no port is free for both TCP and UDP")


def load_store(objects: Json) -> MorayStore:
    """The content of one SAPI, in the form in which its moray holds it."""
    store = MorayStore()
    for bucket, values in objects.items():
        for value in values:
            store.put(bucket, value)
    return store


class Bench:
    """The SAPIs, morays and binders of the recordings' two datacenters, on loopback, at free ports."""

    def __init__(self, folder: pathlib.Path, root: pathlib.Path) -> None:
        data = folder / "data"
        self._objects: Json = json.loads((data / "sapi.json").read_text("utf-8"))
        self._records: Json = json.loads((data / "binder.json").read_text("utf-8"))
        self._root = root
        self._resolvers = _resolvers(data / "master.ldif")
        self._ufds_down = False
        self.addresses: dict[tuple[str, int], tuple[str, int]] = {}
        self.stores = {name: load_store(self._objects[name]) for name in DATACENTERS}
        self.registries = {name: Registry(self._records[name]) for name in DATACENTERS}
        self.binders: dict[str, Binder] = {}
        self.morays: dict[str, list[MorayServer | MorayHaproxy]] = {}
        self.sapis: dict[str, Sapi] = {}
        self._places: dict[str, kinds.LoopbackPlace] = {}

    def address(self, datacenter: str, role: str) -> str:
        """The address of a datacenter's instance of `role`, as registered."""
        end = f".{role}.{datacenter}.{DOMAIN}"
        return str(next(value["address"] for name, value in self._records[datacenter].items() if name.endswith(end)))

    def _place(self, datacenter: str, role: str, uuid: str = "") -> kinds.LoopbackPlace:
        key = f"{datacenter}.{role}"
        if key not in self._places:
            root = self._root / key
            root.mkdir(parents=True)
            zone = _zone(datacenter, role, self.address(datacenter, role), uuid)
            ports = {53: _free_port()} if role == "binder" else {}
            self._places[key] = kinds.LoopbackPlace(zone, root, addresses=self.addresses, ports=ports)
        return self._places[key]

    async def read_resolvers(self) -> list[tuple[str, str]]:
        """What a binder reads from its UFDS."""
        if self._ufds_down:
            raise OSError("UFDS is down")
        return self._resolvers

    async def start_binder(self, name: str) -> None:
        place = self._place(name, "binder")
        account = {"url": f"ldaps://ufds.{name}.{DOMAIN}", "bindDN": "cn=root", "bindPassword": "secret"}
        recursion = {"regionName": "my-region", "datacenterName": name, "dnsDomain": DOMAIN, "ufds": account}
        write_json(place.root / BINDER_CONFIG, {"dnsDomain": DOMAIN, "datacenterName": name, "recursion": recursion})
        self.binders[name] = binder = Binder(place, self.registries[name], resolvers=self.read_resolvers)
        await binder.start()
        assert binder.recursion is not None
        await binder.recursion.refresh()

    async def start_moray(self, name: str) -> None:
        place, store = self._place(name, "moray"), self.stores[name]
        servers = [MorayServer(place, store, port) for port in range(2021, 2025)]
        self.morays[name] = [*servers, MorayHaproxy(place, servers)]
        for server in self.morays[name]:
            await server.start()

    async def start_sapi(self, name: str, *, socket_timeout: float = 120.0) -> None:
        services = {service["name"]: service for service in self._objects[name]["services"]}
        own = services["sapi"]
        uuid = next(value["uuid"] for value in self._objects[name]["instances"] if value["service_uuid"] == own["uuid"])
        place = self._place(name, "sapi", uuid)
        metadata = own["metadata"]
        master = {
            "master_host": metadata.get("MASTER_MORAY_IP", ""),
            "master_port": metadata.get("MASTER_MORAY_PORT", ""),
        }
        write_json(place.root / MASTER_CONFIG, {"moray": master})
        binder = self.address(name, "binder")
        self.sapis[name] = Sapi(place, f"moray.{name}.{DOMAIN}", [binder], socket_timeout=socket_timeout)
        await self.sapis[name].start()

    async def start(self, *, sapi: bool) -> None:
        for name in DATACENTERS:
            await self.start_binder(name)
        for name in DATACENTERS if sapi else ():
            await self.start_moray(name)
        for name in DATACENTERS if sapi else ():
            await self.start_sapi(name)

    async def stop(self) -> None:
        for sapi in self.sapis.values():
            await sapi.stop()
        for binder in self.binders.values():
            await binder.stop()
        for name in self.morays:
            await self.stop_moray(name)

    async def stop_moray(self, name: str) -> None:
        for server in self.morays[name]:
            await server.stop()

    async def enter(self, state: str) -> None:
        """Bring the servers into a state that an exchange names, from any other state."""
        self._ufds_down = state == "ufds_1_down"
        if self.sapis:
            await self._enter_moray(state)
        if state == "binder_2_stopped":
            await self.binders["my-dc-2"].stop()
        elif not self.binders["my-dc-2"].running:
            await self.start_binder("my-dc-2")
        self.binders["my-dc-2"].misbehaviour = "freeze" if state == "binder_2_frozen" else None

    async def _enter_moray(self, state: str) -> None:
        stopped = {"master_moray_refused": "my-dc-2", "local_moray_down": "my-dc-1"}.get(state)
        for name in DATACENTERS:
            running = any(server.running for server in self.morays[name])
            if name == stopped and running:
                await self.stop_moray(name)
            elif name != stopped and not running:
                await self.start_moray(name)
        for server in self.morays["my-dc-2"]:
            if isinstance(server, MorayServer):
                server.misbehaviour = "freeze" if state == "master_moray_frozen" else None
        for name, sapi in self.sapis.items():
            await sapi.local.wait_until(name != stopped, 10)
            if sapi.master is not None:
                await sapi.master.wait_until(stopped != "my-dc-2", 10)

    # ---- asking

    async def ask_sapi(self, request: Json) -> Json:
        host, port = self.addresses[self.address(request["server"], "sapi"), 80]
        return await asyncio.to_thread(_ask_http, f"http://{host}:{port}", request)

    async def ask_binder(self, request: Json) -> Json:
        host, port = self.addresses[self.address(request["server"], "binder"), 53]
        query = dns.message.make_query(request["qname"], request["qtype"], use_edns=False)
        query.flags = dns.flags.RD if request.get("rd", True) else dns.flags.Flag(0)
        ask = dns.asyncquery.tcp if request.get("transport") == "tcp" else dns.asyncquery.udp
        try:
            answer = await ask(query, host, port=port, timeout=request.get("timeout_s", 10))
        except (dns.exception.Timeout, ConnectionRefusedError):
            # On loopback a closed port shows itself at once, while the recordings' client asked without connecting.
            return {"rcode": None, "outcome": "timeout"}
        return {
            "rcode": dns.rcode.to_text(answer.rcode()),
            "flags": dns.flags.to_text(answer.flags),
            "answers": _texts(answer.answer),
            "authority": _texts(answer.authority),
            "additional": _texts(answer.additional),
        }


def write_json(path: pathlib.Path, value: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value), encoding="utf-8")


def _resolvers(path: pathlib.Path) -> list[tuple[str, str]]:
    """(datacenter, address of its binder) from the resolver entries of an LDIF."""
    found = []
    for block in path.read_text("utf-8").split("\n\n"):
        values = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line)
        if values.get("objectclass") == "resolver":
            found.append((values["datacenter"], values["ip"]))
    return found


def _texts(rrsets: Sequence[dns.rrset.RRset]) -> list[str]:
    return sorted(line for rrset in rrsets for line in rrset.to_text().split("\n"))


def _ask_http(base: str, request: Json) -> Json:
    body = request.get("body")
    data = body if body is None or isinstance(body, str) else json.dumps(body)
    try:
        with requests.Session() as session:
            session.trust_env = False
            answer = session.request(
                request["method"],
                base + request["path"],
                headers=request.get("headers", {}),
                data=None if data is None else data.encode(),
                timeout=request.get("timeout_s", 30),
                allow_redirects=False,
            )
    except requests.Timeout:
        return {"status": None, "outcome": "timeout"}
    except requests.ConnectionError as error:
        return {"status": None, "outcome": "refused" if "refused" in str(error) else "closed"}
    try:
        value = answer.json() if answer.content else None
    except ValueError:
        value = {"raw": answer.text}
    if isinstance(value, list):
        value.sort(key=lambda item: json.dumps(item.get("uuid") if isinstance(item, dict) else item))
    headers = {name: answer.headers[name] for name in HEADERS if name in answer.headers}
    return {"status": answer.status_code, "response_headers": headers, "json": value}


@contextlib.asynccontextmanager
async def bench(folder: pathlib.Path, *, sapi: bool) -> AsyncIterator[Bench]:
    with tempfile.TemporaryDirectory() as root:
        made = Bench(folder, pathlib.Path(root))
        try:
            await made.start(sapi=sapi)
            yield made
        finally:
            await made.stop()
