"""Zones on other servers than the head node: VMAPI knows them, and ssh from the head node enters them if it gets there."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from evidence.collect import collect, elsewhere, parse
from evidence.inventory.model import Declared, Expectations, Inventory, Timeouts
from evidence.model import Evidence
from evidence.subjects.questions import manta_vmadm
from evidence.subjects.spec import BLOCKED, FAILED, NOT_APPLICABLE, PASSED
from evidence.subjects.triton import ADMIN_UUID
from evidence.subjects.world import World
from evidence.subjects.zone import Zone
from tests.judging import verdict_on
from tests.security import hostile

SERVER = "44454c4c-0000-1000-8000-000000000002"
POSEIDON, TENANT = "b1a3b6a8-0000-4000-8000-000000000001", "b1a3b6a8-0000-4000-8000-000000000002"
NETWORK = "10.9.1"


def vm(role: str, number: int, address: int, **more: Any) -> dict[str, Any]:
    nics = [{"ip": f"{NETWORK}.{address}", "nic_tag": "admin"}]
    return hostile.vm(role, number, nics=nics, **({"owner_uuid": ADMIN_UUID} | more))


OF_MANTA: dict[str, Any] = {"tags": {"manta_role": "webapi"}, "owner_uuid": POSEIDON}
HERE = vm("webapi", 40, 40, alias="webapi.r.d-1", server_uuid="s", **OF_MANTA)
THERE = vm("webapi", 41, 41, alias="webapi.r.d-2", server_uuid=SERVER, **OF_MANTA)
CUSTOMERS = vm("webapi", 46, 46, alias="webapi.r.d-3", server_uuid=SERVER, **OF_MANTA | {"owner_uuid": TENANT})
VMAPI, CNAPI, SAPI, NAPI = vm("vmapi", 42, 2), vm("cnapi", 43, 3), vm("sapi", 47, 4), vm("napi", 48, 5)
CLOUDAPI = vm("cloudapi", 44, 44, alias="cloudapi1", server_uuid=SERVER)
GONE = vm("cloudapi", 45, 45, alias="cloudapi2", server_uuid="s")  # VMAPI's error: the head node has no such zone
UFDS = vm("ufds", 49, 49, alias="ufds1", server_uuid=SERVER)
NICS = {
    "net0": {"NIC Names": ["external"], "ip4addr": "192.0.2.3"},
    "net1": {"NIC Names": ["admin"], "ip4addr": "10.9.1.3"},
}
SERVERS = [{"uuid": SERVER, "hostname": "cn1", "sysinfo": {"Network Interfaces": NICS}}]
ROWS = [
    {"type": "vm", "instance": vm["uuid"], "alias": vm["alias"], "service": "cloudapi", "hostname": "cn1", "healthy": False}
    for vm in (CLOUDAPI, {"uuid": "c076731a-bd61-552d-934a-0000000000ff", "alias": "manatee1"})
]  # fmt: skip
MANTA = [{"uuid": "m", "name": "manta", "owner_uuid": POSEIDON, "metadata": {"POSEIDON_UUID": POSEIDON}}]
TOLD: dict[str, Any] = {
    f"/vms?state=active&owner_uuid={ADMIN_UUID}": [VMAPI, CLOUDAPI, GONE],
    "tag.manta_role=webapi": [HERE, THERE, CUSTOMERS],
    "/servers?": SERVERS,
    "/applications?name=manta": MANTA,
}
"""What is answered to requests that hold a text: a list, or else as it stands."""
IN_ZONE = "services\nonline 11:00:00 svc:/a:b\nendservices\t0\nend\n"


def answering(told: dict[str, Any]) -> hostile.Dialled:
    """These answers, and an empty 200 for every other request; None is HTTP 500.  What is no HTTP is broken off.

    An answer may be made when it is asked for.
    """

    async def answers(reader: Any, writer: Any) -> None:
        if await reader.readexactly(4) != b"GET ":
            writer.close()
            return
        asked = (await reader.readuntil(b"\r\n\r\n")).decode().partition("\r\n")[0]
        found = next((said for which, said in told.items() if which in asked), "")
        found = found() if callable(found) else found
        status = "500 Internal Server Error" if found is None else "200 OK"
        body = found if isinstance(found, str) else json.dumps({} if found is None else found)
        writer.write(f"HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
        await writer.drain()
        writer.close()

    return answers


async def by_ssh(process: hostile.Process) -> None:
    asked_of_smf = "svcs -H" in (process.command or "")
    await hostile.says("online         svc:/smartdc/agent/net-agent:default\n" if asked_of_smf else IN_ZONE)(process)


async def broken_zone(process: hostile.Process) -> None:
    """svcs on the server answers; the zone's own bash ends as ssh would if it did not get there."""
    if "svcs -H" in (process.command or ""):
        await by_ssh(process)
    else:
        process.exit(255)


