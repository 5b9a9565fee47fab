"""No step uses a value that is itself doubtful: addresses that nobody has, routes that lead nowhere, malformed values."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from evidence.accounts import Account
from evidence.model import FirewallRule, Network, Service
from evidence.subjects.claims import judged
from evidence.subjects.links import Link, links
from evidence.subjects.network.ground import doubt_about_destination, router
from evidence.subjects.network.paths import shut_out, unknown_to_napi, without_way_back
from evidence.subjects.world import World
from remediate.plan import make_plan
from remediate.registry import advice_for
from remediate.steps import Note, Step
from tests.judging import verdict_on
from tests.recording import recorded
from tests.remediate import synthetic as s

W = s.healthy()
EXTERNAL = "10.3.2.1"
CHECKS = ("adminui", "cloudapi", "headnode", "ufds")
MADE = {"10.1.1.0/24": "10.3.1.1", "10.2.1.0/24": "10.3.1.1", "10.2.2.29/32": "10.3.1.1"}


def stray(address: str) -> World:
    """my-dc-3 has another address for the master's UFDS, and nothing there answers."""
    world = s.changed_metadata(W, "my-dc-3", ufds_remote_ip=address)
    for check in CHECKS:
        for link in links(world, f"{check}-reaches-master-ufds"):
            if link.source.datacenter.name == "my-dc-3":
                world = s.probed(world, "my-dc-3", link.id, "timeout")
    return world


def to_the_master(world: World, check: str) -> Link:
    return next(
        link for link in links(world, f"{check}-reaches-master-ufds") if link.source.datacenter.name == "my-dc-3"
    )


@pytest.mark.parametrize(
    "address", ["10.2.2.99", "10.3.2.29", "10.1.2.29", "10.2.1.35", "nobody.example.com", "10.2.2.29 "]
)
@pytest.mark.parametrize("check", CHECKS)
def test_towards_an_address_that_nobody_has_there_is_no_step(address: str, check: str) -> None:
    world = stray(address)
    link = to_the_master(world, check)
    assert link.misses
    advice = advice_for(s.cause(link.check, link.id), world)
    assert [step for step in advice.steps if "route" in step.run or "napi" in step.run] == []
    assert "address" in advice.notes[0]


def test_an_address_that_is_the_targets_or_declared_is_no_question() -> None:
    assert not any(to_the_master(W, check).misses for check in CHECKS)
    inside = stray("10.2.1.29")  # the admin NIC of the master's UFDS
    assert not to_the_master(inside, "ufds").misses
    declared = W.inventory.datacenters | {
        "my-dc-2": replace(W.inventory.datacenters["my-dc-2"], ufds_address="192.0.2.99")
    }
    world = World(replace(W.inventory, datacenters=declared), stray("192.0.2.99").evidence)
    assert to_the_master(world, "ufds").doubt == ""


def test_nothing_is_opened_or_led_back_at_the_master_for_a_wrong_address() -> None:
    world = s.changed_zone(
        stray("10.2.2.99"), "my-dc-2", "ufds0", vm={"firewall_enabled": True, "routes": {}}, rules=s.fact(())
    )
    master = world.master.zones("ufds")[0]
    assert without_way_back(master) == ({}, None)
    assert shut_out(master) == ({}, None)
    assert unknown_to_napi(world.datacenter("my-dc-3")) == ([], None)


def test_where_the_master_is_dark_no_step_is_given_and_the_reason_is_said() -> None:
    world = s.changed(stray("10.2.2.29"), "my-dc-2", zones="dark")
    link = to_the_master(world, "cloudapi")
    assert not link.misses
    advice = advice_for(s.cause(link.check, link.id), world)
    assert advice.steps == ()
    assert "does not know" in advice.notes[0]


def test_of_a_dark_datacenter_the_router_is_known_all_the_same_and_nothing_new_is_led_there() -> None:
    world = s.without_napi_routes(s.changed(W, "my-dc-2", zones="dark", networks="dark"), "my-dc-3", "10.1.1.0/24")
    network = world.datacenter("my-dc-3").networks["admin"]
    assert router(world.datacenter("my-dc-3"), network) == "10.3.1.1"
    assert "is not known" in doubt_about_destination(world.datacenter("my-dc-3"), "10.2.3.0/24")
    assert "wider" in doubt_about_destination(world.datacenter("my-dc-3"), "10.1.0.0/16")


