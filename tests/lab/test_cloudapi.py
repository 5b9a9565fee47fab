"""The lab's cloudapi, its haproxy and adminui on loopback, with a UFDS that is there, is missing, or refuses."""

from __future__ import annotations

import asyncio
import contextlib
import email.utils
import json
import pathlib
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pytest

from lab.conformance.bench import write_json
from lab.machine import kinds, tls
from lab.plan import sdckey
from lab.plan.datacenters import Nic, Zone
from lab.plan.making import make_plan
from lab.plan.names import ADMIN_UUID
from lab.servers import signatures
from lab.servers.adminui import CONFIG as ADMINUI_CONFIG
from lab.servers.adminui import Adminui
from lab.servers.cloudapi.server import CONFIG, Cloudapi, Haproxy
from lab.servers.http import Response, fetch
from lab.ufds import conformance
from lab.ufds.ldapclient import LdapClient

LOCAL, MASTER, MORAY = "10.9.1.29", "10.9.2.29", "10.9.1.17"
NOBODY = ("127.0.0.1", 1)  # a port where nothing listens
KEYS = sdckey.of(make_plan(9).datacenters[-1])
UFDS = pathlib.Path(__file__).parent.parent / "recordings" / "ufds"
Test = Callable[["Zones"], Coroutine[Any, Any, None]]


class Zones:
    """A cloudapi and an adminui zone of a replica. The test opens and closes their way to the two UFDS."""

    def __init__(self, root: pathlib.Path, ufds: tuple[str, int]) -> None:
        self._ufds = ufds
        self.addresses: dict[tuple[str, int], tuple[str, int]] = {
            (LOCAL, 636): NOBODY,
            (MASTER, 636): NOBODY,
            (MORAY, 2020): NOBODY,
        }
        nic = Nic("net0", "admin", "10.9.1.35", "", primary=True)
        zone = Zone("my-dc-9", "cloudapi", "cloudapi0", "", (nic,), ())
        self.place = kinds.LoopbackPlace(zone, root, addresses=self.addresses)
        self.context = tls.server_context(*tls.make_certificate(root / "tls"))
        self.configure()
        self.exits: list[str] = []
        self.backends = [Cloudapi(self.place, port, [], on_exit=self.exits.append) for port in (8081, 8082)]
        self.haproxy = Haproxy(self.place, self.backends, self.context)
        self.adminui = Adminui(self.place, [], self.context)

    def configure(self, master: str = MASTER, password: str = "secret", **more: Any) -> None:
        def account(host: str) -> dict[str, str]:
            return {"url": f"ldaps://{host}", "bindDN": "cn=root", "bindPassword": password}

        datacenters = {"my-dc-9": {"moray": {"srvDomain": MORAY}}}
        config = {"datacenter_name": "my-dc-9", "ufds": account(LOCAL), "ufds_master": account(master)}
        write_json(self.place.root / CONFIG, config | {"datacenters": {"my-dc-9": "https://here"}} | more)
        ufds = {"ufds": account(LOCAL), "ufdsMaster": account(master or LOCAL)}
        write_json(self.place.root / ADMINUI_CONFIG, {**ufds, "datacenters": datacenters})

    def open(self, *hosts: str) -> None:
        for host in hosts:
            self.addresses[host, 636] = self._ufds

    async def start_cloudapi(self) -> None:
        for backend in self.backends:
            await backend.start()
            self.addresses["127.0.0.1", backend.port] = self.addresses["10.9.1.35", backend.port]
        await self.haproxy.start()

    async def ask(self, target: str = "/--ping", within: float = 5.0, **options: Any) -> Response:
        return await fetch(
            self.place.dial, "10.9.1.35", 443, target, within=within, tls=tls.client_context(), **options
        )

    async def until(self, status: int) -> Response:
        end = time.monotonic() + 10
        while (answer := await self.ask()).status != status:
            assert time.monotonic() < end, f"still {answer.status}"
            await asyncio.sleep(0.02)
        return answer

    async def stop(self) -> None:
        servers: list[kinds.Daemon] = [self.haproxy, *self.backends, self.adminui]
        for server in servers:
            await server.stop()


