"""A row of a list that cannot be read costs only itself. It is counted, and what it may have said does not pass."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace
from typing import Any, cast

import pytest
from msgspec.structs import replace

from evidence.collect import apis, headnode, health, parse, printed, services
from evidence.collect.parse import UnreadableError
from evidence.collect.unanswered import UnansweredError
from evidence.fact import Fact, Missing
from evidence.model import FirewallRule
from evidence.subjects.network.routes import between
from evidence.subjects.spec import BLOCKED, FAILED, PASSED
from evidence.subjects.world import World
from tests.evidence.test_parse import VM
from tests.judging import verdict_on
from tests.remediate import synthetic as s

ADMIN = {"uuid": "1", "name": "admin", "subnet": "10.3.1.0/24"}


def test_null_is_none_of_tags_and_owners() -> None:
    assert parse.vms(json.dumps([VM, VM | {"alias": "x", "tags": None}])).value.keys() == {"ufds0"}
    (network,) = parse.networks(json.dumps([ADMIN | {"owner_uuids": None}])).value.values()
    assert network.owner_uuids == ()


def test_a_zone_that_cannot_be_read_is_still_there() -> None:
    found = parse.vms(json.dumps([VM, VM | {"alias": "ufds1", "nics": 3}, 5]))
    assert found.value["ufds0"].unread == ""
    assert "nics" in found.value["ufds1"].unread
    assert found.unread == ("a VM is a number, where an object was expected",)


def test_networks_of_customers_are_none_of_ours() -> None:
    fabric = ADMIN | {"uuid": "2", "fabric": True, "subnet": "10.1.1.0/24"}
    found = parse.networks(json.dumps([fabric, ADMIN, {"uuid": 3}]))
    assert [network.uuid for network in found.value.values()] == ["1"]
    assert len(found.unread) == 1


def test_without_ping_agent_the_rows_of_zones_are_read() -> None:
    found = health.healthcheck("ufds:running:-:online\nping-agent is not installed\n")
    assert ([row.role for row in found.value], found.unread) == (["ufds"], ())
    assert len(health.healthcheck("ufds:running:-:online\nnonsense\n").unread) == 1


@pytest.mark.parametrize("text", ["[1]", "[null, 5]"])
def test_where_no_row_can_be_read_the_answer_cannot(text: str) -> None:
    for reader in (parse.vms, parse.networks, health.check_health):
        with pytest.raises(UnreadableError):
            reader(text)


@pytest.mark.parametrize(("count", "asked"), [(999, 1), (1000, 2), (2500, 3)])
def test_napi_is_asked_for_every_page(count: int, asked: int) -> None:
    paths: list[str] = []

    async def read(host: str, path: str, name: str) -> str:
        first = 1000 * len(paths)
        paths.append(path)
        return json.dumps([ADMIN | {"uuid": str(each)} for each in range(first, min(count, first + 1000))])

    zone = SimpleNamespace(state="running", alias="napi0", address=lambda tag: "10.3.1.4")
    of_napi = apis.Apis(cast(Any, SimpleNamespace(running=lambda role: zone)), cast(Any, SimpleNamespace(read=read)))
    assert len(asyncio.run(of_napi.networks()).value) == count
    assert paths[1:] == [f"/networks?limit=1000&offset={1000 * page}" for page in range(1, asked)]


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (
            '{"code": "ServiceUnavailable", "message": "Initial network data\\n not\\u001b loaded"}',
            ': "Initial network data not\\u001b loaded"',
        ),
        ("<html>", ""),
        ('{"message": 5}', ""),
    ],
)
def test_an_error_says_why(body: str, told: str) -> None:
    from evidence.collect.fetching import RawAnswer

    ask = services.Services(cast(Any, None), cast(Any, None), cast(Any, None), cast(Any, None))

    async def get(*_: object) -> RawAnswer:
        return RawAnswer(503, body, 1)

    ask._get = get  # type: ignore[method-assign,assignment]
    with pytest.raises(UnansweredError) as error:
        asyncio.run(ask.read("10.3.1.4", "/networks", "NAPI"))
    assert str(error.value) == f"NAPI at 10.3.1.4 answered HTTP 503{told}"


@pytest.mark.parametrize(
    ("name", "is_between"),
    [("admin", True), ("manta", True), ("manta_rack_100", True), ("external", False), ("mantax", False)],
)
def test_the_networks_of_racks_are_mantas_too(name: str, is_between: bool) -> None:
    assert between(replace(s.healthy().datacenter("my-dc-3").networks["admin"], name=name)) is is_between


def test_a_row_of_each_list_costs_that_row() -> None:
    rule = {"uuid": "u", "rule": "FROM any TO all vms ALLOW tcp PORT 636", "enabled": True}
    image = {"uuid": "i", "name": apis.RING, "state": "active"}
    for found in (
        printed.svcs("online  11:29:33 svc:/a:b\nonline svc:/c:d\n"),
        parse.firewall_rules(json.dumps([rule, rule | {"rule": None}])),
        apis.images(json.dumps([image, 3]), apis.RING),
        headnode.instances(json.dumps([{"service": "sapi", "version": "v"}, {"service": 3}])),
    ):
        assert (len(found.value), len(found.unread)) == (1, 1)


def torn(alias: str, key: str, value: tuple[Any, ...]) -> World:
    """A zone of my-dc-3 with this list, in which one more row could not be read."""
    world = s.healthy()
    fact = s.fact(value)
    return s.changed_zone(world, "my-dc-3", alias, **{key: replace(fact, unread=1, because="it is torn")})


def test_a_service_that_could_not_be_read_does_not_pass_and_one_that_is_down_is_told() -> None:
    services = s.healthy().datacenter("my-dc-3").evidence.zones.get()["ufds0"].services.get()
    down = tuple(replace(each, state="maintenance") if "capi" in each.fmri else each for each in services)
    fewer = tuple(each for each in services if "capi" not in each.fmri)
    of_ufds = ("services-run", "my-dc-3.ufds0")
    assert outcome(torn("ufds0", "services", services), *of_ufds) == BLOCKED
    assert outcome(torn("ufds0", "services", down), *of_ufds) == FAILED
    assert outcome(torn("ufds0", "services", fewer), *of_ufds) == BLOCKED
    assert outcome(torn("ufds0", "services", services), "replicator-runs", "my-dc-3") == PASSED
    without = tuple(each for each in services if "replicator" not in each.fmri)
    assert outcome(torn("ufds0", "services", without), "replicator-runs", "my-dc-3") == BLOCKED


def test_a_rule_that_could_not_be_read_may_be_the_open_door() -> None:
    wide = FirewallRule("u", "FROM any TO all vms ALLOW tcp PORT 636", enabled=True)
    shut, opened = torn("ufds0", "rules", ()), torn("ufds0", "rules", (wide,))
    on = {"firewall_enabled": True}
    for world, wanted in ((shut, BLOCKED), (opened, FAILED)):
        changed = s.changed_zone(world, "my-dc-3", "ufds0", vm=on)
        assert outcome(changed, "ufds-is-not-open", "my-dc-3") == wanted


def outcome(world: World, check: str, subject: str) -> str:
    assert world.evidence is not None
    rows = verdict_on(world.evidence).results
    return next(row.result.outcome for row in rows if (row.result.check, row.result.subject) == (check, subject))


def with_unread(key: str, gone: str) -> World:
    """my-dc-3 with a list in which one row could not be read. That row is missing."""
    world = s.healthy()
    fact: Fact[Any] = getattr(world.datacenter("my-dc-3").evidence, key)
    left = {name: each for name, each in fact.get().items() if name != gone}
    return s.changed(world, "my-dc-3", **{key: replace(fact, value=left, unread=1, because="it is torn")})


def test_what_an_unread_network_may_say_does_not_pass() -> None:
    world = with_unread("networks", "external")
    assert outcome(world, "networks-do-not-overlap", "coupling") == BLOCKED
    assert outcome(world, "routes-are-durable", "my-dc-3.cloudapi0") == BLOCKED
    assert outcome(world, "routes-are-durable", "my-dc-3.moray0") == PASSED
    assert outcome(world, "networks-do-not-overlap", "coupling") != FAILED


def test_of_an_unread_zone_nothing_passes_and_the_reason_is_told() -> None:
    zone = s.changed_zone(s.healthy(), "my-dc-3", "cloudapi0", vm={"unread": "a VM has no state"})
    assert outcome(zone, "services-run", "my-dc-3.cloudapi0") == BLOCKED
    with pytest.raises(Missing, match="a VM has no state"):
        _ = zone.datacenter("my-dc-3").zones("cloudapi")[0].vm
    assert outcome(with_unread("zones", "nobody"), "health-commands-answer", "my-dc-3") == BLOCKED


def test_a_missing_sdc_is_not_said_to_be_absent_where_a_row_was_not_read() -> None:
    with pytest.raises(Missing, match="it is torn"):
        _ = with_unread("applications", "sdc").datacenter("my-dc-3").sdc_metadata


def test_an_unreadable_row_of_vmapi_is_no_second_zone_of_the_head_node() -> None:
    here = parse.vms(json.dumps([VM])).value
    odd = VM | {"nics": 7, "server_uuid": "s"}
    assert parse.vms(json.dumps([odd]), besides=here, elsewhere=True).value == here
    strange = odd | {"uuid": "c076731a-bd61-552d-934a-297b25182e10", "alias": "ufds1", "server_uuid": None}
    found = parse.vms(json.dumps([strange]), besides=here, elsewhere=True).value["ufds1"]
    assert (found.server, found.state) == (parse.NO_SERVER, parse.UNREADABLE)
