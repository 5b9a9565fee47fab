"""`python -m lab.conformance FOLDER`: serves the recordings' data on loopback and replays what was recorded.

FOLDER is a folder like recordings/: data/*.json, sapi.json, binder.json (and ufds.json with the LDIFs, for UFDS).
What is compared and what is ignored: the README in that folder.  Requests marked slow (two minutes) only with --slow.
Prints each difference, how many exchanges agree, and what is not compared and why; exit status 0 if all agree, 2 if
FOLDER holds no recordings.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import pathlib
import re
import socket
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

import dns.asyncquery
import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import requests

from lab import kinds, plan
from lab.binder import CONFIG as BINDER_CONFIG
from lab.binder import Binder, Registry
from lab.moray import MorayHaproxy, MorayServer, MorayStore
from lab.sapi import MASTER_CONFIG, Sapi

Json = dict[str, Any]
DATACENTERS = ("my-dc-1", "my-dc-2")
DOMAIN = "example.com"
LOOPBACK = "127.0.0.1"
BAD_OPTION = 4
HEADERS = ("content-type", "api-version", "etag", "allow", "location", "connection")
COMPARED = {
    "sapi": ("status", "outcome", "response_headers", "json"),
    "binder": ("rcode", "outcome", "flags", "answers", "authority", "additional"),
}
KINDS = {"sapi": "sapi.json", "binder": "binder.json", "ufds": "ufds.json", "replication": "replication.json"}
MUST_DIFFER = (
    "the text of an error's `message`, where the recording does not call it exact: it quotes Node's own errors and stack "
    "positions; its code and status are compared",
)
UNSTABLE = "the real server answers it now so, now so"
ATTEMPTS = 3
SLOW = "it takes two minutes; python -m lab.conformance FOLDER --slow asks it"
Ask = Callable[[Json], Awaitable[Json]]
Enter = Callable[[str], Awaitable[None]]


def _zone(datacenter: str, role: str, ip: str, uuid: str = "") -> plan.Zone:
    nic = plan.Nic("net0", "admin", ip, "", primary=True)
    return plan.Zone(datacenter, role, f"{role}0", uuid or plan.made_uuid(datacenter, role), (nic,), ())


def _free_port() -> int:
    """A port of loopback that is free for TCP and UDP alike, which binding to port 0 does not promise."""
    for _ in range(100):
        with contextlib.suppress(OSError), kinds.listening_socket(LOOPBACK, 0, socket.SOCK_DGRAM) as taken:
            port = int(taken.getsockname()[1])
            kinds.listening_socket(LOOPBACK, port, socket.SOCK_STREAM).close()
            return port
    raise OSError("no port is free for both TCP and UDP")


def load_store(objects: Json) -> MorayStore:
    """The content of one SAPI as its moray holds it."""
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
        """Brings the servers into a state that an exchange names, from any other."""
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
            # On loopback a closed port shows itself at once; the recordings' client asked without connecting.
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


# ---- comparing


class Variables(dict[str, str]):
    """What the server made and a later exchange names: ${made1}."""

    def fill(self, value: Any) -> Any:
        if isinstance(value, str):
            return re.sub(r"\$\{(\w+)\}", lambda match: self.get(match.group(1), match.group(0)), value)
        if isinstance(value, list):
            return [self.fill(item) for item in value]
        return {key: self.fill(item) for key, item in value.items()} if isinstance(value, dict) else value

    def capture(self, wanted: Json, got: Json) -> None:
        for name, where in wanted.items():
            kind, _, header = where.partition(":")
            self[name] = got["response_headers"].get(header, "") if kind == "header" else str(got["json"][where])


def differences(path: str, want: Any, got: Any) -> list[str]:
    """Where `got` is not what is wanted; "*" stands for any value."""
    if isinstance(want, dict) and isinstance(got, dict):
        found = []
        for key in sorted(want.keys() | got.keys()):
            if key not in got or key not in want:
                found.append(f"{path}.{key}: {'missing' if key in want else f'unexpected {got[key]!r}'}")
            else:
                found += differences(f"{path}.{key}", want[key], got[key])
        return found
    if isinstance(want, list) and isinstance(got, list) and len(want) == len(got):
        return [
            line for i, pair in enumerate(zip(want, got, strict=True)) for line in differences(f"{path}[{i}]", *pair)
        ]
    # True is no 1: the type of metadata is part of the answer.
    if want == "*" or (want == got and type(want) is type(got)):
        return []
    return [f"{path}: want {str(want)[:200]}, got {str(got)[:200]}"]


def compare(kind: str, exchange: Json, got: Json, milliseconds: float) -> list[str]:
    if exchange.get("unstable"):
        return []
    found = []
    for key in COMPARED[kind]:
        want, have = exchange.get(key), got.get(key)
        if key == "json" and isinstance(want, dict) and "message" in want and not exchange.get("message_exact"):
            want = want | {"message": "*"}
        if want is not None or have is not None:
            found += differences(key, want, have)
    least, most = exchange.get("check_ms", (0, float("inf")))
    if not least <= milliseconds <= most:
        found.append(f"ms: want {least}..{most}, got {milliseconds:.0f}")
    return found


async def replay(
    kind: str, document: Json, ask: Ask, enter: Enter, *, slow: bool = False
) -> tuple[int, dict[str, list[str]]]:
    """Asks everything in order; how many were asked, and the differences of those that differ."""
    variables, state, total = Variables(), "normal", 0
    found: dict[str, list[str]] = {}
    for recorded in document["requests"]:
        if recorded.get("slow") and not slow:
            continue
        if recorded.get("state", "normal") != state:
            state = recorded.get("state", "normal")
            await enter(state)
        captured = recorded.get("capture", {})
        asked = {key: variables.fill(recorded[key]) for key in recorded if key not in ("json", "response_headers")}
        for _ in range(ATTEMPTS):
            began = time.monotonic()
            got = await ask(asked)
            spent = (time.monotonic() - began) * 1000
            variables.capture(captured, got)
            wrong = compare(kind, variables.fill(recorded), got, spent)
            # A busy machine may have been late, which only asking again tells from a server that is.
            if asked.get("method", "GET") != "GET" or not wrong or not all(each.startswith("ms: ") for each in wrong):
                break
        total += 1
        if wrong:
            found[recorded["id"]] = wrong
    return total, found


@contextlib.asynccontextmanager
async def bench(folder: pathlib.Path, *, sapi: bool) -> AsyncIterator[Bench]:
    with tempfile.TemporaryDirectory() as root:
        made = Bench(folder, pathlib.Path(root))
        try:
            await made.start(sapi=sapi)
            yield made
        finally:
            await made.stop()


async def run(folder: pathlib.Path, kind: str, *, slow: bool = False) -> tuple[int, dict[str, list[str]]]:
    """Replays sapi.json or binder.json of the folder against freshly loaded servers."""
    document = json.loads((folder / f"{kind}.json").read_text("utf-8"))
    async with bench(folder, sapi=kind == "sapi") as servers:
        ask = servers.ask_sapi if kind == "sapi" else servers.ask_binder
        return await replay(kind, document, ask, servers.enter, slow=slow)


def _say(kind: str, agree: int, total: int, left_out: Sequence[tuple[str, str]]) -> bool:
    """One line of result, and one for each exchange that was not compared."""
    print(f"{kind}: {agree} of {total} exchanges agree")
    for name, why in left_out:
        print(f"    not compared: {name}: {why}")
    return agree == total


def left_out(exchanges: Sequence[Json], *, slow: bool = True) -> list[tuple[str, str]]:
    """The exchanges that are not compared, and why."""
    found = [(str(each["id"]), SLOW) for each in exchanges if each.get("slow") and not slow]
    return found + [(str(each["id"]), UNSTABLE) for each in exchanges if each.get("unstable")]


def _http_or_dns(folder: pathlib.Path, kind: str, *, slow: bool) -> bool:
    exchanges = json.loads((folder / f"{kind}.json").read_text("utf-8"))["requests"]
    total, found = asyncio.run(run(folder, kind, slow=slow))
    for name, wrong in found.items():
        for line in wrong:
            print(f"{kind} {name}: {line}")
    without = left_out(exchanges, slow=slow)
    total -= sum(why == UNSTABLE for _, why in without)
    return _say(kind, total - len(found), total, without)


def _ufds(folder: pathlib.Path) -> bool:
    from lab.ufds import conformance  # here, so that SAPI and binder can be replayed without it

    document = json.loads((folder / "ufds.json").read_text("utf-8"))
    without = left_out([*document["requests"], *document["bulk"]["requests"]])
    agree, total = conformance.run(folder)
    return _say("ufds", agree - len(without), total - len(without), without)


def _replication(folder: pathlib.Path) -> bool:
    from lab.ufds import conformance

    agree, total = conformance.run_scenarios(folder)
    print(f"replication: {agree} of {total} scenarios agree")
    return agree == total


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m lab.conformance", description=__doc__)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--slow", action="store_true", help="also what takes two minutes")
    parser.add_argument("--only", choices=tuple(KINDS), help="one file")
    options = parser.parse_args(arguments)
    wanted = {kind: name for kind, name in KINDS.items() if options.only in (None, kind)}
    absent = [name for name in wanted.values() if not (options.folder / name).is_file()]
    if absent:
        print(f"lab: {options.folder} holds no recordings: there is no {', '.join(absent)} in it", file=sys.stderr)
        return BAD_OPTION
    results = []
    for kind in wanted:
        if kind == "ufds":
            results.append(_ufds(options.folder))
        elif kind == "replication":
            results.append(_replication(options.folder))
        else:
            results.append(_http_or_dns(options.folder, kind, slow=options.slow))
    for what in MUST_DIFFER:
        print(f"where the lab must differ: {what}")
    return 0 if all(results) else 1


if __name__ == "__main__":
    raise SystemExit(main())
