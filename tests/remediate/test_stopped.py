"""The way on after an sdc-ufds-m2s that was stopped, or typed on the wrong head node: nothing that was saved is lost."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from evidence.comparison import MISSING, Comparison, EntryDifference
from evidence.model import Change, Checkpoint, Directory, Progress, Service
from evidence.subjects.replicated import is_replicated
from evidence.subjects.spec import FAILED, PASSED
from evidence.subjects.triton import ADMIN_UUID, REPLICATOR
from evidence.subjects.world import World
from remediate.registry import advice_for
from remediate.steps import DESTROYS
from tests.judging import check_functions, results
from tests.remediate import synthetic as s
from tests.remediate.candidate import with_candidate

DC, MASTER = "my-dc-3", "my-dc-2"
USERS = "ou=users, o=smartdc"
ADMIN = f"uuid={ADMIN_UUID}, {USERS}"
URL = "ldaps://10.2.2.29"
SAVED = ("/var/tmp/backup.ldif", "/var/tmp/restore.ldif")
OWN = f"uid=a003e83955d06aab4e0715b91bd34a1c, cn=replicator, datacenter={DC}, o=smartdc"


def stopped(**held: object) -> World:
    world = s.changed(with_candidate(), DC, leftovers=s.fact(SAVED))
    whole = world.datacenter(DC).evidence.zones.get()["ufds0"].directory
    assert whole is not None
    return s.changed_zone(world, DC, "ufds0", directory=s.fact(replace(whole.get(), **held)))


def in_maintenance(progress: Progress, *differences: EntryDifference) -> World:
    missing = sum(each.kind == MISSING for each in differences)
    return s.changed_zone(
        s.healthy(),
        DC,
        "ufds0",
        services=s.fact((Service(REPLICATOR, "maintenance"),)),
        progress=s.fact(progress),
        directory=s.fact(Directory(1, checkpoints=(Checkpoint(URL, 44, (), OWN),))),
        comparison=s.fact(Comparison(9, missing, 0, 0, differences)),
    )


def test_what_was_deleted_below_admin_is_loaded_again_and_m2s_is_not_started() -> None:
    steps = advice_for(s.cause("candidate-is-still-whole", DC), stopped(operators=None, readers=False)).steps
    assert "cp" not in steps[0].run
    assert "for file in /var/tmp/backup.ldif /var/tmp/restore.ldif; do" in steps[0].run  # the copy comes first
    assert 'sdc-ldap add -c -f "$from"' in steps[-1].run
    assert all(step.run != "sdc-ufds-m2s" for step in steps)


def test_without_admin_it_is_started_again_behind_the_copy() -> None:
    advice = advice_for(s.cause("candidate-is-still-whole", DC), stopped(admin=False, operators=None, readers=False))
    copy, again = advice.steps
    assert "/var/az-copies/" in copy.run
    assert (again.run, again.risk) == ("sdc-ufds-m2s", DESTROYS)
    assert any("amon-probes-are-back prints the command" in note for note in advice.notes)


def test_a_replicator_that_was_made_is_no_reason_to_go_back() -> None:
    world = s.changed_metadata(with_candidate(), DC, ufds_is_master="false", ufds_remote_ip="10.2.2.29")
    assert advice_for(s.cause("candidate-is-not-coupled-yet", DC), world).steps
    world = s.changed_zone(world, DC, "ufds0", services=s.fact((Service(REPLICATOR, "online"),)))
    advice = advice_for(s.cause("candidate-is-not-coupled-yet", DC), world)
    assert advice.steps == ()
    assert any("The way on is that of a replica" in note for note in advice.notes)


def test_a_replicator_is_not_started_before_an_entry_of_the_same_name() -> None:
    dn = f"uuid=dddddddd-0000-4000-8000-000000000001, {USERS}"
    progress = Progress(60, 44, 44, next=Change(47, dn, "add"), conflict=dn)
    lacking = in_maintenance(progress, EntryDifference(f"uuid=e, {USERS}", MISSING))
    (step,) = advice_for(s.cause("replicator-runs", DC), lacking).steps
    assert "changenumber: 48" in step.run  # past this one change, and no further
    assert step.run.index("changenumber: 48") < step.run.index(f"clear {REPLICATOR}")
    assert not step.applied_by_suite
    (step,) = advice_for(s.cause("replicator-runs", DC), in_maintenance(progress)).steps
    assert "changenumber: 61" in step.run  # it has all, so past what the master has


def test_a_replicator_is_not_started_before_an_admin_with_the_same_address() -> None:
    progress = Progress(60, 44, 44, next=Change(47, f"uuid=d, {USERS}", "add"), conflict=ADMIN)
    advice = advice_for(s.cause("replicator-runs", DC), in_maintenance(progress))
    assert advice.steps == ()
    assert any(f"change 47 (add uuid=d, {USERS})" in note and ADMIN in note for note in advice.notes)
    assert any("only when one of the two has another" in note for note in advice.notes)


def following(address: str) -> World:
    world = s.changed_metadata(s.healthy(), DC, ufds_remote_ip=address)
    left = Directory(1, checkpoints=(Checkpoint(f"ldaps://{address}", 44, (), OWN),))
    return s.changed_zone(world, DC, "ufds0", directory=s.fact(left))


@pytest.mark.parametrize("address", ["10.1.2.29", "192.0.2.77"], ids=["a-replicas", "nobodys"])
def test_one_with_a_checkpoint_of_another_alone_gets_no_step(address: str) -> None:
    """With the master's address it would begin at change 0 on a full directory, and nobody has tried that."""
    advice = advice_for(s.cause("replica-points-at-master", DC), following(address))
    assert advice.steps == ()
    assert any("No step is given" in note for note in advice.notes)


