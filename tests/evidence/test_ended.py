"""At which step sdc-ufds-m2s ended, by what is gone, set and left."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from evidence.model import Directory, Key, Registered, Service
from evidence.subjects.ended import ended, told
from evidence.subjects.triton import ADMIN_UUID, REPLICATOR
from evidence.subjects.world import World
from tests.remediate import synthetic as s
from tests.remediate.candidate import with_candidate

DC, MASTER = "my-dc-3", "my-dc-2"
WHOLE = Directory(1, version=9, admin=True, keys=(Key("aa", "id_rsa"),), operators=(ADMIN_UUID,), readers=True)
NO_GROUPS: dict[str, Any] = {"operators": None, "readers": False}
NO_ADMIN = NO_GROUPS | {"admin": False, "keys": ()}
KEPT = ("/var/tmp/backup.ldif", "/var/tmp/restore.ldif")


def stopped(
    changes: dict[str, Any], *, left: tuple[str, ...] = KEPT, sapi: str = "true", replicator: bool = False
) -> World:
    world = s.changed_metadata(with_candidate(), DC, ufds_is_master=sapi)
    services = world.datacenter(DC).evidence.zones.get()["ufds0"].services.get()
    services = tuple(each for each in services if each.fmri != REPLICATOR)
    services += (Service(REPLICATOR, "online"),) if replicator else ()
    world = s.changed_zone(world, DC, "ufds0", directory=s.fact(replace(WHOLE, **changes)), services=s.fact(services))
    return s.changed(world, DC, leftovers=s.fact(left))


def registered(world: World, *names: str) -> World:
    held = Directory(1, datacenters=tuple(Registered("my-dc", name, True, ("10.3.1.11",)) for name in names))
    return s.changed_zone(world, MASTER, "ufds0", directory=s.fact(held))


REPLICA: dict[str, Any] = {"sapi": "false", "replicator": True}


@pytest.mark.parametrize(
    ("world", "steps"),
    [
        (stopped({}, left=()), None),
        (stopped({"readers": False}, left=()), (9, 11)),
        (stopped(NO_GROUPS), (11, 13)),
        (stopped(NO_GROUPS | {"keys": ()}), (13, 14)),
        (stopped(NO_ADMIN), (14, 15)),
        (stopped(NO_ADMIN | {"version": None}), (16, 17)),
        (stopped(NO_ADMIN | {"version": None}, sapi="false"), (17, 18)),
        (stopped({}, sapi="false"), (17, 18)),
        (stopped(NO_ADMIN | {"version": None}, **REPLICA), (19, 20)),
        (registered(stopped({}, **REPLICA), "my-dc-1"), (21, 23)),
        (registered(stopped({}, **REPLICA), "my-dc-1", DC), (24, 26)),
    ],
)
def test_where_it_ended(world: World, steps: tuple[int, int] | None) -> None:
    assert ended(world.datacenter(DC)) == steps


def test_it_is_told_with_what_stands_and_what_was_saved() -> None:
    said = told(stopped(NO_GROUPS).datacenter(DC))
    assert "between its steps 11 (saves what is below admin" in said
    assert "my-dc-3 is now: its own master still, without groups" in said
    assert "What it saved: /var/tmp/backup.ldif, /var/tmp/restore.ldif." in said
    assert "without admin" not in told(stopped({}, sapi="false").datacenter(DC))
    assert "no file of it is there any more" in told(stopped({"readers": False}, left=()).datacenter(DC))
    assert told(stopped({}, left=()).datacenter(DC)) == ""
    assert told(s.changed(stopped(NO_GROUPS), DC, zones="dark").datacenter(DC)) == ""