async def no_svcs(process: hostile.Process) -> None:
    process.stderr.write(b"svcs: cannot connect to the repository\n")
    process.exit(1 if "svcs -H" in (process.command or "") else 255)


async def no_host_key(process: hostile.Process) -> None:
    process.stderr.write(b"Host key verification failed.\r\n")
    process.exit(255)


def collected(
    home: Path, ssh: hostile.Answer = by_ssh, until: asyncio.Event | None = None, **told: Any
) -> tuple[Evidence, list[str]]:
    """`told` is added to TOLD, by a short name of the request.  config.sh answers only when `until` is set."""
    names = {
        "core": f"/vms?state=active&owner_uuid={ADMIN_UUID}",
        "cnapi": "/servers?",
        "sapi": "/applications?name=manta",
    }
    names |= {
        "napi": "/networks",
        "instances": "/instances?",
        "applications": "/applications?name=sdc",
        "services": "/services?",
    }
    settings = hostile.CONFIG | {"admin_network": f"{NETWORK}.0", "admin_netmask": "255.255.255.0"}

    async def config(process: hostile.Process) -> None:
        if until is not None:
            await until.wait()
        await hostile.says(json.dumps(settings))(process)

    kind = hostile.KIND | {
        "bash": config,
        "cat": hostile.says("".join(f"{key}={value}\n" for key, value in settings.items())),
        "vmadm": vmadm,
        "svcs": hostile.says("online 11:00:00 svc:/smartdc/agent/net-agent:default\n"),
        "sdcadm": hostile.says(json.dumps(ROWS)),
        "ssh": ssh,
    }
    services = answering(TOLD | {names[name]: said for name, said in told.items()})

    async def all_of_it() -> tuple[Evidence, list[str]]:
        async with hostile.HeadNode(kind, services) as head:
            head.known_to(home, trusted=head.key)
            declared = {"a": Declared("a", "a", "r", "master")}
            limits = Timeouts(connect=20, command=20, run=60)
            inventory = Inventory("a", declared, timeouts=limits, expect=Expectations(manta=True))
            return await collect(inventory, lambda _: None), [command for command, _ in head.commands]

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(home))
        patch.setenv("AZ_FINGERPRINT_KEY_FILE", str(home / "key"))
        return asyncio.run(all_of_it())


async def vmadm(process: hostile.Process) -> None:
    """Lists a customer's VM too, whatever it is asked for: what is believed must not rest on that."""
    manta = "manta_role" in (process.command or "")
    await hostile.says(json.dumps([HERE, CUSTOMERS] if manta else [VMAPI, CNAPI, SAPI, NAPI]))(process)


@pytest.fixture(scope="module")
def entered(tmp_path_factory: pytest.TempPathFactory) -> tuple[Evidence, list[str]]:
    return collected(tmp_path_factory.mktemp("entered"))


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Evidence, list[str]]:
    return collected(tmp_path_factory.mktemp("closed"), no_host_key)


def zones(evidence: Evidence, role: str) -> dict[str, Zone]:
    found = World(evidence.inventory, evidence).datacenter("a").zones(role)  # type: ignore[arg-type]
    return {zone.alias: zone for zone in found}


def outcomes(evidence: Evidence, subject: str) -> dict[str, Any]:
    return {each.result.check: each.result for each in verdict_on(evidence).results if each.result.subject == subject}


def test_they_are_subjects_and_say_where_they_are(entered: tuple[Evidence, list[str]]) -> None:
    assert {zone.vm.uuid: zone.vm.server for zone in zones(entered[0], "webapi").values()} == {
        HERE["uuid"]: "",
        THERE["uuid"]: SERVER,
    }
    assert {alias: zone.vm.server for alias, zone in zones(entered[0], "cloudapi").items()} == {"cloudapi1": SERVER}


