"""Manta's shards, what hides its settings, and poseidon, on made-up evidence: legal shapes raise nothing, others are told."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from evidence.accounts import Account
from evidence.model import Configuration, Key, MantaService, SapiObject
from evidence.subjects.poseidon import fingerprint
from evidence.subjects.spec import FAILED, NOT_APPLICABLE, PASSED
from evidence.subjects.world import World
from lab.plan import manta_objects
from remediate.registry import advice_for
from tests.remediate import synthetic as s
from tests.verdict.test_manta import application, found, manta

ASSIGNED, SERVED = "manta-shards-are-assigned", "manta-shards-are-served"
OVERRIDDEN, POSEIDON = "manta-settings-are-not-overridden", "poseidon-is-operator"
DOMAIN = "my-dc.srv.example.com"
KEY = manta_objects.admin_key()


def shard(number: int, **more: Any) -> dict[str, Any]:
    return {"host": f"{number}.moray.{DOMAIN}", **more}


def instance(role: str, number: int, **metadata: Any) -> SapiObject:
    return SapiObject(
        f"00000000-0000-4000-8000-0000000000{number:02}", role, Configuration({"DATACENTER": "my-dc-1"} | metadata)
    )


def deployed(*morays: str, **webapi: Any) -> World:
    """A healthy Manta whose morays serve these shards, with one webapi that has such metadata of its own."""
    return with_services(application(MUSKIE_MULTI_DC=True), *morays, **webapi)


def with_services(app: SapiObject, *morays: str, **webapi: Any) -> World:
    served = tuple(instance("moray", number, SERVICE_NAME=name) for number, name in enumerate(morays))
    made = (
        MantaService(s.POSEIDON, "moray", app.uuid, instances=served),
        MantaService(
            s.POSEIDON, "webapi", app.uuid, instances=(instance("webapi", 99, SERVICE_NAME="manta", **webapi),)
        ),
    )
    return s.changed(manta(app), "my-dc-2", manta_services=s.fact(made))


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"INDEX_MORAY_SHARDS": [shard(2), shard(3, last=True)]},
        {"INDEX_MORAY_SHARDS": [shard(2, readOnly=True), shard(3, last=True)]},
        {"INDEX_MORAY_SHARDS": [shard(2, last=False), shard(1, last=True)]},
        {"STORAGE_MORAY_SHARD": f"1.moray.{DOMAIN}."},
        {"STORAGE_MORAY_SHARD": f"1.MORAY.{DOMAIN}"},
        {"BUCKETS_MORAY_SHARDS": [{"host": f"1.buckets-mdapi.{DOMAIN}", "last": True}]},
        {"REGION": None, "DNS_DOMAIN": None, "DOMAIN_NAME": DOMAIN},
    ],
)
def test_legal_shapes_raise_nothing(values: dict[str, Any]) -> None:
    world = with_services(application(**values), *(f"{number}.moray.{DOMAIN}" for number in (1, 2, 3)))
    assert {check: found(world, check).outcome for check in (ASSIGNED, SERVED, OVERRIDDEN)} == {
        ASSIGNED: PASSED,
        SERVED: PASSED,
        OVERRIDDEN: PASSED,
    }


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"INDEX_MORAY_SHARDS": [shard(1), shard(1, last=True)]}, "2 times"),
        ({"INDEX_MORAY_SHARDS": [shard(1), shard(2)]}, "none of them has `last`"),
        ({"INDEX_MORAY_SHARDS": [shard(1, last=True), shard(2, last=True)]}, "only the last shard must"),
        ({"INDEX_MORAY_SHARDS": [shard(1, last=True), shard(2)]}, "only the last shard must"),
        ({"INDEX_MORAY_SHARDS": [shard(1, last="false"), shard(2, last=True)]}, "only the last shard must"),
        ({"INDEX_MORAY_SHARDS": [{"host": "1.moray.other.example.com", "last": True}]}, "does not end in .moray."),
        ({"INDEX_MORAY_SHARDS": {"host": f"1.moray.{DOMAIN}"}}, "no list of objects"),
        ({"STORAGE_MORAY_SHARD": f"1.moray.{DOMAIN} "}, "no DNS name"),
        ({"STORAGE_MORAY_SHARD": "1.moray"}, "does not end in .moray."),
        ({"STORAGE_MORAY_SHARD": [f"1.moray.{DOMAIN}"]}, "no text"),
        ({"DOMAIN_NAME": "other.srv.example.com"}, "DOMAIN_NAME"),
        ({"REGION": "other"}, "REGION"),
    ],
)
def test_a_wrong_value_is_told_with_its_key_and_mended(values: dict[str, Any], told: str) -> None:
    world = with_services(application(**values), f"1.moray.{DOMAIN}", f"2.moray.{DOMAIN}")
    result = found(world, ASSIGNED)
    assert (result.outcome, told in result.observed) == (FAILED, True), result.observed
    advice = advice_for(s.cause(ASSIGNED, "my-dc"), world)
    wanted = advice.steps[0].actions[0].wanted  # type: ignore[union-attr]
    assert (
        found(
            with_services(application(**(values | wanted)), f"1.moray.{DOMAIN}", f"2.moray.{DOMAIN}"), ASSIGNED
        ).outcome
        == PASSED
    )


def test_a_shard_that_nobody_serves_is_one_cause_and_its_remedy_names_one_that_is() -> None:
    storage = f"2.moray.{DOMAIN}"
    result = found(with_services(application(STORAGE_MORAY_SHARD=storage), f"1.moray.{DOMAIN}"), SERVED)
    assert result.outcome == FAILED
    assert storage in result.observed
    advice = advice_for(
        s.cause(SERVED, "my-dc"), with_services(application(STORAGE_MORAY_SHARD=storage), f"1.moray.{DOMAIN}")
    )
    assert advice.steps[0].actions[0].wanted == {"STORAGE_MORAY_SHARD": f"1.moray.{DOMAIN}"}  # type: ignore[union-attr]
    several = with_services(application(STORAGE_MORAY_SHARD=storage), f"1.moray.{DOMAIN}", f"3.moray.{DOMAIN}")
    assert not advice_for(s.cause(SERVED, "my-dc"), several).steps
    assert found(deployed(), SERVED).outcome == PASSED, "nothing is deployed yet"
    assert found(manta(application()), SERVED).outcome == NOT_APPLICABLE, "older evidence"


def test_manta_keeps_the_name_under_which_it_was_deployed() -> None:
    old = "renamed.srv.example.com"
    values = {"INDEX_MORAY_SHARDS": [{"host": f"1.moray.{old}", "last": True}], "STORAGE_MORAY_SHARD": f"1.moray.{old}"}
    app = application(**values, DOMAIN_NAME=old, REGION="renamed")
    assert found(with_services(app, f"1.moray.{old}"), ASSIGNED).outcome == PASSED


def test_a_value_that_an_instance_hides_is_told_with_level_uuid_and_key() -> None:
    other = f"2.moray.{DOMAIN}"
    world = deployed(f"1.moray.{DOMAIN}", STORAGE_MORAY_SHARD=other)
    result = found(world, OVERRIDDEN)
    assert result.outcome == FAILED
    for told in (
        "the instance 00000000-0000-4000-8000-000000000099",
        "webapi in my-dc-1",
        f"STORAGE_MORAY_SHARD: {other}",
    ):
        assert told in result.observed
    assert result.culprits == ("my-dc-1",)
    assert '"action":"delete"' in advice_for(s.cause(OVERRIDDEN, "my-dc"), world).steps[0].run
    assert found(deployed(f"1.moray.{DOMAIN}", STORAGE_MORAY_SHARD=f"1.moray.{DOMAIN}"), OVERRIDDEN).outcome == PASSED


def used(
    keys: tuple[str, ...] = (KEY["ADMIN_KEY_ID"],), *, disabled: bool = False, operator: bool = True, **app: Any
) -> World:
    world = manta(application(**(KEY | app)))
    ufds = world.datacenter("my-dc-2").zones("ufds")[0]
    operators = tuple(uuid for uuid in ufds.directory.operators or () if operator or uuid != s.POSEIDON)
    return s.changed_zone(
        world,
        "my-dc-2",
        ufds.alias,
        poseidons=s.fact((Account(s.POSEIDON, "poseidon", disabled),)),
        poseidon_keys=s.fact(tuple(Key(each, "any name") for each in keys)),
        directory=s.fact(replace(ufds.directory, operators=operators)),
    )


@pytest.mark.parametrize(
    ("world", "told"),
    [
        (used(disabled=True), "it is disabled"),
        (used(()), "it has no key"),
        (used(("00:" * 15 + "00",)), "is not among its keys"),
        (used(operator=False), "not in the group operators"),
        (used((), disabled=True, operator=False), "it has no key"),
    ],
)
def test_what_keeps_poseidon_from_its_work_is_one_finding_at_the_master(world: World, told: str) -> None:
    result = found(world, POSEIDON, "my-dc-2")
    assert (result.outcome, told in result.observed) == (FAILED, True), result.observed
    advice = advice_for(s.cause(POSEIDON, "my-dc-2"), world)
    assert len(advice.steps) == result.observed.count(s.POSEIDON)
    assert {step.on for step in advice.steps} == {"my-dc-2.global"}


@pytest.mark.parametrize(
    "world",
    [
        used(),
        used((KEY["ADMIN_KEY_ID"], "00:" * 15 + "00")),
        used(ADMIN_KEY_ID="SHA256:ac1Gkfhf0jPgAIHrd8e42ovF29YUdVNPSAMPLEFAKE0"),
        used(("00:" * 15 + "00",), ADMIN_KEY_ID=None, ADMIN_PUBLIC_KEY=None),
    ],
)
def test_a_poseidon_with_its_key_is_well(world: World) -> None:
    assert found(world, POSEIDON, "my-dc-2").outcome == PASSED


def test_where_no_manta_is_expected_a_disabled_poseidon_is_nobodys_fault() -> None:
    world = used((), disabled=True)
    without = replace(world.inventory, expect=replace(world.inventory.expect, manta=False))
    assert world.evidence is not None
    plain = replace(world.evidence, inventory=without)
    assert found(World(without, plain), POSEIDON, "my-dc-2").outcome == PASSED


def test_the_fingerprint_of_a_public_key_is_that_of_ufds() -> None:
    assert fingerprint(KEY["ADMIN_PUBLIC_KEY"]) == KEY["ADMIN_KEY_ID"]
    assert fingerprint("ssh-rsa no+base64=!") == fingerprint("") == ""