def test_the_declared_address_of_a_ufds_is_its_datacenters_wherever_it_lies() -> None:
    declared = W.inventory.datacenters | {
        "my-dc-2": replace(W.inventory.datacenters["my-dc-2"], ufds_address="192.0.2.99")
    }
    world = World(replace(W.inventory, datacenters=declared), W.evidence)
    assert doubt_about_destination(world.datacenter("my-dc-3"), "192.0.2.99/32") == ""
    assert "no other datacenter has" in doubt_about_destination(world.datacenter("my-dc-3"), "192.0.2.98/32")


def by_hand(alias: str, routes: dict[str, str]) -> World:
    return s.changed_zone(W, "my-dc-3", alias, vm={"routes": MADE | routes})


@pytest.mark.parametrize(
    ("alias", "to", "via", "said"),
    [
        ("cloudapi0", "10.2.0.0/16", EXTERNAL, "wider than what the other datacenters have"),
        ("cloudapi0", "10.2.1.0/25", EXTERNAL, "is not the router by which network external reaches other datacenters"),
        ("imgapi0", "10.2.0.0/16", "10.3.1.1", "wider than what the other datacenters have"),
        ("imgapi0", "10.99.0.0/24", "10.3.1.1", "no other datacenter has 10.99.0.0/24"),
        ("imgapi0", "10.2.3.0/24", "10.3.1.254", "10.3.1.254 is not the router"),
        ("imgapi0", "10.2.3.0/24", "10.9.9.9", "lies on none of its networks"),
        ("imgapi0", "10.3.3.0/24", "10.3.1.1", "no other datacenter has 10.3.3.0/24"),
        ("imgapi0", "anything", "10.3.1.1", "no IPv4 address or prefix"),
    ],
)
def test_a_route_that_is_wrong_is_told_and_not_made_durable(alias: str, to: str, via: str, said: str) -> None:
    advice = advice_for(s.cause("routes-are-durable", f"my-dc-3.{alias}"), by_hand(alias, {to: via}))
    assert advice.steps == ()
    assert said in " ".join(advice.notes)


@pytest.mark.parametrize("to", ["10.2.3.0/24", "10.2.1.32", "10.1.3.128/25", "10.2.2.35/32"])
def test_a_route_to_what_another_has_by_the_networks_router_is_made_durable(to: str) -> None:
    world = s.without_napi_routes(by_hand("imgapi0", {}), "my-dc-3", "10.2.1.0/24")
    world = s.changed_zone(world, "my-dc-3", "imgapi0", vm={"routes": {to: "10.3.1.1"}})
    (step,) = advice_for(s.cause("routes-are-durable", "my-dc-3.imgapi0"), world).steps
    assert f'+"{to}":"10.3.1.1"' in step.run


def test_a_wrong_router_is_never_taken_for_the_one_that_others_use() -> None:
    """Routes that lead to nobody prove nothing about the router, however many there are."""
    wrong = dict.fromkeys(("10.50.0.0/16", "10.51.0.0/16"), "10.3.1.254")
    world = s.without_napi_routes(W, "my-dc-3", "10.2.2.29/32")
    for alias in world.datacenter("my-dc-3").evidence.zones.get():
        kept = world.datacenter("my-dc-3").evidence.zones.get()[alias].vm.routes
        world = s.changed_zone(world, "my-dc-3", alias, vm={"routes": kept | wrong})
    link = to_the_master(world, "cloudapi")
    world = s.probed(world, "my-dc-3", link.id, "timeout")
    (step,) = advice_for(s.cause(link.check, link.id), world).steps
    assert "10.3.1.254" not in step.run
    assert '+"10.2.2.29/32":"10.3.1.1"' in step.run


