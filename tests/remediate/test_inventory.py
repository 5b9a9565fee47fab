"""While the inventory is wrong, no step changes a datacenter; and a working coupling is never undone."""

from __future__ import annotations

from msgspec.structs import replace

from evidence.fact import missing
from evidence.inventory.model import BY_ENDPOINTS, Endpoint
from evidence.model import Checkpoint, Directory, Registered
from evidence.subjects.claims import judged
from remediate.plan import make_plan
from remediate.registry import advice_for, remedies
from tests.judging import verdict_on
from tests.recording import recorded
from tests.remediate import synthetic as s
from tests.remediate.candidate import with_candidate

DC = "my-dc-3"


def test_no_step_is_given_while_the_inventory_is_wrong() -> None:
    """This holds whatever else is found, and for every check."""
    evidence = recorded("replicator-stopped-at-my-dc-1")
    wrong = replace(evidence.inventory.datacenters[DC], state="candidate")
    told = replace(evidence.inventory, datacenters=evidence.inventory.datacenters | {DC: wrong}, path="region.yaml")
    world = judged(told, evidence)
    verdict = verdict_on(replace(evidence, inventory=told))
    names = [str(cause.name) for cause in verdict.causes]
    assert names == ["inventory-agrees[coupling]", "replicator-runs[my-dc-1]"]
    plan = make_plan(verdict.causes, world)
    assert [entry.steps for entry in plan.entries] == [(), ()]
    assert "The inventory is wrong in region.yaml" in plan.entries[0].notes[0]
    for check in remedies():
        assert advice_for(s.cause(check, DC), world).steps == ()


def test_what_sdc_ufds_m2s_has_got_to_replicate_is_not_taken_back() -> None:
    """Only its last step, /usbkey/config, is missing: the datacenter replicates, and going back would lose its data."""
    world = s.changed_metadata(with_candidate(), DC, ufds_is_master="false", ufds_remote_ip="10.2.2.29")
    held = Directory(100, admin=True, checkpoints=(Checkpoint("ldaps://10.2.2.29", 90),))
    advice = advice_for(
        s.cause("candidate-is-not-coupled-yet", DC), s.changed_zone(world, DC, "ufds0", directory=s.fact(held))
    )
    assert advice.steps == ()
    assert "would break what works" in advice.notes[0]


def test_a_candidate_by_endpoints_that_is_coupled_is_not_judged_by_its_accounts() -> None:
    """Its /usbkey/config cannot be seen, but its SAPI says enough, and nobody may delete the accounts of a replica."""
    world = s.changed_metadata(with_candidate(), DC, ufds_is_master="false", ufds_remote_ip="10.9.9.9")
    hidden = missing(DC, "the head node's configuration", "config.sh", BY_ENDPOINTS, hidden=True)
    world = s.changed(world, DC, usbkey=hidden)
    one = replace(world.told.datacenters[DC], headnode="", endpoints={"ufds": Endpoint("10.3.2.29", 636)})
    told = replace(world.told, datacenters=world.told.datacenters | {DC: one})
    assert world.evidence is not None
    rows = verdict_on(replace(world.evidence, inventory=told)).results
    outcomes = {row.result.check: row.result.outcome for row in rows if row.result.subject == DC}
    assert outcomes["candidate-is-not-coupled-yet"] == "failed"


def test_a_datacenter_that_is_listed_in_another_region_is_not_registered_a_second_time() -> None:
    """For example, its head node is dark, so nobody can tell whether the file or the UFDS is right."""
    world = s.healthy()
    listed = tuple(Registered("my-dc", name, network=True, resolvers=("10.1.1.11",)) for name in ("my-dc-1", DC))
    held = s.fact(Directory(100, admin=True, regions=("my-dc",), datacenters=listed))
    told = replace(world.told.datacenters[DC], region="MY-DC")
    seen = s.changed(s.changed_zone(world, "my-dc-2", "ufds0", directory=held), DC, applications="dark", usbkey="dark")
    world = judged(replace(world.told, datacenters=world.told.datacenters | {DC: told}), seen.evidence)
    advice = advice_for(s.cause("datacenters-are-registered", "MY-DC"), world)
    assert advice.steps == ()
    assert "No step registers it a second time" in advice.notes[0]
