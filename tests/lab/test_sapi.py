"""The lab's SAPI against recordings of the real one, and against its source."""

from __future__ import annotations

import asyncio
import json
import pathlib
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from lab.conformance.bench import DOMAIN, Bench, bench, write_json
from lab.conformance.replaying import run
from lab.machine import kinds
from lab.servers.http import BadMessageError, Response, fetch
from lab.servers.sapi.objects import config_etag
from lab.servers.sapi.server import MASTER_CONFIG

RECORDINGS = pathlib.Path(__file__).parent.parent / "recordings" / "services"
CLOUDAPI = "/services/5e000000-0001-4000-8000-000000000005"
CONFIG = "/configs/5a000000-0001-4000-8000-000000000001"


@pytest.fixture(scope="module")
def differences() -> dict[str, list[str]]:
    _, found = asyncio.run(run(RECORDINGS, "sapi"))
    return found


@pytest.mark.parametrize(
    "name", [exchange["id"] for exchange in json.loads((RECORDINGS / "sapi.json").read_text("utf-8"))["requests"]]
)
def test_answers_as_recorded(differences: dict[str, list[str]], name: str) -> None:
    assert differences.get(name, []) == []


def with_bench(test: Callable[[Bench], Coroutine[Any, Any, None]]) -> None:
    async def go() -> None:
        async with bench(RECORDINGS, sapi=True) as servers:
            await test(servers)

    asyncio.run(go())


async def ask(servers: Bench, target: str, **options: Any) -> Response:
    dial = kinds.LoopbackDial(servers.addresses)
    return await fetch(dial, servers.address("my-dc-1", "sapi"), 80, target, **({"within": 5.0} | options))


async def put(servers: Bench, target: str, value: object) -> Response:
    headers = {"Content-Type": "application/json", "Accept-Version": "~2"}
    return await ask(servers, target, method="PUT", headers=headers, body=json.dumps(value).encode())


async def restart(servers: Bench, master: object) -> None:
    """Restart with another sapi-master.config.json; None: not rendered yet."""
    sapi = servers.sapis["my-dc-1"]
    await sapi.stop()
    path = sapi._place.root / MASTER_CONFIG
    path.unlink()
    if master is not None:
        write_json(path, master)
    servers.sapis["my-dc-1"] = type(sapi)(sapi._place, f"moray.my-dc-1.{DOMAIN}", sapi._nameservers)
    await servers.sapis["my-dc-1"].start()


def test_an_array_ends_the_process() -> None:
    async def test(servers: Bench) -> None:
        ended = asyncio.Event()
        servers.sapis["my-dc-1"]._on_exit = lambda _: ended.set()
        with pytest.raises(EOFError):
            await put(servers, CLOUDAPI, [])
        await asyncio.wait_for(ended.wait(), 60)
        with pytest.raises(ConnectionRefusedError):
            await ask(servers, "/ping")

    with_bench(test)


def test_without_rendered_master_details_include_master_is_503() -> None:
    async def test(servers: Bench) -> None:
        await restart(servers, None)
        answer = await ask(servers, "/services?name=sapi&include_master=true")
        assert (answer.status, json.loads(answer.body)["code"]) == (503, "ServiceUnavailableError")
        assert (await ask(servers, "/services?name=sapi")).status == 200

    with_bench(test)


def test_an_empty_master_host_is_no_master() -> None:
    async def test(servers: Bench) -> None:
        await restart(servers, {"moray": {"master_host": "", "master_port": ""}})
        answer = await ask(servers, "/applications?name=manta&include_master=true")
        assert (answer.status, answer.json()) == (200, [])

    with_bench(test)


def test_a_master_by_name_is_found_by_its_srv_records() -> None:
    async def test(servers: Bench) -> None:
        await restart(servers, {"moray": {"master_host": f"moray.my-dc-2.{DOMAIN}", "master_port": "2020"}})
        answer = await ask(servers, "/applications?name=manta&include_master=true")
        assert [value["name"] for value in json.loads(answer.body)] == ["manta"]

    with_bench(test)


def test_a_master_by_name_at_another_port_is_an_assertion() -> None:
    async def test(servers: Bench) -> None:
        with pytest.raises(AssertionError, match="2021"):
            await restart(servers, {"moray": {"master_host": f"moray.my-dc-2.{DOMAIN}", "master_port": "2021"}})

    with_bench(test)


def test_a_master_that_names_itself_lists_everything_twice() -> None:
    async def test(servers: Bench) -> None:
        own = servers.address("my-dc-1", "moray")
        await restart(servers, {"moray": {"master_host": own, "master_port": "2020"}})
        assert len(json.loads((await ask(servers, "/services?name=sapi&include_master=true")).body)) == 2

    with_bench(test)


def test_configs_are_served_from_local_files_while_moray_is_down() -> None:
    async def test(servers: Bench) -> None:
        await servers.enter("local_moray_down")
        assert (await ask(servers, CONFIG)).status == 200
        assert (await ask(servers, "/ping")).status == 500

    with_bench(test)


def test_a_hanging_request_ends_with_the_sockets_timeout() -> None:
    async def test(servers: Bench) -> None:
        await servers.sapis["my-dc-1"].stop()
        await servers.start_sapi("my-dc-1", socket_timeout=0.5)
        await servers.enter("master_moray_frozen")
        with pytest.raises(EOFError):
            await ask(servers, "/services?name=nope&include_master=true")

    with_bench(test)


def test_the_type_of_metadata_does_not_change_the_etag() -> None:
    def etag(value: object) -> str:
        return config_etag({"metadata": {"MUSKIE_MULTI_DC": value}})

    assert etag("true") == etag(True)
    assert etag("true") != etag(False)


@pytest.mark.parametrize(
    ("misbehaviour", "symptom"),
    [("freeze", TimeoutError), ("slow", TimeoutError), ("endless", TimeoutError), ("cut", EOFError)],
)
def test_misbehaviour(misbehaviour: str, symptom: type[Exception]) -> None:
    async def test(servers: Bench) -> None:
        servers.sapis["my-dc-1"].misbehaviour = misbehaviour
        with pytest.raises(symptom):
            await ask(servers, "/mode", within=5.0 if misbehaviour == "cut" else 0.3)
        servers.sapis["my-dc-1"].misbehaviour = None
        assert (await ask(servers, "/mode")).json() == "full"

    with_bench(test)


def test_garbage() -> None:
    async def test(servers: Bench) -> None:
        servers.sapis["my-dc-1"].misbehaviour = "garbage"
        with pytest.raises((BadMessageError, EOFError)):
            await ask(servers, "/mode")

    with_bench(test)
