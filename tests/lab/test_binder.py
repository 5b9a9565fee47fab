"""The lab's binder against recordings of the real one, ZooKeeper's part in it, and hostile packets."""

from __future__ import annotations

import asyncio
import json
import pathlib
import socket
from collections.abc import Callable, Coroutine
from typing import Any

import dns.message
import pytest

from lab.conformance.bench import DOMAIN, Bench, bench
from lab.conformance.replaying import replay, run
from lab.machine import kinds
from lab.servers import resolve
from lab.servers.binder.server import Binder

RECORDINGS = pathlib.Path(__file__).parent.parent / "recordings" / "services"
OWN, OTHER = f"moray.my-dc-1.{DOMAIN}", f"moray.my-dc-2.{DOMAIN}"


@pytest.fixture(scope="module")
def differences() -> dict[str, list[str]]:
    _, found = asyncio.run(run(RECORDINGS, "binder"))
    return found


@pytest.mark.parametrize(
    "name", [exchange["id"] for exchange in json.loads((RECORDINGS / "binder.json").read_text("utf-8"))["requests"]]
)
def test_answers_as_recorded(differences: dict[str, list[str]], name: str) -> None:
    assert differences.get(name, []) == []


def with_bench(test: Callable[[Bench, Binder], Coroutine[Any, Any, None]]) -> None:
    async def go() -> None:
        async with bench(RECORDINGS, sapi=False) as servers:
            await test(servers, servers.binders["my-dc-1"])

    asyncio.run(go())


async def rcode(servers: Bench, name: str) -> str:
    dial = kinds.LoopbackDial(servers.addresses)
    answer = await resolve.ask(dial, servers.address("my-dc-1", "binder"), name, "A", within=4.0)
    return str(answer.rcode().name)


def test_zookeeper_down_at_start_is_servfail_until_it_comes() -> None:
    async def test(servers: Bench, binder: Binder) -> None:
        await binder.stop()
        servers.registries["my-dc-1"].online = False
        await servers.start_binder("my-dc-1")
        assert [await rcode(servers, name) for name in (OWN, OTHER)] == ["SERVFAIL", "SERVFAIL"]
        servers.registries["my-dc-1"].online = True
        assert await rcode(servers, OWN) == "NOERROR"

    with_bench(test)


def test_zookeeper_lost_later_leaves_what_was_seen() -> None:
    async def test(servers: Bench, _: Binder) -> None:
        registry = servers.registries["my-dc-1"]
        instance = next(name for name in registry.view() if name.endswith(f".{OWN}"))
        registry.online = False
        registry.unregister(instance)
        assert await rcode(servers, instance) == "NOERROR"
        registry.online = True
        assert await rcode(servers, instance) == "REFUSED"

    with_bench(test)


def test_an_upper_case_name_is_not_passed_on() -> None:
    async def test(servers: Bench, _: Binder) -> None:
        assert await rcode(servers, OTHER.replace("my-dc-2", "My-DC-2")) == "REFUSED"

    with_bench(test)


def test_resolvers_that_cannot_be_read_again_stay() -> None:
    async def test(servers: Bench, binder: Binder) -> None:
        await servers.enter("ufds_1_down")
        assert binder.recursion is not None
        assert not await binder.recursion.refresh()
        assert await rcode(servers, OTHER) == "NOERROR"

    with_bench(test)


def test_a_service_resolves_to_addresses_and_ports() -> None:
    async def test(servers: Bench, _: Binder) -> None:
        dial, own = kinds.LoopbackDial(servers.addresses), [servers.address("my-dc-1", "binder")]
        found = await resolve.resolve_service(dial, own, f"_moray._tcp.{OTHER}")
        assert found == [(servers.address("my-dc-2", "moray"), port) for port in range(2021, 2025)]

    with_bench(test)