def test_they_are_entered_by_way_of_their_server(entered: tuple[Evidence, list[str]]) -> None:
    there = [command for command in entered[1] if command.startswith(f'{elsewhere.SSH} 10.9.1.3 "zlogin -Q ')]
    assert sorted(command.split()[-1 - command.split()[::-1].index("-Q") + 1] for command in there) == sorted(
        [THERE["uuid"], CLOUDAPI["uuid"]]
    )
    assert [each.fmri for each in zones(entered[0], "cloudapi")["cloudapi1"].services] == ["svc:/a:b"]
    assert outcomes(entered[0], "a")["net-agent-runs"].outcome == PASSED


def test_where_ssh_does_not_get_there_what_is_in_them_is_not_applicable(closed: tuple[Evidence, list[str]]) -> None:
    (there,) = (zone for zone in zones(closed[0], "webapi").values() if zone.vm.server)
    found = outcomes(closed[0], there.id)
    assert found["muskie-answers"].outcome == PASSED
    for check in ("services-run", "rendered-config-is-current", "muskie-was-restarted"):
        assert found[check].outcome == NOT_APPLICABLE
        assert found[check].reason.startswith(f"not entered: {there.id} is on server cn1 (the head node's ssh")
        assert "Host key verification failed." in found[check].reason


def test_what_check_health_says_of_them_is_judged(closed: tuple[Evidence, list[str]]) -> None:
    assert outcomes(closed[0], "a.cloudapi1")["core-services-are-healthy"].outcome == FAILED
    others = outcomes(closed[0], "a")["other-instances-are-healthy"]
    assert others.outcome == FAILED
    assert "manatee1 on cn1" in others.observed
    assert "cloudapi1" not in others.observed


def test_a_customers_vm_is_no_zone_of_manta(entered: tuple[Evidence, list[str]]) -> None:
    evidence, commands = entered
    assert CUSTOMERS["uuid"] not in {zone.vm.uuid for zone in evidence.datacenters["a"].zones.get().values()}
    assert [command for command in commands if CUSTOMERS["uuid"] in command] == []
    assert f"{manta_vmadm(POSEIDON)}" in commands


def test_vmapi_is_asked_while_config_sh_has_not_answered(tmp_path: Path) -> None:
    """Where the head node lists vmapi's zone, nothing else need be known."""
    asked = asyncio.Event()

    def listed() -> list[dict[str, Any]]:
        asked.set()
        return [VMAPI, CLOUDAPI, GONE]

    evidence, _ = collected(tmp_path, until=asked, core=listed)
    assert evidence.datacenters["a"].usbkey.get().values["admin_network"] == f"{NETWORK}.0"
    assert {zone.vm.uuid for zone in zones(evidence, "cloudapi").values()} >= {CLOUDAPI["uuid"]}


def test_where_nobody_says_who_owns_manta_none_of_its_zones_is_entered(tmp_path: Path) -> None:
    evidence, commands = collected(tmp_path, sapi=None, napi=None)
    assert [command for command in commands if HERE["uuid"] in command or THERE["uuid"] in command] == []
    found = outcomes(evidence, "a.webapi0")["services-run"]
    assert found.outcome == BLOCKED
    assert "says who owns Manta" in " ".join(found.missing)


def test_without_sapi_the_network_manta_says_who_owns_it(tmp_path: Path) -> None:
    named = [{"uuid": "n", "name": "manta", "subnet": "10.9.3.0/24", "owner_uuids": [ADMIN_UUID, POSEIDON]}]
    evidence, _ = collected(tmp_path, sapi=None, napi=named)
    assert {zone.vm.uuid for zone in zones(evidence, "webapi").values()} == {HERE["uuid"], THERE["uuid"]}


@pytest.mark.parametrize("said", [None, "nonsense", '{"not": "a list"}'])
def test_a_vmapi_that_lists_nothing_is_no_silence(tmp_path: Path, said: Any) -> None:
    evidence, _ = collected(tmp_path, core=said)
    assert evidence.datacenters["a"].everywhere is not None
    assert evidence.datacenters["a"].everywhere.why
    assert outcomes(evidence, "a.vmapi0")["internal-apis-answer"].outcome in (BLOCKED, FAILED)


def test_rows_of_vmapi_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    evidence, _ = collected(tmp_path, core=[VMAPI, CLOUDAPI, 5])
    assert evidence.datacenters["a"].zones.unread == 1
    assert "cloudapi1" in zones(evidence, "cloudapi")