@pytest.mark.parametrize("uuid", ["x; id", "11111111-1111-4111-8111-11111111111", "../admin"])
def test_a_network_without_a_uuid_makes_no_command(uuid: str) -> None:
    world = s.without_napi_routes(W, "my-dc-3", "10.2.2.29/32")
    networks = {
        name: replace(net, uuid=uuid) if name == "admin" else net
        for name, net in world.datacenter("my-dc-3").networks.items()
    }
    world = s.changed(world, "my-dc-3", networks=s.fact(networks))
    zone = world.datacenter("my-dc-3").evidence.zones.get()["cloudapi0"]
    nics = tuple(replace(nic, network_uuid=uuid) if nic.nic_tag == "admin" else nic for nic in zone.vm.nics)
    world = s.changed_zone(world, "my-dc-3", "cloudapi0", vm={"nics": nics})
    link = to_the_master(world, "cloudapi")
    advice = advice_for(s.cause(link.check, link.id), s.probed(world, "my-dc-3", link.id, "timeout"))
    assert advice.steps == ()
    assert "not all of these" in advice.notes[0]


def test_one_network_uuid_gets_one_step_for_two_targets_of_one_cause() -> None:
    world = s.without_napi_routes(W, "my-dc-3", "10.2.2.29/32", "10.1.1.0/24")
    for check in CHECKS:
        world = s.probed(world, "my-dc-3", to_the_master(world, check).id, "timeout")
    plan = make_plan([s.cause("napi-has-the-routes", "my-dc-3")] * 2, world)
    texts = [planned.step.run for entry in plan.entries for planned in entry.steps]
    assert sum('"10.2.2.29/32"' in text.splitlines()[-1] for text in texts) == 1


def test_a_network_that_has_owners_loses_and_gains_those_that_are_wrong() -> None:
    right, wrong, kept = s.POSEIDON, "22222222-2222-4222-8222-222222222222", "33333333-3333-4333-8333-333333333333"
    admin = W.datacenter("my-dc-3").networks["admin"]
    networks: dict[str, Network] = {
        "admin": replace(admin, owner_uuids=(wrong, kept)), "manta": replace(admin, name="manta", owner_uuids=("x$(id)",)),
    }  # fmt: skip
    world = s.changed(W, "my-dc-3", networks=s.fact(networks))
    world = s.changed_zone(world, "my-dc-3", "ufds0", poseidons=s.fact((Account(wrong, "poseidon"),)))
    advice = advice_for(s.cause("manta-networks-belong-to-poseidon", "my-dc-3"), world)
    step, other = advice.steps
    assert step.run.endswith(f"""owner_uuids '[]' '+"{right}"' '-"{wrong}"'""")
    assert step.undo.endswith(f"""owner_uuids '[]' '+"{wrong}"' '-"{right}"'""")
    assert kept not in step.run
    assert other.run.endswith(f"""owner_uuids '[]' '+"{right}"'""")
    assert other.undo.endswith(f"""owner_uuids '[]' '-"{right}"'""")


def rule_steps(*rules: FirewallRule) -> tuple[list[Step], list[Note]]:
    world = s.changed_zone(W, "my-dc-2", "ufds0", vm={"firewall_enabled": True}, rules=s.fact(rules))
    advice = advice_for(s.cause("ufds-is-not-open", "my-dc-2"), world)
    return list(advice.steps), [Note(text) for text in advice.notes]


def test_a_rule_is_made_by_a_uuid_of_its_own_and_undone_by_it() -> None:
    steps, _ = rule_steps()
    (made,) = [step for step in steps if "POST" in step.run]
    uuid = made.undo.split()[1].removeprefix("/rules/")
    assert made.undo == f"sdc-fwapi /rules/{uuid} -X DELETE"
    assert f'"uuid":"{uuid}"' in made.run
    assert made.run.startswith(f"[[ $(sdc-fwapi /rules/{uuid} | json -H uuid) == {uuid} ]] ||\n")
    assert rule_steps()[0][0] == made  # the same at every run


def test_a_rule_whose_uuid_is_none_makes_no_command() -> None:
    steps, notes = rule_steps(FirewallRule("x$(id)", "FROM any TO all vms ALLOW tcp PORT 636", True))
    assert not [step for step in steps if "PUT" in step.run]
    assert any("is no uuid" in note.text for note in notes)


def leftover(world: World, role: str, alias: str, *, known: bool | None, alone: bool = False) -> World:
    """A stopped zone of a role, beside the running one or instead of it."""
    zones = world.datacenter("my-dc-1").evidence.zones.get()
    real = zones[f"{role}0"]
    uuid = "44444444-4444-4444-8444-444444444444"
    services: Any = s.fact((Service("svc:/smartdc/application/sapi:default", "online"),))
    other = replace(
        real, vm=replace(real.vm, uuid=uuid, alias=alias, state="stopped"), services=services,
        instance=None if known is None else s.fact(known),
    )  # fmt: skip
    kept = {} if alone else zones
    return s.changed(world, "my-dc-1", zones=s.fact({**kept, alias: other}))


