"""Where the datacenters agree with each other and contradict the inventory, the inventory is wrong; and only there."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from evidence.inventory.model import Inventory
from evidence.model import Checkpoint, Directory, Evidence, Registered
from evidence.subjects.claims import judged
from evidence.subjects.world import World
from remediate.plan import make_plan
from tests.judging import verdict_on
from tests.recording import recorded
from tests.remediate import synthetic as s

EVIDENCE = recorded("healthy")
TOLD = EVIDENCE.inventory
ADDRESS = "10.2.2.29"


def world(inventory: Inventory = TOLD) -> World:
    return judged(inventory, EVIDENCE)


def declared(name: str, **fields: str) -> Inventory:
    one = replace(TOLD.datacenters[name], **fields)
    return replace(TOLD, datacenters=TOLD.datacenters | {name: one})


def mastered(name: str) -> Inventory:
    others = {each: replace(one, state="replica", ufds_address="") for each, one in TOLD.datacenters.items()}
    return replace(TOLD, master=name, datacenters=others | {name: replace(others[name], state="master")})


CASES = {
    "nothing": (TOLD, []),
    "candidate": (declared("my-dc-3", state="candidate"), ["datacenters.my-dc-3.state"]),
    "master": (mastered("my-dc-3"), ["master"]),
    "capitals": (declared("my-dc-1", region="MY-DC"), ["datacenters.my-dc-1.region"]),
    "address": (declared("my-dc-2", ufds_address="10.2.2.92"), ["datacenters.my-dc-2.ufds_address"]),
    "another NIC": (declared("my-dc-2", ufds_address="10.2.1.29"), []),
    "domain": (replace(TOLD, dns_domain="example.org"), ["dns_domain"]),
    "the same domain": (replace(TOLD, dns_domain="srv.example.com"), []),
}


@pytest.mark.parametrize("case", CASES)
def test_the_line_is_named_and_the_rest_judged_by_what_the_datacenters_agree_on(case: str) -> None:
    inventory, keys = CASES[case]
    seen = world(inventory)
    assert [mistake.key for mistake in seen.mistakes] == keys
    assert seen.inventory.master == "my-dc-2"
    assert {dc.name: (dc.state, dc.declared.region) for dc in seen.datacenters} == {
        "my-dc-1": ("replica", "my-dc"), "my-dc-2": ("master", "my-dc"), "my-dc-3": ("replica", "my-dc"),
    }  # fmt: skip
    verdict = verdict_on(replace(EVIDENCE, inventory=inventory))
    assert [str(cause.name) for cause in verdict.causes] == ["inventory-agrees[coupling]"] * bool(keys)


def test_what_was_compared_with_a_wrong_master_is_not_known() -> None:
    rows = verdict_on(replace(EVIDENCE, inventory=mastered("my-dc-1"))).results
    (moves,) = (row for row in rows if (row.result.check, row.result.subject) == ("replicator-moves", "my-dc-3"))
    assert moves.result.outcome == "blocked"
    assert "compared with my-dc-1, which is not the master" in moves.result.observed


def test_two_mistakes_are_both_told() -> None:
    inventory = replace(CASES["capitals"][0], dns_domain="example.org")
    assert [each.key for each in world(inventory).mistakes] == ["datacenters.my-dc-1.region", "dns_domain"]


def candidate(**metadata: object) -> World:
    """A synthetic coupling whose my-dc-3 is called a candidate. It is coupled in all respects except the given ones."""
    seen = s.changed_metadata(s.healthy(), "my-dc-3", **metadata)
    one = replace(seen.inventory.datacenters["my-dc-3"], state="candidate")
    return judged(replace(seen.inventory, datacenters=seen.inventory.datacenters | {"my-dc-3": one}), seen.evidence)


def test_one_witness_that_says_otherwise_is_enough_to_leave_the_file_alone() -> None:
    """An aborted sdc-ufds-m2s leaves such a state. Then the file may be right, and the datacenter is judged."""
    assert candidate().mistakes
    assert not candidate(ufds_is_master="true").mistakes
    assert not candidate(ufds_remote_ip="10.1.2.29").mistakes
    no_checkpoint = s.fact(Directory(100, admin=True))
    assert not s.changed_zone(candidate(), "my-dc-3", "ufds0", directory=no_checkpoint).mistakes
    assert not s.changed_zone(candidate(), "my-dc-3", "ufds0", services=s.fact(())).mistakes
    without_admin = s.fact(Directory(100, checkpoints=(Checkpoint(f"ldaps://{ADDRESS}", 90),)))
    assert not s.changed_zone(candidate(), "my-dc-3", "ufds0", directory=without_admin).mistakes


@pytest.mark.parametrize("fact", ["applications", "usbkey", "zones"])
def test_what_was_not_seen_contradicts_nobody(fact: str) -> None:
    assert not s.changed(candidate(), "my-dc-3", **{fact: "dark"}).mistakes


def test_m2s_typed_at_the_master_makes_no_other_one_the_master() -> None:
    """The master names a replica as its master, and the replica still names the master. Such a contradiction proves nothing."""
    told = s.changed_metadata(s.healthy(), "my-dc-2", ufds_is_master="false", ufds_remote_ip="10.1.2.29")
    told = s.changed(told, "my-dc-2", usbkey=s.fact(told.datacenter("my-dc-2").sdc_metadata))
    follows = s.fact(Directory(100, admin=True, checkpoints=(Checkpoint("ldaps://10.1.2.29", 9),)))
    assert not s.changed_zone(told, "my-dc-2", "ufds0", directory=follows).mistakes


@pytest.mark.parametrize("region", ["$(id)", "my-dc-2", "coupling", "a b", ""])
def test_no_datacenter_talks_the_suite_into_a_region_that_is_no_name(region: str) -> None:
    told = s.changed_metadata(s.healthy(), "my-dc-1", region_name=region)
    told = s.changed(told, "my-dc-1", usbkey=s.fact(told.datacenter("my-dc-1").sdc_metadata))
    listed = s.fact(Directory(100, admin=True, datacenters=(Registered(region, "my-dc-1"),)))
    assert not s.changed_zone(told, "my-dc-2", "ufds0", directory=listed).mistakes


@pytest.mark.parametrize("wrong", ["my-dc-1", "my-dc-3"])
@pytest.mark.parametrize("fault", ["headnode-dark-at-my-dc-2", "ufds-hangs-at-my-dc-2.ufds0", "no-master-at-my-dc-2"])
def test_a_replica_that_is_called_master_is_none_even_where_the_true_one_is_not_seen(fault: str, wrong: str) -> None:
    """Otherwise it would be told to become the master, and its own master would follow nobody."""
    evidence = replace(recorded(fault), inventory=mastered(wrong))
    seen = judged(evidence.inventory, evidence)
    assert [mistake.key for mistake in seen.mistakes] == ["master"]
    assert [entry.steps for entry in make_plan(verdict_on(evidence).causes, seen).entries if entry.steps] == []


def test_a_candidate_that_is_called_master_makes_no_candidate_of_the_true_one() -> None:
    """The accounts of a datacenter that is called a candidate are deleted."""
    evidence = recorded("healthy-candidate-my-dc-3")
    told = evidence.inventory
    others = {each: replace(one, state="replica", ufds_address="") for each, one in told.datacenters.items()}
    told = replace(told, master="my-dc-3", datacenters=others | {"my-dc-3": replace(others["my-dc-3"], state="master")})
    seen = judged(told, evidence)
    assert [(mistake.key, mistake.said) for mistake in seen.mistakes] == [("master", "master: my-dc-3")]
    states = {dc.name: dc.state for dc in seen.datacenters}
    assert states == {"my-dc-1": "replica", "my-dc-2": "master", "my-dc-3": "candidate"}
    assert [str(c.name) for c in verdict_on(replace(evidence, inventory=told)).causes] == ["inventory-agrees[coupling]"]


@pytest.mark.parametrize(
    "fault", ["headnode-dark-at-my-dc-2", "headnode-cuts-at-my-dc-3", "service-cut-at-my-dc-1.sapi0"]
)
def test_a_datacenter_that_is_not_seen_makes_no_typo_right(fault: str) -> None:
    """Otherwise the others would be renamed, or a region of that name would be made in the master's UFDS."""
    evidence = recorded(fault)
    before = set(steps(evidence))
    for told in (
        replace(TOLD, dns_domain="example.org"),
        *(declared(name, region="MY-DC") for name in TOLD.datacenters),
    ):
        assert set(steps(replace(evidence, inventory=told))) <= before


