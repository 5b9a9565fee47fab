"""Routes of a zone as its kernel, vmadm and NAPI each know them."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from evidence.fact import missing
from evidence.subjects.network.routes import has_route
from evidence.subjects.spec import BLOCKED, FAILED, PASSED, Result
from evidence.subjects.world import World
from remediate.registry import advice_for
from tests.judging import verdict_on
from tests.remediate import synthetic as s

CHECK = "routes-are-durable"
ZONE = "my-dc-3.cloudapi0"
MASTER = ("10.2.2.29/32", "10.3.1.1")
NAPI = s.healthy().datacenter("my-dc-3").networks["admin"].routes


def seen(kernel: Any, vmadm: dict[str, str] | None = None, *without: str) -> World:
    """my-dc-3's cloudapi0 with this in its kernel, and NAPI without these routes."""
    world = s.without_napi_routes(s.healthy(), "my-dc-3", *without)
    given = {} if vmadm is None else {"vm": {"routes": vmadm}}
    return s.changed_zone(world, "my-dc-3", "cloudapi0", **given, kernel=kernel)


def judged(world: World) -> Result:
    assert world.evidence is not None
    rows = verdict_on(world.evidence).results
    return next(row.result for row in rows if (row.result.check, row.result.subject) == (CHECK, ZONE))


def test_a_route_that_only_the_kernel_has_does_not_last() -> None:
    world = seen(s.fact((MASTER,)), {}, MASTER[0])
    found = judged(world)
    assert found.outcome == FAILED
    assert f"{MASTER[0]}: {MASTER[1]}, in its kernel alone: vmadm does not know it either" in found.observed
    (step,) = advice_for(s.cause(CHECK, ZONE), world).steps
    assert f'+"{MASTER[0]}":"{MASTER[1]}"' in step.run


@pytest.mark.parametrize("to", ["10.2.2.29", "10.2.2.0/24"])
def test_what_napi_knows_in_other_words_lasts(to: str) -> None:
    world = seen(s.fact((MASTER,)), {}, MASTER[0])
    admin = world.datacenter("my-dc-3").networks["admin"]
    told = replace(admin, routes=admin.routes | {to: MASTER[1]})
    networks = world.datacenter("my-dc-3").networks | {"admin": told}
    assert judged(s.changed(world, "my-dc-3", networks=s.fact(networks))).outcome == PASSED


def test_a_kernel_that_was_not_seen_passes_nothing_and_hides_nothing() -> None:
    dark = missing(ZONE, "the routes of its kernel", "netstat", "netstat failed with exit status 1")
    assert judged(seen(dark)).outcome == BLOCKED
    assert judged(seen(dark, {"10.9.9.0/24": "10.3.1.1"})).outcome == FAILED


def test_evidence_of_before_is_judged_by_what_it_has() -> None:
    assert judged(seen(None)).outcome == PASSED
    assert judged(seen(None, {"10.9.9.0/24": "10.3.1.1"})).outcome == FAILED


@pytest.mark.parametrize(("kernel", "leads"), [((), False), ((MASTER,), True)])
def test_a_zone_sends_by_its_kernel_whatever_vmadm_says(kernel: tuple[tuple[str, str], ...], leads: bool) -> None:
    vmadm = {} if leads else dict([MASTER])
    zone = seen(s.fact(kernel), vmadm).datacenter("my-dc-3").zones("cloudapi")[0]
    assert has_route(zone, "10.2.2.29") is leads


@pytest.mark.parametrize(("via", "outcome"), [("nics[0]", PASSED), ("macs[2:0:a]", PASSED), ("nics[1]", FAILED)])
def test_a_route_on_the_link_belongs_to_the_nic_of_that_network(via: str, outcome: str) -> None:
    """NAPI's `linklocal` is the NIC on that network, not whichever comes first."""
    world = seen(s.fact(()), {"10.7.0.0/16": via})
    admin = world.datacenter("my-dc-3").networks["admin"]
    vm = world.datacenter("my-dc-3").zones("cloudapi")[0].vm
    nics = tuple(sorted(vm.nics, key=lambda nic: nic.network_uuid != admin.uuid))
    nics = (replace(nics[0], mac="2:0:a"), *nics[1:])
    world = s.changed_zone(world, "my-dc-3", "cloudapi0", vm={"nics": nics})
    told = replace(admin, routes=admin.routes | {"10.7.0.0/16": "linklocal"})
    networks = world.datacenter("my-dc-3").networks | {"admin": told}
    assert judged(s.changed(world, "my-dc-3", networks=s.fact(networks))).outcome == outcome