def test_a_leftover_beside_the_real_zone_is_no_subject() -> None:
    names = [zone.alias for zone in leftover(W, "sapi", "sapi0tmp", known=False).datacenter("my-dc-1").zones("sapi")]
    assert names == ["sapi0"]
    for known in (True, None):
        names = [
            zone.alias for zone in leftover(W, "sapi", "sapi0tmp", known=known).datacenter("my-dc-1").zones("sapi")
        ]
        assert names == ["sapi0", "sapi0tmp"]


def test_a_leftover_alone_is_told_and_not_started() -> None:
    world = leftover(W, "sapi", "sapi0tmp", known=False, alone=True)
    advice = advice_for(s.cause("services-run", "my-dc-1.sapi0tmp"), world)
    assert advice.steps == ()
    assert "SAPI has no instance" in advice.notes[0]
    known = leftover(W, "sapi", "sapi0tmp", known=True, alone=True)
    (step,) = advice_for(s.cause("services-run", "my-dc-1.sapi0tmp"), known).steps
    assert step.run.startswith("vmadm start ")


@pytest.mark.parametrize("net", ["0.0.0.0/0", "10.0.0.0/7", "10.2.0.0/15", "10.0.0.0/8"])
def test_a_network_that_no_datacenter_can_have_for_itself_opens_no_firewall(net: str) -> None:
    """The network is in a replica's NAPI, and the rule is at the master."""
    evidence = recorded("firewall-rule-missing-at-my-dc-2.ufds0")
    networks = evidence.datacenters["my-dc-3"].networks.get()
    wide = {key: replace(each, subnet=net) if each.name == "admin" else each for key, each in networks.items()}
    world = s.changed(judged(evidence.inventory, evidence), "my-dc-3", networks=s.fact(wide))
    rule = advice_for(s.cause("firewall-lets-peers-in", "my-dc-2.ufds0"), world).steps[0].run
    assert "10.3.1." in rule
    assert net not in rule


@pytest.mark.parametrize("firewall", [True, False])
def test_no_door_is_closed_that_a_datacenter_which_is_not_seen_may_need(firewall: bool) -> None:
    """The datacenter follows the master through a door that is open to all, and nobody can say from which address."""
    evidence = recorded("firewall-open-at-my-dc-2.ufds0")
    world = judged(evidence.inventory, evidence)
    world = s.changed_zone(world, "my-dc-2", "ufds0", vm={"firewall_enabled": firewall})
    cause = s.cause("ufds-is-not-open", "my-dc-2")
    assert [step for step in advice_for(cause, world).steps if "firewall_enabled" in step.run or "false" in step.run]
    advice = advice_for(cause, s.changed(world, "my-dc-3", zones="dark"))
    assert [step for step in advice.steps if "firewall_enabled" in step.run or "PUT" in step.run] == []
    assert "does not know from which address somebody comes" in advice.notes[0]


BLOCKED = {
    "clocks-agree": ("my-dc-1", "my-dc-1", "clock"),
    "sapi-master-is-ufds-master": ("my-dc", "my-dc-2", "services"),
}


@pytest.mark.parametrize("check", BLOCKED)
def test_for_what_nobody_saw_nothing_is_changed(check: str) -> None:
    """For example, a clock that could not be read is not set. Steps that reach the evidence itself are still given."""
    subject, dc, fact = BLOCKED[check]
    evidence = recorded("healthy")
    seen = s.changed(judged(evidence.inventory, evidence), dc, **{fact: "no answer"}).evidence
    assert seen is not None
    cause = next(cause for cause in verdict_on(seen).causes if str(cause.name) == f"{check}[{subject}]")
    assert cause.finding.outcome == "blocked"
    advice = advice_for(cause, judged(seen.inventory, seen))
    assert advice.steps == ()
    assert any("could not be judged" in note for note in advice.notes)
    evidence = recorded("sdcadm-config-at-my-dc-3")
    assert make_plan(verdict_on(evidence).causes, judged(evidence.inventory, evidence)).entries[0].steps
