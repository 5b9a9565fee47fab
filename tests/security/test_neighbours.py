"""Design, rule 7: what a datacenter says of itself does not open another one, and leads nothing away from a third."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from ipaddress import IPv4Network

import pytest
from msgspec.structs import replace

from evidence.collect.headnode import LEFT_BEHIND, LEFT_IN_ZONE
from evidence.subjects.links import links
from evidence.subjects.world import World
from remediate import typed
from remediate.actions.fwapi import MadeRule
from remediate.actions.key import AddKey
from remediate.actions.network import NapiRoutes
from remediate.registry import advice_for
from remediate.steps import SAFE, Step
from tests.remediate import synthetic as s

W = s.healthy()
LIAR, MASTER = "my-dc-3", "my-dc-2"


def told(world: World, subnet: str) -> World:
    """my-dc-3's NAPI gives its admin network another subnet."""
    networks = world.datacenter(LIAR).networks
    admin = next(net for net in networks.values() if net.name == "admin")
    return s.changed(world, LIAR, networks=s.fact(networks | {admin.uuid: replace(admin, subnet=subnet)}))


def living_at(world: World, address: str) -> World:
    """The NICs of my-dc-3's zones have this address."""
    for alias, zone in world.datacenter(LIAR).evidence.zones.get().items():
        nics = tuple(replace(nic, ip=address) for nic in zone.vm.nics)
        world = s.changed_zone(world, LIAR, alias, vm={"nics": nics})
    return world


def shut_out(world: World) -> World:
    """Nothing of my-dc-3 gets an answer from the master, and the firewall of the master's UFDS is on."""
    world = s.changed_zone(world, MASTER, "ufds0", vm={"firewall_enabled": True, "routes": {}}, rules=s.fact(()))
    world = s.without_napi_routes(world, MASTER, "10.3.1.0/24", "10.3.2.29/32")
    for check in ("cloudapi-reaches-master-ufds", "ufds-reaches-master-ufds", "adminui-reaches-master-ufds"):
        for link in links(world, check):
            if link.source.datacenter.name == LIAR and link.id in world.datacenter(LIAR).evidence.links:
                probes = tuple(
                    replace(p, result="timeout") for p in world.datacenter(LIAR).evidence.links[link.id].get()
                )
                world = s.changed(world, LIAR, links=world.datacenter(LIAR).evidence.links | {link.id: s.fact(probes)})
    return world


def elsewhere(world: World) -> list[Step]:
    """The steps in other datacenters that the liar's state leads to."""
    names = [("firewall-lets-peers-in", "my-dc-2.ufds0"), ("routes-go-both-ways", "my-dc-2.ufds0")]
    names += [("ufds-is-not-open", MASTER), ("napi-has-the-routes", MASTER), ("napi-has-the-routes", "my-dc-1")]
    names += [
        ("triton-zones-have-manta-routes", f"{dc}.{role}0") for dc in (MASTER, "my-dc-1") for role in ("sapi", "moray")
    ]
    steps = [step for name in names for step in advice_for(s.cause(*name), world).steps]
    return [step for step in steps if not step.on.startswith(LIAR)]


def opened(step: Step) -> Iterator[IPv4Network]:
    """What a step lets in, or leads to."""
    for action in step.actions:
        if isinstance(action, MadeRule):
            words = action.rule.replace("(", " ").replace(")", " ").split()
            yield from (IPv4Network(words[at + 1]) for at, word in enumerate(words) if word in ("ip", "subnet"))
        elif isinstance(action, NapiRoutes):
            yield from map(IPv4Network, action.added)


def nets(world: World) -> set[tuple[str, IPv4Network]]:
    """What is opened or led to, and where."""
    return {(step.on, net) for step in elsewhere(world) for net in opened(step)}


@cache
def base() -> World:
    return shut_out(W)


@cache
def plain() -> frozenset[tuple[str, IPv4Network]]:
    """The same where nobody lies."""
    return frozenset(nets(base()))


def test_the_honest_one_is_let_in_and_led_to() -> None:
    """Otherwise the tests below would prove nothing."""
    assert {("my-dc-2.global", IPv4Network("10.3.1.0/24")), ("my-dc-2.global", IPv4Network("10.3.3.0/24"))} <= nets(
        shut_out(W)
    )


SUBNETS = [
    "0.0.0.0/0",
    "0.0.0.0/1",
    "8.0.0.0/8",
    "10.0.0.0/7",
    "10.0.0.0/8",
    "10.2.0.0/15",
    "10.3.2.0/0",
    "10.2.2.0/23",
    "10.2.2.0/24",
]


