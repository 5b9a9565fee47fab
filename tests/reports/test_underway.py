"""While somebody waits for sdc-ufds-m2s, he is told at which step it is, and how much has replicated."""

from __future__ import annotations

from msgspec.structs import replace

from evidence.model import Checkpoint, Directory, Service
from evidence.subjects.triton import REPLICATOR
from evidence.subjects.world import World
from reports.underway import underway
from tests.remediate import synthetic as s
from tests.remediate.candidate import with_candidate

DC, MASTER = "my-dc-3", "my-dc-2"


def replicating(change: int, latest: int) -> World:
    """The replicator of a candidate runs, and admin has not come yet."""
    world = s.changed_metadata(with_candidate(), DC, ufds_is_master="false", ufds_remote_ip="10.2.2.29")
    checkpoint = Checkpoint("ldaps://10.2.2.29", change, (), "uid=x, cn=replicator, datacenter=my-dc-3, o=smartdc")
    world = s.changed_zone(
        world,
        DC,
        "ufds0",
        services=s.fact((Service(REPLICATOR, "online"),)),
        directory=s.fact(Directory(1, checkpoints=(checkpoint,))),
    )
    held = world.datacenter(MASTER).evidence.zones.get()["ufds0"].directory
    assert held is not None
    return s.changed_zone(world, MASTER, "ufds0", directory=s.fact(replace(held.get(), latest=latest)))


def test_a_healthy_coupling_and_a_candidate_say_nothing() -> None:
    assert underway(with_candidate()) == ()


def test_the_step_and_the_changes_are_told() -> None:
    (told,) = (each for each in underway(replicating(120, 400)) if each.startswith(DC))
    assert "between its steps 19 and 20" in told
    assert "20: it waits for admin" in told
    assert "120 of 400 changes of the master are replicated" in told


def test_what_nobody_could_ask_is_not_told() -> None:
    assert [each for each in underway(s.changed(replicating(1, 2), DC, zones="dark")) if each.startswith(DC)] == []
