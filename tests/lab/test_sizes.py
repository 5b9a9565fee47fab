"""Labs of any size: ready in time, and each datacenter has the routes that it needs."""

from __future__ import annotations

import pathlib
import subprocess
import sys
import time

import pytest

from lab.plan.binder import registrations
from lab.plan.making import make_plan
from lab.plan.napi import healthy_routes

pytestmark = pytest.mark.proof  # large labs: alone on the machine

ROOT = pathlib.Path(__file__).resolve().parents[2]
LAB = [sys.executable, "-m", "lab"]


def test_twenty_datacenters_are_ready_in_time() -> None:
    began = time.monotonic()
    done = subprocess.run([*LAB, "--datacenters", "20", "--", "true"], cwd=ROOT, capture_output=True, check=False)
    if done.returncode == 2:
        pytest.skip("no namespaces on this machine")
    assert done.returncode == 0
    assert time.monotonic() - began < 15


def test_regions_are_spread_over_the_datacenters() -> None:
    made = make_plan(5, regions=2)
    assert [each.region for each in made.datacenters] == ["my-dc"] * 3 + ["my-dc-b"] * 2
    assert [each.region for each in make_plan(3, regions=3).datacenters] == ["my-dc", "my-dc-b", "my-dc-c"]
    assert [each.state for each in made.datacenters] == ["replica", "master", "replica", "replica", "replica"]


def test_routes_of_another_region_lead_to_the_master_only() -> None:
    made = make_plan(4, regions=2)
    one, master, three, _ = made.datacenters
    assert set(healthy_routes(made, one)) == {"10.2.1.0/24", "10.2.2.29/32"}
    assert set(healthy_routes(made, master)) == {"10.1.1.0/24", "10.3.1.0/24", "10.4.1.0/24"}
    assert set(healthy_routes(made, three)) == {"10.4.1.0/24", "10.2.2.29/32", "10.2.1.17/32"}


def test_instances_of_a_service_share_its_name() -> None:
    made = make_plan(2, instances="binder=2,cloudapi=3").datacenters[0]
    assert made.binders == ("10.1.1.11", "10.1.1.111")
    assert [zone.alias for zone in made.zones if zone.role == "cloudapi"] == ["cloudapi0", "cloudapi1", "cloudapi2"]
    assert len({zone.uuid for zone in made.zones}) == len({nic.ip for zone in made.zones for nic in zone.nics[:1]})
    registered = registrations(made).items()
    addresses = [value["address"] for name, value in registered if name.endswith(f".cloudapi.{made.suffix}")]
    assert addresses == ["10.1.1.35", "10.1.1.135", "10.1.1.235"]