def test_a_domain_that_nobody_has_is_the_files_mistake_though_one_datacenter_has_a_third() -> None:
    evidence = replace(recorded("dns-domain-at-my-dc-1"), inventory=replace(TOLD, dns_domain="example.org"))
    assert [mistake.key for mistake in judged(evidence.inventory, evidence).mistakes] == ["dns_domain"]
    one_has_it = recorded("dns-domain-at-my-dc-1")
    wrong = str(one_has_it.datacenters["my-dc-1"].applications.get()["sdc"].metadata.values["dns_domain"])
    assert not judged(replace(TOLD, dns_domain=wrong), one_has_it).mistakes


def test_an_address_of_another_datacenter_is_not_the_masters_though_it_answers() -> None:
    evidence = recorded("remote-ip-at-my-dc-3")
    followed = str(evidence.datacenters["my-dc-3"].applications.get()["sdc"].metadata.values["ufds_remote_ip"])
    told = declared("my-dc-2", ufds_address=followed)
    assert [mistake.key for mistake in judged(told, evidence).mistakes] == ["datacenters.my-dc-2.ufds_address"]


def steps(evidence: Evidence) -> list[str]:
    plan = make_plan(verdict_on(evidence).causes, judged(evidence.inventory, evidence))
    return [planned.step.run for entry in plan.entries for planned in entry.steps]
