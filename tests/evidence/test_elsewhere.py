"""Zones of Manta's on other servers than the head node: VMAPI knows them, and nothing is sent into them."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from evidence.collect import collect
from evidence.inventory.model import Declared, Expectations, Inventory, Timeouts
from evidence.model import Evidence
from evidence.subjects.spec import NOT_APPLICABLE, PASSED
from evidence.subjects.world import World
from tests.judging import verdict_on
from tests.security import hostile

SERVER = "44454c4c-0000-1000-8000-000000000002"
HERE = hostile.vm("webapi", 40, tags={"manta_role": "webapi"}, alias="webapi.r.d-1", server_uuid="head")
THERE = hostile.vm("webapi", 41, tags={"manta_role": "webapi"}, alias="webapi.r.d-2", server_uuid=SERVER)
VMAPI = hostile.vm("vmapi", 42)


async def answers(reader: Any, writer: Any) -> None:
    """VMAPI's list, and an empty 200 for every other request."""
    head = await reader.readuntil(b"\r\n\r\n")
    body = json.dumps([HERE, THERE]).encode() if b"tag.manta_role=webapi" in head else b""
    writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
    await writer.drain()
    writer.close()


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> tuple[Evidence, hostile.HeadNode]:
    home = tmp_path_factory.mktemp("home")
    kind = hostile.KIND | {"vmadm": hostile.says(json.dumps([VMAPI, HERE]))}

    async def all_of_it() -> tuple[Evidence, hostile.HeadNode]:
        async with hostile.HeadNode(kind, answers) as head:
            head.known_to(home, trusted=head.key)
            declared = {"a": Declared("a", "a", "r", "master")}
            limits = Timeouts(connect=2, command=4, run=20)
            inventory = Inventory("a", declared, timeouts=limits, expect=Expectations(manta=True))
            return await collect(inventory, lambda _: None), head

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(home))
        patch.setenv("AZ_FINGERPRINT_KEY_FILE", str(Path(home) / "key"))
        return asyncio.run(all_of_it())


def test_they_are_subjects_and_say_where_they_are(seen: tuple[Evidence, hostile.HeadNode]) -> None:
    zones = World(seen[0].inventory, seen[0]).datacenter("a").zones("webapi")
    assert {zone.vm.uuid: zone.vm.server for zone in zones} == {HERE["uuid"]: "", THERE["uuid"]: SERVER}


def test_nothing_is_sent_into_them(seen: tuple[Evidence, hostile.HeadNode]) -> None:
    entered = [command.split()[2] for command, _ in seen[1].commands if command.startswith("zlogin")]
    assert sorted(entered) == sorted([VMAPI["uuid"], HERE["uuid"]])


def test_what_is_in_them_is_not_applicable_and_their_health_is_judged(seen: tuple[Evidence, hostile.HeadNode]) -> None:
    (there,) = (zone for zone in World(seen[0].inventory, seen[0]).datacenter("a").zones("webapi") if zone.vm.server)
    found = {each.result.check: each.result for each in verdict_on(seen[0]).results if each.result.subject == there.id}
    assert found["muskie-answers"].outcome == PASSED
    for check in ("services-run", "rendered-config-is-current", "muskie-was-restarted"):
        assert found[check].outcome == NOT_APPLICABLE
        assert SERVER in found[check].reason
