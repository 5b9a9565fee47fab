"""Manta's checks on made-up evidence: numbers of datacenters, and metadata of any shape."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from evidence.inventory.model import Declared
from evidence.model import Configuration, SapiObject
from evidence.subjects.claims import judged
from evidence.subjects.spec import BLOCKED, FAILED, NOT_APPLICABLE, PASSED, WARNING, Result
from evidence.subjects.world import World
from lab.plan import manta_objects
from lab.plan.names import made_uuid
from remediate.registry import advice_for
from tests.judging import verdict_on
from tests.remediate import synthetic as s

OTHER = "22222222-2222-4222-8222-222222222222"
MASTER = s.LAB.master
METADATA = (
    manta_objects.application(MASTER, s.POSEIDON)["metadata"]
    | manta_objects.shards(MASTER)
    | manta_objects.ring(MASTER)
)
SHARD = "manta-shards-are-assigned"
RING = "manta-hash-ring-is-stored"
MULTI = "muskie-multi-dc-is-set"


def application(owner: str = s.POSEIDON, **metadata: Any) -> SapiObject:
    values = {key: value for key, value in (METADATA | metadata).items() if value is not None}
    return SapiObject(made_uuid(owner), "manta", Configuration(values), owner)


def manta(*applications: SapiObject) -> World:
    """A healthy Manta, with these applications at the master."""
    world = s.healthy()
    expected = replace(world.inventory, expect=replace(world.inventory.expect, manta=True))
    assert world.evidence is not None
    world = judged(expected, replace(world.evidence, inventory=expected))
    for name in expected.datacenters:
        networks = world.datacenter(name).networks
        owned = {uuid: replace(network, owner_uuids=(s.POSEIDON,)) for uuid, network in networks.items()}
        here = (manta_objects.RING_IMAGE,) if name == MASTER.name else ()
        given = applications if name == MASTER.name else ()
        world = s.changed(
            world, name, networks=s.fact(owned), manta_applications=s.fact(given), ring_images=s.fact(here)
        )
    return world


def found(world: World, check: str, subject: str = "my-dc") -> Result:
    assert world.evidence is not None
    (result,) = (
        each.result
        for each in verdict_on(world.evidence).results
        if (each.result.check, each.result.subject) == (check, subject)
    )
    return result


@pytest.mark.parametrize("check", ["one-manta-application", SHARD, RING])
def test_a_healthy_application(check: str) -> None:
    assert found(manta(application()), check).outcome == PASSED


@pytest.mark.parametrize(
    ("check", "metadata", "outcome"),
    [
        (MULTI, {"MUSKIE_MULTI_DC": True, "BUCKETS_API_MULTI_DC": True}, PASSED),
        (MULTI, {"MUSKIE_MULTI_DC": "true", "BUCKETS_API_MULTI_DC": None}, PASSED),
        (MULTI, {"MUSKIE_MULTI_DC": True, "BUCKETS_API_MULTI_DC": False}, FAILED),
        (MULTI, {"MUSKIE_MULTI_DC": "false", "BUCKETS_API_MULTI_DC": None}, FAILED),
        (MULTI, {"MUSKIE_MULTI_DC": 1, "BUCKETS_API_MULTI_DC": None}, FAILED),
        (MULTI, {"MUSKIE_MULTI_DC": ["x\x1b[31m"]}, FAILED),
        (SHARD, {"INDEX_MORAY_SHARDS": None}, FAILED),
        (SHARD, {"INDEX_MORAY_SHARDS": []}, FAILED),
        (SHARD, {"INDEX_MORAY_SHARDS": "1.moray"}, FAILED),
        (SHARD, {"INDEX_MORAY_SHARDS": [None, {"host": ""}]}, FAILED),
        (SHARD, {"STORAGE_MORAY_SHARD": {"host": "1.moray"}}, FAILED),
        (RING, {"HASH_RING_IMAGE": None}, FAILED),
        (RING, {"HASH_RING_IMAGE": {"uuid": 1}}, FAILED),
        (RING, {"HASH_RING_IMGAPI_SERVICE": 7}, FAILED),
        (RING, {"HASH_RING_IMGAPI_SERVICE": "http://imgapi.elsewhere.example.com"}, FAILED),
        (RING, {"HASH_RING_IMGAPI_SERVICE": f"http://{MASTER.zone('imgapi').admin_ip}/"}, PASSED),
    ],
)
def test_metadata_of_any_shape(check: str, metadata: dict[str, Any], outcome: str) -> None:
    result = found(manta(application(**metadata)), check)
    assert result.outcome == outcome, result
    assert "the check itself broke" not in result.observed


def test_what_is_wrong_with_the_number_of_applications() -> None:
    both = found(manta(application(), application(OTHER)), "one-manta-application")
    assert (both.outcome, both.culprits) == (FAILED, ("my-dc-2",))
    assert OTHER in both.observed
    assert found(manta(), "one-manta-application").culprits == ("my-dc-2",)
    assert found(manta(), SHARD).outcome == BLOCKED
    astray = s.changed(manta(application()), "my-dc-3", manta_applications=s.fact((application(),)))
    assert found(astray, "one-manta-application").culprits == ("my-dc-3",)


def test_networks_of_somebody_else() -> None:
    world = manta(application())
    check = "manta-networks-belong-to-poseidon"
    assert found(world, check, "my-dc-1").outcome == PASSED
    networks = world.datacenter("my-dc-1").networks
    for owners, outcome in (((OTHER,), FAILED), ((), PASSED), ((OTHER, s.POSEIDON), PASSED)):
        other = {uuid: replace(network, owner_uuids=owners) for uuid, network in networks.items()}
        result = found(s.changed(world, "my-dc-1", networks=s.fact(other)), check, "my-dc-1")
        assert result.outcome == outcome, owners
    without = {uuid: network for uuid, network in networks.items() if network.name != "manta"}
    assert found(s.changed(world, "my-dc-1", networks=s.fact(without)), check, "my-dc-1").outcome == FAILED


@pytest.mark.parametrize(("count", "outcome"), [(2, FAILED), (3, PASSED), (4, FAILED), (5, PASSED)])
def test_an_even_number_is_a_warning(count: int, outcome: str) -> None:
    world = manta(application())
    declared = {
        f"my-dc-{n}": Declared(f"my-dc-{n}", "h", "my-dc", "master" if n == 2 else "replica")
        for n in range(1, count + 1)
    }
    inventory = replace(world.inventory, datacenters=declared)
    assert world.evidence is not None
    world = judged(inventory, replace(world.evidence, inventory=inventory))
    result = found(world, "manta-spans-an-odd-number")
    assert (result.outcome, result.severity) == (outcome, WARNING)


def test_a_region_of_one_needs_no_second_copy() -> None:
    world = manta(application())
    only = replace(world.inventory, datacenters={"my-dc-2": world.inventory.datacenters["my-dc-2"]})
    assert world.evidence is not None
    assert found(judged(only, replace(world.evidence, inventory=only)), MULTI).outcome == NOT_APPLICABLE


@pytest.mark.parametrize("check", ["one-manta-application", SHARD, RING, MULTI])
@pytest.mark.parametrize("applications", [(), (application(OTHER),), (application(DOMAIN_NAME=["x"]),)])
def test_remedies_say_something_of_any_application(check: str, applications: tuple[SapiObject, ...]) -> None:
    advice = advice_for(s.cause(check, "my-dc"), manta(*applications))
    assert advice.steps or advice.notes
    assert not [note for note in advice.notes if "itself broke" in note]