@pytest.fixture
def play(tmp_path: pathlib.Path) -> Callable[[Test], None]:
    @contextlib.asynccontextmanager
    async def zones(ufds: tuple[str, int]) -> AsyncIterator[Zones]:
        made = Zones(tmp_path, ufds)
        try:
            yield made
        finally:
            await made.stop()

    def run(test: Test) -> None:
        async def go(ufds: tuple[str, int]) -> None:
            async with zones(ufds) as made:
                await test(made)

        with conformance.serving({"master": conformance.recorded_directory(UFDS, "master")}) as where:
            asyncio.run(go(where["master"]))

    return run


def test_start_up_waits_for_the_masters_ufds(play: Callable[[Test], None]) -> None:
    async def test(zones: Zones) -> None:
        zones.open(LOCAL)
        await zones.start_cloudapi()
        assert (await zones.ask()).status == 500
        down = await zones.until(503)
        assert json.loads(down.body)["code"] == "ServiceUnavailable"
        assert down.headers["cache-control"] == "no-cache"
        zones.open(MASTER)
        answer = await zones.until(200)
        assert answer.headers["triton-datacenter-name"] == "my-dc-9"
        assert json.loads(answer.body)["ping"] == "pong"

    play(test)


def test_an_empty_remote_makes_it_a_master(play: Callable[[Test], None]) -> None:
    async def test(zones: Zones) -> None:
        zones.configure(master="")
        zones.open(LOCAL)
        await zones.start_cloudapi()
        await zones.until(200)

    play(test)


def test_one_process_is_enough(play: Callable[[Test], None]) -> None:
    async def test(zones: Zones) -> None:
        zones.open(LOCAL, MASTER)
        await zones.start_cloudapi()
        await zones.until(200)
        await zones.backends[0].stop()
        for _ in range(10):
            assert (await zones.ask()).status == 200
        await zones.backends[1].stop()
        await zones.until(503)

    play(test)


def test_a_refused_bind_ends_the_process(play: Callable[[Test], None]) -> None:
    async def test(zones: Zones) -> None:
        zones.configure(password="wrong")
        zones.open(LOCAL, MASTER)
        await zones.start_cloudapi()
        await zones.until(503)
        end = time.monotonic() + 10
        while len(zones.exits) < len(zones.backends):
            assert time.monotonic() < end, f"only {zones.exits}"
            await asyncio.sleep(0.02)

    play(test)


def test_adminui_hangs_without_any_ufds_and_takes_the_local_one(play: Callable[[Test], None]) -> None:
    async def test(zones: Zones) -> None:
        await zones.adminui.start()
        with pytest.raises(TimeoutError):
            await zones.ask("/api/ping", within=0.3)
        zones.open(LOCAL)
        answer = await zones.ask("/api/ping")
        assert json.loads(answer.body)["services"] == {"moray": False, "ufds": True}

    play(test)


def signed(zones: Zones, login: str = "admin", date: str = "", key: str = KEYS.fingerprint) -> dict[str, str]:
    date = date or email.utils.formatdate(usegmt=True)
    return {"Date": date, "Authorization": signatures.authorization(KEYS.private, f"/{login}/keys/{key}", date)}


def signed_anew(zones: Zones, target: str, named: str | None, text: str) -> dict[str, str]:
    """The signature as a parameter, over lines `name: value`. {date} and {target} are filled in."""
    date = email.utils.formatdate(usegmt=True)
    filled = text.format(date=date, target=target)
    old = signatures.authorization(KEYS.private, f"/admin/keys/{KEYS.fingerprint}", filled)
    params, _, signature = old.rpartition(" ")
    headers = f',headers="{named}"' if named else ""
    return {"Date": date, "Authorization": f'{params}{headers},signature="{signature}"'}


