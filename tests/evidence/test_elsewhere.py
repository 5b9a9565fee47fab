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
from evidence.subjects.spec import FAILED, NOT_APPLICABLE, PASSED
from evidence.subjects.world import World
from evidence.subjects.zone import Zone
from tests.judging import verdict_on
from tests.security import hostile

SERVER = "44454c4c-0000-1000-8000-000000000002"
HERE = hostile.vm("webapi", 40, tags={"manta_role": "webapi"}, alias="webapi.r.d-1", server_uuid="s")
THERE = hostile.vm("webapi", 41, tags={"manta_role": "webapi"}, alias="webapi.r.d-2", server_uuid=SERVER)
VMAPI, CNAPI = hostile.vm("vmapi", 42), hostile.vm("cnapi", 43)
CLOUDAPI = hostile.vm("cloudapi", 44, alias="cloudapi1", server_uuid=SERVER)
GONE = hostile.vm("cloudapi", 45, alias="cloudapi2", server_uuid="s")  # VMAPI's error: the head node has no such zone
NICS = {
    "net0": {"NIC Names": ["external"], "ip4addr": "192.0.2.3"},
    "net1": {"NIC Names": ["admin"], "ip4addr": "10.9.1.3"},
}
SERVERS = [{"uuid": SERVER, "hostname": "cn1", "sysinfo": {"Network Interfaces": NICS}}]
ROWS = [
    {"type": "vm", "instance": vm["uuid"], "alias": vm["alias"], "service": "cloudapi", "hostname": "cn1", "healthy": False}
    for vm in (CLOUDAPI, {"uuid": "c076731a-bd61-552d-934a-0000000000ff", "alias": "manatee1"})
]  # fmt: skip
IN_ZONE = "services\nonline 11:00:00 svc:/a:b\nendservices\t0\nend\n"


async def answers(reader: Any, writer: Any) -> None:
    """VMAPI's and CNAPI's lists, and an empty 200 for every other request."""
    head = await reader.readuntil(b"\r\n\r\n")
    told = {b"owner_uuid=": [VMAPI, CLOUDAPI, GONE], b"tag.manta_role=webapi": [HERE, THERE], b"/servers?": SERVERS}
    body = next((json.dumps(found).encode() for which, found in told.items() if which in head), b"")
    writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
    await writer.drain()
    writer.close()


async def by_ssh(process: hostile.Process) -> None:
    asked_of_smf = "svcs -H" in (process.command or "")
    await hostile.says("online         svc:/smartdc/agent/net-agent:default\n" if asked_of_smf else IN_ZONE)(process)


async def no_host_key(process: hostile.Process) -> None:
    process.stderr.write(b"Host key verification failed.\r\n")
    process.exit(255)


def collected(home: Path, ssh: hostile.Answer) -> tuple[Evidence, list[str]]:
    kind = hostile.KIND | {
        "vmadm": hostile.says(json.dumps([VMAPI, CNAPI, HERE])),
        "svcs": hostile.says("online 11:00:00 svc:/smartdc/agent/net-agent:default\n"),
        "sdcadm": hostile.says(json.dumps(ROWS)),
        "ssh": ssh,
    }

    async def all_of_it() -> tuple[Evidence, list[str]]:
        async with hostile.HeadNode(kind, answers) as head:
            head.known_to(home, trusted=head.key)
            declared = {"a": Declared("a", "a", "r", "master")}
            limits = Timeouts(connect=2, command=4, run=20)
            inventory = Inventory("a", declared, timeouts=limits, expect=Expectations(manta=True))
            return await collect(inventory, lambda _: None), [command for command, _ in head.commands]

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(home))
        patch.setenv("AZ_FINGERPRINT_KEY_FILE", str(home / "key"))
        return asyncio.run(all_of_it())


@pytest.fixture(scope="module")
def entered(tmp_path_factory: pytest.TempPathFactory) -> tuple[Evidence, list[str]]:
    return collected(tmp_path_factory.mktemp("entered"), by_ssh)


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


def test_cnapi_may_say_anything() -> None:
    strange = [{"uuid": "u", "hostname": None, "sysinfo": {"Network Interfaces": {"a": 1, "b": {"NIC Names": None}}}}]
    assert elsewhere.servers(json.dumps(strange))["u"].address == ""
    evil = [
        {"uuid": "u", "sysinfo": {"Network Interfaces": {"a": {"NIC Names": ["admin"], "ip4addr": "1.2.3.4; reboot"}}}}
    ]
    assert elsewhere.servers(json.dumps(evil))["u"].address == ""
    with pytest.raises(parse.UnreadableError):
        elsewhere.servers('{"not": "a list"}')
