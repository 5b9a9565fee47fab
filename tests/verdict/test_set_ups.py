"""Correct set-ups that must not be found: several regions, other sizes, other ways between the datacenters."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from evidence.headnode import BACKSLASH, COMMAND, EXPANSION, OTHER, BadLines
from evidence.model import Directory, Key, Probe, Service
from evidence.subjects.claims import judged
from evidence.subjects.spec import CRITICAL, FAILED, NOT_APPLICABLE, PASSED, WARNING
from evidence.subjects.world import World
from remediate.registry import advice_for
from tests.recording import recorded
from tests.remediate import synthetic as s
from tests.remediate.candidate import clocked
from tests.verdict.test_partly_seen import row
from verdict.judge import Cause

SAPI_LINK = "my-dc-3.sapi0--my-dc-2.moray.2020"
CLOUDAPI_LINK = "my-dc-3.cloudapi0--my-dc-2.ufds.636"


def in_another_region(world: World, datacenter: str) -> World:
    """The datacenter is in another region, by the inventory and by its own settings."""
    world = s.changed_metadata(world, datacenter, region_name="my-dc-b")
    world = s.changed(world, datacenter, usbkey=s.fact(world.datacenter(datacenter).sdc_metadata))
    declared = world.inventory.datacenters
    moved = replace(declared[datacenter], region="my-dc-b")
    return judged(replace(world.inventory, datacenters=declared | {datacenter: moved}), world.evidence)


@pytest.mark.parametrize(
    ("check", "subject"),
    [
        ("sapi-points-at-master-moray", "my-dc-3"),
        ("sapi-reaches-its-master", "my-dc-3"),
        ("sapi-reaches-master-moray", SAPI_LINK),
    ],
)
def test_sapi_of_another_region_need_not_ask_the_master(check: str, subject: str) -> None:
    alone = s.changed_service(s.healthy(), "my-dc-3", "sapi", MASTER_MORAY_IP=None, MASTER_MORAY_PORT=None)
    assert row(in_another_region(alone, "my-dc-3"), check, subject).outcome == NOT_APPLICABLE
    if check == "sapi-points-at-master-moray":
        assert row(alone, check, subject).outcome == FAILED


def test_a_region_without_the_ufds_master_has_a_sapi_master_of_its_own() -> None:
    world = s.healthy()
    for name in ("my-dc-1", "my-dc-3"):
        world = s.changed_service(
            in_another_region(world, name), name, "sapi", MASTER_MORAY_IP="moray.my-dc-1.srv.example.com"
        )
    assert row(world, "sapi-master-is-ufds-master", "my-dc-b").outcome == NOT_APPLICABLE


@pytest.mark.parametrize(
    ("told", "blamed"), [(("my-dc-2",), ()), (("my-dc-2", "my-dc-3"), ("my-dc-1", "my-dc-2", "my-dc-3"))]
)
def test_the_sapi_master_is_what_most_are_told(told: tuple[str, ...], blamed: tuple[str, ...]) -> None:
    """my-dc-1 names no master, so it uses its own moray. Does anybody else name it?"""
    world = s.changed_service(s.healthy(), "my-dc-1", "sapi", MASTER_MORAY_IP=None)
    for name in told:
        world = s.changed_service(world, name, "sapi", MASTER_MORAY_IP="moray.my-dc-1.srv.example.com")
    found = row(world, "sapi-master-is-ufds-master", "my-dc")
    assert found.culprits == blamed or found.culprits == ("my-dc-1", "my-dc-2")


@pytest.mark.parametrize("value", [[], {}, 7, None])
def test_a_master_of_a_strange_kind_is_a_finding(value: object) -> None:
    world = s.changed_service(s.healthy(), "my-dc-3", "sapi", MASTER_MORAY_IP=value)
    found = row(world, "sapi-points-at-master-moray", "my-dc-3")
    assert (found.outcome, "broke" in found.observed) == (FAILED, False)


@pytest.mark.parametrize(("processes", "outcome"), [((2021,), PASSED), ((2021, 2022), FAILED), ((), FAILED)])
def test_ports_behind_which_no_moray_runs_need_not_be_open(processes: tuple[int, ...], outcome: str) -> None:
    probes = tuple(Probe("10.2.1.17", port, "tcp", "open" if port < 2022 else "refused") for port in range(2020, 2025))
    services = tuple(Service(f"svc:/smartdc/application/moray:moray-{port}", "online") for port in processes)
    world = s.changed(s.healthy(), "my-dc-3", links={SAPI_LINK: s.fact(probes)})
    world = s.changed_zone(world, "my-dc-2", "moray0", services=s.fact(services))
    assert row(world, "sapi-reaches-master-moray", SAPI_LINK).outcome == outcome


@pytest.mark.parametrize(("known", "outcome"), [("aa:bb", PASSED), ("cc:dd", FAILED)])
def test_a_fingerprint_may_be_said_to_be_md5(known: str, outcome: str) -> None:
    world = s.changed_metadata(s.healthy(), "my-dc-3", SDC_KEY_ID="MD5:aa:bb")
    directory = s.fact(Directory(1, keys=(Key(known, "my-dc-3 sdc key"),)))
    world = s.changed_zone(world, "my-dc-2", "ufds0", directory=directory)
    assert row(world, "replica-key-is-known-to-master", "my-dc-3").outcome == outcome


@pytest.mark.parametrize(("ahead", "severity"), [(60, WARNING), (900, CRITICAL)])
def test_a_clock_that_spoils_signatures_is_critical(ahead: int, severity: str) -> None:
    found = row(clocked(s.healthy(), my_dc_1=ahead), "clocks-agree", "my-dc-1")
    assert (found.outcome, found.severity) == (FAILED, severity)


@pytest.mark.parametrize(
    ("kind", "effect", "severity"),
    [
        (EXPANSION, "", WARNING),
        (BACKSLASH, "", WARNING),
        (OTHER, "", WARNING),
        (BACKSLASH, "config.sh -json then prints no JSON", CRITICAL),
        (OTHER, "config.sh -json then gives nothing for x", CRITICAL),
        (COMMAND, "", CRITICAL),
    ],
)
def test_a_setting_that_has_another_value_than_is_written_is_a_warning(kind: str, effect: str, severity: str) -> None:
    usbkey = replace(s.healthy().datacenter("my-dc-3").usbkey, bad=(BadLines(kind, (7,), ("x",)),), effect=effect)
    found = row(s.changed(s.healthy(), "my-dc-3", usbkey=s.fact(usbkey)), "usbkey-can-be-evaluated", "my-dc-3")
    assert (found.outcome, found.severity) == (FAILED, severity)


def by_gateway(world: World, alias: str, tag: str) -> World:
    """A zone of my-dc-3 without routes, whose default gateway lies on the network of a tag."""
    nics = world.datacenter("my-dc-3").evidence.zones.get()[alias].vm.nics
    moved = tuple(
        replace(nic, primary=nic.nic_tag == tag, gateway="192.0.2.1" if nic.nic_tag == tag else "") for nic in nics
    )
    return s.changed_zone(world, "my-dc-3", alias, vm={"nics": moved, "routes": {}})


def test_a_gateway_of_the_admin_network_leads_to_the_others() -> None:
    evidence = recorded("healthy-manta")
    world = judged(evidence.inventory, evidence)
    check, zone = "triton-zones-have-manta-routes", "my-dc-3.imgapi0"
    assert row(by_gateway(world, "imgapi0", "admin"), check, zone).outcome == PASSED
    assert row(by_gateway(world, "imgapi0", "none"), check, zone).outcome == FAILED


@pytest.mark.parametrize(
    ("host", "named"),
    [("203.0.113.29", False), ("8.8.8.29", True), ("10.2.2.29", False)],
    ids=["documentation", "the Internet", "private"],
)
def test_a_firewall_is_named_where_the_way_goes_over_the_internet(host: str, named: bool) -> None:
    """cloudapi and UFDS talk over their external addresses and default gateways, and only the firewall drops packets."""
    declared = s.healthy().inventory.datacenters
    inventory = replace(
        s.healthy().inventory, datacenters=declared | {"my-dc-2": replace(declared["my-dc-2"], ufds_address=host)}
    )
    world = by_gateway(World(inventory, s.healthy().evidence), "cloudapi0", "external")
    world = s.changed_metadata(world, "my-dc-3", ufds_remote_ip=host)
    probe = s.fact((Probe(host, 636, "tcp", "timeout"),))
    world = s.changed(world, "my-dc-3", links=world.datacenter("my-dc-3").evidence.links | {CLOUDAPI_LINK: probe})
    world = s.changed_zone(world, "my-dc-2", "ufds0", vm={"firewall_enabled": True}, rules=s.fact(()))
    as_told = World(world.told, world.evidence)  # no UFDS of the recording has such an address
    found = row(as_told, "firewall-lets-peers-in", "my-dc-2.ufds0")
    assert found.outcome == (FAILED if named else PASSED)


def test_a_registrar_that_is_off_is_found_and_switched_on() -> None:
    registrar = Service("svc:/manta/application/registrar:default", "disabled")
    zone = s.healthy().datacenter("my-dc-1").evidence.zones.get()["moray0"]
    services = tuple(each for each in zone.services.get() if "registrar" not in each.fmri)
    world = s.changed_zone(s.healthy(), "my-dc-1", "moray0", services=s.fact((*services, registrar)))
    found = row(world, "services-run", "my-dc-1.moray0")
    assert "registrar:default is disabled" in found.observed
    assert any(
        "enable -s svc:/manta/application/registrar" in step.run for step in advice_for(Cause(found), world).steps
    )
    without = s.changed_zone(s.healthy(), "my-dc-1", "moray0", services=s.fact(services))
    assert row(without, "services-run", "my-dc-1.moray0").outcome == PASSED