@pytest.mark.parametrize("subnet", SUBNETS)
def test_a_network_that_is_not_its_own_opens_nothing_more(subnet: str) -> None:
    """Only addresses that it really has, each by itself."""
    more = nets(told(base(), subnet)) - plain()
    assert {
        (on, net) for on, net in more if not net.subnet_of(IPv4Network("10.3.0.0/16")) or net.prefixlen < 32
    } == set()


ADDRESSES = [
    "10.2.2.29",
    "10.1.1.29",
    "10.1.1.77",
    "127.0.0.1",
    "169.254.169.254",
    "224.0.0.1",
    "255.255.255.255",
    "0.0.0.0",
]


def honest() -> set[IPv4Network]:
    """What the zones of the other datacenters really have, each address by itself."""
    zones = (zone for dc in ("my-dc-1", MASTER) for zone in W.datacenter(dc).evidence.zones.get().values())
    return {IPv4Network(nic.ip) for zone in zones for nic in zone.vm.nics}


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_address_that_is_not_its_own_makes_no_step_elsewhere(address: str) -> None:
    """Where it says that it lives in another's network, nobody gets the network: at most each honest address by itself."""
    more = {net for _, net in nets(living_at(base(), address)) - plain()}
    assert more - (honest() - {IPv4Network(address)}) == set()


def test_a_lie_about_one_zone_costs_its_other_zones_nothing() -> None:
    zones = base().datacenter(LIAR).evidence.zones.get()
    lie = {"nics": tuple(replace(nic, ip="10.1.1.29") for nic in zones["cloudapi0"].vm.nics)}
    found = nets(s.changed_zone(base(), LIAR, "cloudapi0", vm=lie))
    assert {net for _, net in found - plain()} <= honest() - {IPv4Network("10.1.1.29")}
    assert ("my-dc-2.global", IPv4Network("10.3.1.0/24")) in found


def test_a_key_is_added_only_if_it_is_the_one_that_is_named() -> None:
    """The replica's SAPI names a key that is admin's already; what it hands over is another one."""
    key = str(W.datacenter("my-dc-1").sdc_metadata.values["SDC_PUBLIC_KEY"])
    honest = advice_for(s.cause("replica-key-is-known-to-master", LIAR), W)
    assert [type(action) for step in honest.steps for action in step.actions] == [AddKey]
    for public in (key, f"ssh-dss {key.split()[1]}", "ssh-rsa AAAA", "ssh-rsa"):
        advice = advice_for(
            s.cause("replica-key-is-known-to-master", LIAR), s.changed_metadata(W, LIAR, SDC_PUBLIC_KEY=public)
        )
        assert advice.steps == ()
        assert advice.defect == ""
        assert "is no public key" in advice.notes[0]


def test_both_kinds_of_fingerprints_are_compared() -> None:
    values = W.datacenter(LIAR).sdc_metadata.values
    md5, sha = typed.fingerprints(str(values["SDC_PUBLIC_KEY"]))
    assert md5 == values["SDC_KEY_ID"]
    assert typed.key_of(sha, values["SDC_PUBLIC_KEY"]) == values["SDC_PUBLIC_KEY"]


PATHS = (
    "/tmp/x",
    "/var/tmp/metadata.json",
    "/etc/passwd",
    "/tmp/config.5x",
    "/tmp/config.5/../../etc/passwd",
    "/zones/a/root/tmp/cnt",
)


@pytest.mark.parametrize("path", PATHS)
def test_only_what_was_asked_for_is_removed(path: str) -> None:
    world = s.changed(W, LIAR, leftovers=s.fact((path,)))
    advice = advice_for(s.cause("no-password-left-behind", LIAR), world)
    assert advice.steps == ()
    assert advice.defect == ""
    assert ascii(path)[1:-1] in advice.notes[0]


def test_each_file_that_is_asked_for_can_be_removed() -> None:
    zone = W.datacenter(LIAR).evidence.zones.get()["ufds0"].vm.uuid
    asked = [f"/{path}" for path in LEFT_BEHIND] + [f"/zones/{zone}/root/{path}" for path in LEFT_IN_ZONE]
    for path in asked:
        assert typed.leftover(path.replace("[0-9]*", "123"))


def test_what_lets_somebody_in_cannot_be_called_safe() -> None:
    """By its type, whoever writes the remedy."""
    key = AddKey("admin", "n", str(W.datacenter(LIAR).sdc_metadata.values["SDC_PUBLIC_KEY"]), "")
    for action in (
        key,
        MadeRule("930896af-bf8c-48d4-885c-6573a94b1853", "FROM any TO all vms ALLOW icmp TYPE all", "o", "said"),
    ):
        with pytest.raises(ValueError, match="lets somebody in"):
            Step("my-dc-2.global", action.command(), SAFE, "why", actions=(action,), applied_by_suite=False)