async def with_admin_key(zones: Zones) -> None:
    zones.open(LOCAL, MASTER)
    client = await LdapClient.connect(zones.place.dial, LOCAL, 636, 5)
    await client.bind("cn=root", "secret")
    below = f"uuid={ADMIN_UUID}, ou=users, o=smartdc"
    entry = {
        "objectclass": ["sdckey"],
        "name": ["my-dc-9 sdc key"],
        "openssh": [KEYS.public],
        "fingerprint": [KEYS.fingerprint],
    }
    await client.add(f"fingerprint={KEYS.fingerprint}, {below}", entry)
    await client.close()
    await zones.start_cloudapi()
    await zones.until(200)


def test_a_signed_listing_is_answered_and_nothing_else(play: Callable[[Test], None]) -> None:
    async def test(zones: Zones) -> None:
        await with_admin_key(zones)
        for path in ("/admin/datacenters", "/my/datacenters"):
            answer = await zones.ask(path, headers=signed(zones))
            assert (answer.status, json.loads(answer.body)) == (200, {"my-dc-9": "https://here"})
        for path in ("/my/machines", "/my/images"):
            answer = await zones.ask(path, headers=signed(zones))
            assert (answer.status, json.loads(answer.body)) == (200, [])
        by_name = signed(zones, key="my-dc-9 sdc key")
        assert (await zones.ask("/my/datacenters", headers=by_name)).status == 200
        old = email.utils.formatdate(time.time() - 301, usegmt=True)
        forged = {**signed(zones), "Date": email.utils.formatdate(time.time() - 60, usegmt=True)}
        wanted = {
            "none": ({}, 401, "InvalidCredentials"),
            "old": (signed(zones, date=old), 400, "InvalidHeader"),
            "another key": (signed(zones, key="00:" * 15 + "00"), 401, "InvalidCredentials"),
            "nobody": (signed(zones, login="nobody"), 401, "InvalidCredentials"),
            "forged": (forged, 401, "InvalidCredentials"),
            "broken": ({"Authorization": "Signature x"}, 400, "InvalidHeader"),
        }
        for name, (headers, status, code) in wanted.items():
            answer = await zones.ask("/my/datacenters", headers=headers)
            assert (answer.status, json.loads(answer.body)["code"]) == (status, code), name

    play(test)


def test_both_forms_of_signatures_are_taken(play: Callable[[Test], None]) -> None:
    """triton 7.17 signs `(request-target) date`, smartdc 9.0.1 `date: …`, sdc-cloudapi the bare Date."""
    target = "/my/datacenters"
    wanted = {
        ("(request-target) date", "(request-target): get {target}\ndate: {date}"): 200,
        ("date", "date: {date}"): 200,
        (None, "date: {date}"): 200,
        ("(request-target) date", "(request-target): get /other\ndate: {date}"): 401,
        ("date", "{date}"): 401,  # signed as version 0.9 does, but in the form of the newer ones
        ("(request-target)", "(request-target): get {target}"): 400,  # without Date anybody could send it again
        ("x-nosuch date", "x-nosuch: \ndate: {date}"): 400,
    }

    async def test(zones: Zones) -> None:
        await with_admin_key(zones)
        for (named, text), status in wanted.items():
            answer = await zones.ask(target, headers=signed_anew(zones, target, named, text))
            assert answer.status == status, (named, text, answer.body)

    play(test)


def test_read_only_is_for_writers_that_are_known(play: Callable[[Test], None]) -> None:
    async def test(zones: Zones) -> None:
        zones.configure(read_only=True, dc_maint_message="We upgrade")
        await with_admin_key(zones)
        assert (await zones.ask("/my/datacenters", headers=signed(zones))).status == 200
        assert (await zones.ask("/my/machines", method="POST")).status == 401
        answer = await zones.ask("/my/machines", method="POST", headers=signed(zones))
        assert (answer.status, json.loads(answer.body)["message"]) == (503, "We upgrade")

    play(test)