def test_one_that_follows_itself_becomes_a_candidate_again() -> None:
    """sdc-ufds-m2s was given its own address, so it has nothing of the master's: the coupling is taken back, and begun anew."""
    advice = advice_for(s.cause("replica-points-at-master", DC), following("10.3.2.29"))
    assert advice.steps == ()
    assert any("follows itself" in note and "`state: candidate`" in note for note in advice.notes)


def test_of_a_candidate_that_follows_itself_the_replicator_goes() -> None:
    held = Directory(1, checkpoints=(Checkpoint("ldaps://10.3.2.29", 44, (), OWN),))
    world = s.changed_metadata(with_candidate(), DC, ufds_is_master="false", ufds_remote_ip="10.3.2.29")
    known = world.datacenter(DC).evidence.zones.get()["ufds0"].services.get()
    services = s.fact((*known, Service(REPLICATOR, "maintenance")))
    world = s.changed_zone(world, DC, "ufds0", directory=s.fact(held), services=services)
    advice = advice_for(s.cause("candidate-is-not-coupled-yet", DC), world)
    lines = [step.run for step in advice.steps]
    assert f"svcadm disable -s {REPLICATOR} && svccfg delete {REPLICATOR}" in lines[0]
    assert lines[1].startswith(f"sdc-ldap delete '{OWN}'")
    assert '"ufds_is_master":"true"' in lines[2]
    assert not any("No step is given" in note for note in advice.notes)
    assert not any(step.applied_by_suite for step in advice.steps[:3])


def test_what_no_replicator_applies_is_not_called_its_next_change() -> None:
    own = ("o=smartdc", "ou=users, o=smartdc", "datacenter=my-dc-2, o=smartdc", OWN, f"amonprobe=x, {ADMIN}")
    assert [dn for dn in own if is_replicated(dn)] == []
    theirs = (ADMIN, "cn=readers, ou=groups, o=smartdc", "cn=version, o=smartdc", "region=my-dc, o=smartdc")
    assert all(
        map(is_replicated, (*theirs, "ip=10.1.1.11, network=admin, datacenter=my-dc-1, region=my-dc, o=smartdc"))
    )


def typed_on_the_master() -> World:
    world = s.healthy()
    zones = world.datacenter(MASTER).evidence.zones.get()
    services = (*zones["ufds0"].services.get(), Service(REPLICATOR, "online"))
    held = zones["ufds0"].directory
    assert held is not None
    left = replace(held.get(), checkpoints=(Checkpoint(URL, 44, (), OWN.replace(DC, MASTER)),))
    world = s.changed(world, MASTER, leftovers=s.fact(SAVED))
    return s.changed_zone(world, MASTER, "ufds0", services=s.fact(services), directory=s.fact(left))


def master_row(world: World) -> tuple[str, str]:
    check_functions()
    (row,) = (each for each in results(world) if each.check == "one-ufds-master")
    return row.outcome, row.observed


def test_the_replicator_that_m2s_left_on_the_master_is_named_and_stopped() -> None:
    assert master_row(s.healthy())[0] == PASSED
    outcome, observed = master_row(typed_on_the_master())
    assert outcome == FAILED
    assert "my-dc-2 has svc:/smartdc/application/ufds-replicator:default of my-dc-2.ufds0" in observed
    assert "sdc-ufds-m2s was typed on its head node" in observed
    steps = advice_for(s.cause("one-ufds-master", "coupling"), typed_on_the_master()).steps
    assert " disable " in steps[0].run
    assert REPLICATOR in steps[0].run
    assert "sdc-ldap delete" in steps[1].run


def test_an_admin_that_the_master_lost_comes_back_from_a_replica_that_has_it() -> None:
    world = typed_on_the_master()
    lost = s.changed_zone(world, MASTER, "ufds0", directory=s.fact(Directory(1, admin=False)))
    copy, back = advice_for(s.cause("master-has-admin-and-operators", MASTER), lost).steps
    assert "/var/az-copies/" in copy.run
    assert ADMIN in back.run
    assert back.on == "operator"
    assert "/var/tmp/backup.ldif" in str(
        [row.observed for row in results(lost) if row.check == "master-has-admin-and-operators"]
    )


def test_of_a_replica_whose_key_says_master_it_is_told_where_m2s_ended_only_with_its_files() -> None:
    world = s.changed(s.healthy(), DC, leftovers=s.fact(SAVED))
    settings = world.datacenter(DC).sdc_metadata
    old = replace(settings, values=settings.values | {"ufds_is_master": "true", "ufds_remote_ip": ""})
    for left, told in ((SAVED, True), ((), False)):
        seen = s.changed(world, DC, leftovers=s.fact(left), usbkey=s.fact(old))
        notes = advice_for(s.cause("usbkey-agrees-with-sapi", DC), seen).notes
        assert any("sdc-ufds-m2s ended between its steps" in note for note in notes) == told