INSTANCE = f"d0000001-0000-4000-8000-000000000001.{OWN}"
SOA = "SOA example.com. hostmaster.example.com. 0 86400 7200 1209600 30"
# What was not recorded (binder:lib/server.js, node-mname): question, code, flags, records in answer and authority.
ASKED = [
    (f"_moray._tcp.{INSTANCE}", "SRV", True, "NOERROR", "QR AA RD", [], [f"{INSTANCE}. 30 IN {SOA}"]),
    (
        f"_moray._tcp.{INSTANCE.replace('d0', 'D0')}",
        "SRV",
        True,
        "NOERROR",
        "QR AA RD",
        [],
        [f"{INSTANCE}. 30 IN {SOA}"],
    ),
    (f"_MORAY._tcp.{OWN}", "SRV", True, "NXDOMAIN", "QR RD", [], []),
    (f"_moray._udp.{OWN}", "SRV", False, "NXDOMAIN", "QR", [], []),
    (OWN, "SRV", True, "REFUSED", "QR RD", [], []),
    (f"_moray._tcp.{OWN}", "A", True, "REFUSED", "QR RD", [], []),
    (f"_moray._tcp.my-dc-1.{DOMAIN}", "SRV", True, "SERVFAIL", "QR RD", [], []),
    (f"_http._tcp.{OTHER}", "SRV", True, "REFUSED", "QR RD", [], []),
    (f"my-dc-2.{DOMAIN}", "A", True, "REFUSED", "QR RD", [], []),
    (OWN.replace("example", "EXAMPLE"), "A", True, "REFUSED", "QR RD", [], []),
    (f"{OWN}.{DOMAIN}", "A", True, "REFUSED", "QR RD", [], []),
    ("a b." + OWN, "A", True, "REFUSED", "QR RD", [], []),
    ("11.1.30.127.IN-ADDR.ARPA", "PTR", True, "REFUSED", "QR RD", [], []),
    ("11.1.30.127.in-addr.arpa", "A", True, "REFUSED", "QR RD", [], []),
    ("in-addr.arpa", "PTR", False, "REFUSED", "QR", [], []),
    ("1.0.ip6.arpa", "PTR", True, "REFUSED", "QR RD", [], []),
    (OWN, "CAA", True, "NOTIMP", "QR RD", [], []),
]


def test_a_late_answer_is_asked_for_again() -> None:
    """So a busy machine fails no test, but a binder that is always late does."""
    late = [1, 0]

    async def ask(_: dict[str, Any]) -> dict[str, Any]:
        await asyncio.sleep(0.02 * late.pop(0))
        return {"rcode": "NOERROR"}

    async def enter(_: str) -> None:
        raise AssertionError

    asked = {"requests": [{"id": "a", "rcode": "NOERROR", "check_ms": [0, 15]}]}
    assert asyncio.run(replay("binder", asked, ask, enter)) == (1, {})
    late += [1, 1, 1]
    assert "a" in asyncio.run(replay("binder", asked, ask, enter))[1]


def test_answers_that_were_not_recorded() -> None:
    async def test(servers: Bench, _: Binder) -> None:
        for name, kind, rd, code, flags, answers, authority in ASKED:
            request = {"server": "my-dc-1", "qname": name.replace(" ", "\\032"), "qtype": kind, "rd": rd}
            got = await servers.ask_binder(request)
            found = (got["rcode"], got["flags"], got["answers"], got["authority"], got["additional"])
            assert found == (code, flags, answers, authority, []), name

    with_bench(test)


def test_an_extended_query_gets_an_extended_answer() -> None:
    async def test(servers: Bench, binder: Binder) -> None:
        query = dns.message.make_query(OWN, "A", use_edns=0, payload=4096)
        wire = await binder.answer(query.to_wire())
        assert wire is not None
        assert dns.message.from_wire(wire).payload == 1470

    with_bench(test)


@pytest.mark.parametrize("packet", [b"", b"\x00" * 11, b"\xff" * 600, b"\x00\x01\x80\x00" + b"\x00" * 8])
def test_nonsense_is_not_answered_and_does_no_harm(packet: bytes) -> None:
    async def test(servers: Bench, _: Binder) -> None:
        where = servers.addresses[servers.address("my-dc-1", "binder"), 53]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(packet, where)
        assert await rcode(servers, OWN) == "NOERROR"

    with_bench(test)
