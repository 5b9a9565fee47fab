"""The lab's UFDS against recordings of the real one, its faults, and its seeds."""

from __future__ import annotations

import asyncio
import json
import pathlib
import ssl
import time
from collections.abc import Coroutine
from typing import Any

import ldap3
import pytest
from ldap3.core.exceptions import LDAPExceptionError

from lab.machine import tls
from lab.plan.datacenters import Plan
from lab.plan.making import make_plan
from lab.plan.names import DNS_DOMAIN, ROOT_DN, ROOT_PASSWORD
from lab.ufds import conformance, seed
from lab.ufds.client import UfdsError, UfdsProcess
from lab.ufds.replay import Replay

RECORDINGS = pathlib.Path(__file__).parent.parent / "recordings" / "ufds"
DOCUMENT = json.loads((RECORDINGS / "ufds.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def differences() -> dict[str, list[str]]:
    """Send all requests at once, in the recorded order, because later ones see what earlier ones wrote.

    A worker of xdist that gets only some of the tests below must have sent the earlier requests, too.
    """
    directories = {name: conformance.recorded_directory(RECORDINGS, name) for name in ("master", "replica")}
    with conformance.serving(directories) as addresses:
        replay = Replay(addresses)
        found = {str(each["id"]): replay.differences(each) for each in DOCUMENT["requests"]}
        replay.close()
    return found


@pytest.mark.parametrize("name", [str(each["id"]) for each in DOCUMENT["requests"]])
def test_answers_as_recorded(differences: dict[str, list[str]], name: str) -> None:
    assert differences[name] == []


def test_answers_as_recorded_with_many_accounts() -> None:
    directories = {name: conformance.recorded_directory(RECORDINGS, name) for name in ("master", "replica")}
    with conformance.serving(directories) as addresses:
        replay = Replay(addresses)
        bulk = DOCUMENT["bulk"]
        assert replay.add_bulk(bulk["generator"]) == 1100
        # At the recording, the earlier requests had left one entry more.
        wrong = {each["id"]: replay.differences(each) for each in bulk["requests"]}
        replay.close()
    assert {name: found for name, found in wrong.items() if found} == {
        "bulk-size-limit-max": ["count: want 1152, got 1151"]
    }


def test_replicator_behaves_as_recorded() -> None:
    assert conformance.run_scenarios(RECORDINGS, pace=0.2) == (7, 7)


# ---------------------------------------------------------------------------------------------------- the process


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[pathlib.Path, pathlib.Path]:
    return tls.make_certificate(tmp_path_factory.mktemp("tls"))


def bound(port: int, password: str = ROOT_PASSWORD, patience: float = 20) -> Any:
    server = ldap3.Server("127.0.0.1", port=port, use_ssl=True, get_info=ldap3.NONE, connect_timeout=20)
    connection = ldap3.Connection(server, ROOT_DN, password, check_names=False, receive_timeout=patience)
    connection.bind()
    return connection


def run(work: Coroutine[Any, Any, None]) -> None:
    async def limited() -> None:
        async with asyncio.timeout(30):
            await work

    asyncio.run(limited())


def replicator_config(the_plan: Plan, name: str) -> dict[str, Any]:
    def remote(url: str) -> dict[str, Any]:
        return {"url": url, "bindDN": ROOT_DN, "bindCredentials": ROOT_PASSWORD}

    return {
        "checkpointDn": f"cn=replicator, datacenter={name}, o=smartdc",
        "localUfds": remote(f"ldaps://ufds.{name}.{DNS_DOMAIN}"),
        "remotes": [{**remote(f"ldaps://{the_plan.master_ufds_address}"), "queries": list(seed.queries("my-dc"))}],
    }


async def until(condition: Any, value: object) -> None:
    while await condition() != value:  # noqa: ASYNC110 - what is waited for happens in another process
        await asyncio.sleep(0.02)


def test_a_ufds_sends_no_faster_than_it_is_told(certificate: tuple[pathlib.Path, pathlib.Path]) -> None:
    """To all its clients together; what it sends is the same."""

    async def seconds(pace: int) -> tuple[int, float]:
        async with UfdsProcess() as ufds:
            await ufds.seed(make_plan(2, accounts=500, ufds_pace=pace))
            port = await ufds.serve("my-dc-2", *certificate, host="127.0.0.1", port=0)
            begun = time.monotonic()
            found = await asyncio.gather(*(asyncio.to_thread(everybody, port) for _ in range(2)))
            return sum(found), time.monotonic() - begun

    count, _ = asyncio.run(seconds(0))
    again, paced = asyncio.run(seconds(500))
    assert again == count > 1000
    assert paced > count / 500 * 0.8


def everybody(port: int) -> int:
    server = ldap3.Server("127.0.0.1", port, use_ssl=True, get_info=ldap3.NONE)
    with ldap3.Connection(server, ROOT_DN, ROOT_PASSWORD, auto_bind=True, check_names=False) as session:
        session.search("ou=users, o=smartdc", "(objectclass=sdcperson)", attributes=["login"], size_limit=2147483647)
        return len(session.response or ())


def test_coupled_lab_starts_caught_up_and_stays_so(certificate: tuple[pathlib.Path, pathlib.Path]) -> None:
    the_plan = make_plan(3, accounts=50)
    events: list[dict[str, Any]] = []

    async def work() -> None:
        async with UfdsProcess(events.append) as ufds:
            await ufds.seed(the_plan)
            latest = (await ufds.counters("my-dc-2"))["latest"]
            assert await ufds.checkpoint("my-dc-1") == await ufds.checkpoint("my-dc-3") == latest + 1
            for name in ("my-dc-1", "my-dc-3"):
                assert len(await ufds.query(name, wanted="(objectclass=sdcperson)")) == 50 + 9
            ports = {n: await ufds.serve(n, *certificate, host="127.0.0.1", port=0) for n in ("my-dc-1", "my-dc-2")}
            addresses = {
                ("10.1.1.29", 636): ("127.0.0.1", ports["my-dc-1"]),
                (the_plan.master_ufds_address, 636): ("127.0.0.1", ports["my-dc-2"]),
            }
            hosts = {f"ufds.my-dc-1.{DNS_DOMAIN}": "10.1.1.29"}
            await ufds.replicate(
                "my-dc-1", replicator_config(the_plan, "my-dc-1"), hosts=hosts, addresses=addresses, pace=0.05
            )
            account = "90000000-0000-4000-8000-000000000001"
            dn = f"uuid={account}, ou=users, o=smartdc"
            person = {"objectclass": ["sdcPerson"], "login": ["newcomer"], "uuid": [account],
                      "email": ["new@example.com"], "userpassword": ["passw0rd1"]}  # fmt: skip
            await ufds.add("my-dc-2", dn, person)
            await until(lambda: ufds.checkpoint("my-dc-1"), latest + 2)
            (copied,) = await ufds.query("my-dc-1", wanted="(login=newcomer)", hidden=True)
            assert copied[1]["_replicated"] == ["true"]
            # A local account with the same login: the replicator exits, and the checkpoint stays.
            local = {**person, "login": ["twin"], "email": ["other@example.com"]}
            for number, name in ((2, "my-dc-1"), (3, "my-dc-2")):
                uuid = f"90000000-0000-4000-8000-00000000000{number}"
                await ufds.add(name, f"uuid={uuid}, ou=users, o=smartdc", {**local, "uuid": [uuid]})
            await until(ufds.status, {"directories": [f"my-dc-{n}" for n in (1, 2, 3)], "replicators": [],
                                      "listeners": dict.fromkeys(ports, "normal")})  # fmt: skip
            assert await ufds.checkpoint("my-dc-1") == latest + 2

    run(work())
    assert {"event": "replicator-exited", "name": "my-dc-1", "status": 1} in events


def test_candidates_have_a_directory_of_their_own() -> None:
    made = seed.directories(make_plan(3, coupled=False))
    for name in ("my-dc-1", "my-dc-3"):
        shown = seed.as_ldif(made[name])
        assert "sdcreplcheckpoint" not in shown
        assert "poseidon" not in shown
        assert f"datacenter={name}, region=my-dc, o=smartdc" in made[name].store


def test_a_server_misbehaves_when_told_to(certificate: tuple[pathlib.Path, pathlib.Path]) -> None:
    async def work() -> None:
        async with UfdsProcess() as ufds:
            await ufds.seed(make_plan(2))
            port = await ufds.serve("my-dc-2", *certificate, host="127.0.0.1", port=0)
            assert (await asyncio.to_thread(bound, port)).bound
            await ufds.password("my-dc-2", "another")
            refused = await asyncio.to_thread(bound, port)
            assert (refused.result["result"], refused.result["dn"]) == (49, "cn=root")
            await ufds.password("my-dc-2", ROOT_PASSWORD)
            for mode in ("garbage", "hang"):
                await ufds.mode("my-dc-2", mode)
                with pytest.raises((LDAPExceptionError, OSError, ssl.SSLError)):
                    await asyncio.to_thread(bound, port, patience=2)
            await ufds.mode("my-dc-2", "normal")
            connection = await asyncio.to_thread(bound, port)
            await ufds.stop("my-dc-2")
            with pytest.raises(LDAPExceptionError):
                connection.search("o=smartdc", "(objectclass=*)")
            with pytest.raises(LDAPExceptionError):
                await asyncio.to_thread(bound, port)

    run(work())


def test_process_says_what_it_cannot_do() -> None:
    async def work() -> None:
        async with UfdsProcess() as ufds:
            await ufds.seed(make_plan(2))
            with pytest.raises(UfdsError) as found:
                await ufds.add("my-dc-2", "uuid=x, o=smartdc", {"objectclass": ["sdcperson"]})
            assert found.value.code == 65
            with pytest.raises(UfdsError, match="nowhere"):
                await ufds.counters("nowhere")
            with pytest.raises(UfdsError, match="op nonsense"):
                await ufds.request("nonsense")

    run(work())


def test_process_ends_with_its_client() -> None:
    async def work() -> None:
        ufds = UfdsProcess()
        await ufds.start()
        process = ufds._process
        assert process is not None
        await ufds.stop_process()
        assert process.returncode == 0
        with pytest.raises(UfdsError):
            await ufds.status()

    run(work())
