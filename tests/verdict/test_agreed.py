"""What no inventory names: whose admin it is, and at which address a replica goes on."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from evidence.model import Checkpoint, Service
from evidence.subjects.agreed import KEY, admin_uuid
from evidence.subjects.claims import Standing, judged, standing
from evidence.subjects.followed import address_to_follow
from evidence.subjects.spec import FAILED
from evidence.subjects.triton import ADMIN_UUID, REPLICATOR
from evidence.subjects.world import World
from tests.judging import check_functions, results
from tests.remediate import synthetic as s

MASTER, REPLICA = "my-dc-2", "my-dc-3"
OTHER = "830896af-bf8c-48d4-885c-6573a94b1853"
FOLLOWED, ADMINS = "10.2.2.29", "10.2.1.29"


def failed(world: World, check: str) -> list[str]:
    check_functions()
    return [each.subject for each in results(world) if each.check == check and each.outcome == FAILED]


@pytest.mark.parametrize("wrong", [OTHER, ADMIN_UUID.upper()])
def test_the_master_alone_is_wrong_about_admin(wrong: str) -> None:
    world = s.changed_metadata(s.healthy(), MASTER, **{KEY: wrong})
    assert admin_uuid(world) == ADMIN_UUID
    assert failed(world, "admin-uuid-agrees") == [MASTER]


def test_one_that_the_masters_operators_know_is_right_whoever_names_another() -> None:
    world = s.healthy()
    for datacenter in ("my-dc-1", REPLICA):
        world = s.changed_metadata(world, datacenter, **{KEY: OTHER})
    assert failed(world, "admin-uuid-agrees") == ["my-dc-1", REPLICA]


def test_without_operators_the_most_decide() -> None:
    world = s.changed_metadata(s.healthy(), MASTER, **{KEY: OTHER})
    seen = world.master.zones("ufds")[0].directory
    world = s.changed_zone(world, MASTER, "ufds0", directory=s.fact(replace(seen, operators=None)))
    assert admin_uuid(world) == ADMIN_UUID


def followed_by(used: str, **reached: int) -> World:
    """my-dc-3 names this address, and came so far with `ten_two_two`, which it followed, and `ten_two_one`, another NIC of the master's."""
    urls = {"ten_two_two": FOLLOWED, "ten_two_one": ADMINS}
    world = s.changed_metadata(s.healthy(), REPLICA, ufds_remote_ip=used)
    seen = world.datacenter(REPLICA).zones("ufds")[0].directory
    checkpoints = tuple(Checkpoint(f"ldaps://{urls[name]}", number) for name, number in reached.items())
    return s.changed_zone(world, REPLICA, "ufds0", directory=s.fact(replace(seen, checkpoints=checkpoints)))


def test_a_replica_that_follows_nobody_goes_on_where_it_came_furthest() -> None:
    world = followed_by(ADMINS, ten_two_two=900, ten_two_one=3)
    assert address_to_follow(world.datacenter(REPLICA)) == FOLLOWED
    assert failed(world, "replica-points-at-master") == [REPLICA]


def test_one_that_follows_well_stays_where_it_is() -> None:
    world = followed_by(FOLLOWED, ten_two_two=3, ten_two_one=900)
    assert address_to_follow(world.datacenter(REPLICA)) == FOLLOWED
    assert failed(world, "replica-points-at-master") == []


def test_without_a_checkpoint_for_the_master_nobody_knows() -> None:
    assert address_to_follow(followed_by(ADMINS).datacenter(REPLICA)) is None


@pytest.mark.parametrize("declared", ["", "otherwise"])
def test_a_domain_is_spelt_as_most_have_it(declared: str) -> None:
    world = s.healthy()
    domain = str(world.master.sdc_metadata.values["dns_domain"])
    told = replace(world.inventory, dns_domain=declared and domain.title() + ".")
    assert world.evidence is not None
    world = s.changed_metadata(judged(told, world.evidence), MASTER, dns_domain=domain.upper())
    assert world.evidence is not None
    world = judged(told, world.evidence)
    assert (world.inventory.dns_domain, world.mistakes) == (domain, ())
    assert failed(world, "dns-domain-agrees") == [MASTER]


def test_a_master_that_was_given_its_own_address_is_the_master_still() -> None:
    """sdc-ufds-m2s was typed on its head node: its settings, its replicator and its checkpoint say that it follows itself."""
    world = s.changed_metadata(s.healthy(), MASTER, ufds_is_master="false", ufds_remote_ip=FOLLOWED)
    seen = world.master.zones("ufds")[0].directory
    held = replace(seen, checkpoints=(Checkpoint(f"ldaps://{FOLLOWED}", 44),))
    services = (*(world.master.zones("ufds")[0].evidence.services.value or ()), Service(REPLICATOR, "online"))
    usbkey = world.master.usbkey
    told = replace(usbkey, values=usbkey.values | {"ufds_is_master": "false", "ufds_remote_ip": FOLLOWED})
    world = s.changed_zone(world, MASTER, "ufds0", directory=s.fact(held), services=s.fact(services))
    world = s.changed(world, MASTER, usbkey=s.fact(told))
    assert standing(world.master) == Standing(FOLLOWED, True)
    assert world.evidence is not None
    assert judged(world.inventory, world.evidence).mistakes == ()
    assert failed(world, "one-ufds-master") == ["coupling"]