GAPS = {
    "no answer": (None, "CNAPI does not say where that is"),
    "not listed": ([], "CNAPI lists no such server"),
    "no address": ([{"uuid": SERVER, "hostname": "cn1"}], "CNAPI knows no admin address of it"),
    "elsewhere": (
        [{"uuid": SERVER, "sysinfo": {"Network Interfaces": {"a": {"NIC Names": ["admin"], "ip4addr": "203.0.113.9"}}}}],
        "203.0.113.9, which is in none of the datacenter's admin networks",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", GAPS)
def test_a_server_that_cnapi_does_not_tell_is_a_gap(tmp_path: Path, name: str) -> None:
    said, why = GAPS[name]
    evidence, commands = collected(tmp_path, cnapi=said)
    assert [command for command in commands if command.startswith("ssh")] == []
    assert outcomes(evidence, "a")["net-agent-runs"].outcome == BLOCKED
    found = outcomes(evidence, "a.cloudapi1")["services-run"]
    assert found.outcome == BLOCKED
    assert why in " ".join(found.missing)


@pytest.mark.parametrize("ssh", [broken_zone, no_svcs])
def test_a_zone_does_not_make_itself_not_applicable(tmp_path: Path, ssh: hostile.Answer) -> None:
    """ssh got to its server in this run, or did not say that it did not."""
    evidence, _ = collected(tmp_path, ssh)
    there = outcomes(evidence, "a.cloudapi1")["services-run"].outcome
    agents = outcomes(evidence, "a")["net-agent-runs"].outcome
    assert (there, agents) == ((BLOCKED, PASSED) if ssh is broken_zone else (NOT_APPLICABLE, BLOCKED))


def test_nothing_is_asked_at_an_address_outside_the_admin_networks(tmp_path: Path) -> None:
    nics = [{"ip": "203.0.113.9", "nic_tag": "admin"}]
    evidence, _ = collected(tmp_path, core=[VMAPI, CLOUDAPI | {"nics": nics}])
    found = outcomes(evidence, "a.cloudapi1")["cloudapi-answers"]
    assert found.outcome == BLOCKED
    assert "in none of the datacenter's admin networks" in " ".join(found.missing)


def test_an_admin_network_of_another_rack_is_one_too(tmp_path: Path) -> None:
    nics = [{"ip": "10.77.1.9", "nic_tag": "admin"}]
    rack = [{"uuid": "n", "name": "admin_rack_7", "subnet": "10.77.1.0/24"}]
    evidence, _ = collected(tmp_path, core=[VMAPI, CLOUDAPI | {"nics": nics}], napi=rack)
    assert zones(evidence, "cloudapi")["cloudapi1"].vm.address("admin") == "10.77.1.9"


SDC = "11111111-2222-4333-8444-555555555555"


@pytest.mark.parametrize("known", [True, False])
def test_a_ufds_that_only_vmapi_knows_gets_no_password(tmp_path: Path, known: bool) -> None:
    evidence, _ = collected(
        tmp_path,
        core=[VMAPI, UFDS],
        applications=[{"uuid": SDC, "name": "sdc"}],
        services=[{"uuid": SDC, "name": "ufds"}],
        instances=[{"uuid": UFDS["uuid"] if known else SDC}],
    )
    bind = zones(evidence, "ufds")["ufds1"].evidence.bind
    assert bind is not None
    assert ("SAPI has no such instance of ufds" in (bind.why or "")) is not known


def test_cnapi_may_say_anything() -> None:
    nics = [
        1,
        {"NIC Names": None},
        {"NIC Names": 5, "ip4addr": "10.9.1.3"},
        {"NIC Names": "notadmin", "ip4addr": "10.9.1.3"},
    ]
    nics.append({"NIC Names": ["admin"], "ip4addr": "1.2.3.4; reboot"})
    for nic in nics:
        strange = [{"uuid": "u", "hostname": None, "sysinfo": {"Network Interfaces": {"a": nic}}}]
        assert elsewhere.servers(json.dumps(strange)).value["u"].address == ""
    with pytest.raises(parse.UnreadableError):
        elsewhere.servers('{"not": "a list"}')


def test_one_server_that_cannot_be_read_costs_that_one_alone() -> None:
    rows = elsewhere.servers(json.dumps([*SERVERS, {"uuid": "v", "hostname": 5}]))
    assert list(rows.value) == [SERVER]
    assert len(rows.unread) == 1
