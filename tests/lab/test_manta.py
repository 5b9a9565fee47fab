"""A lab with Manta: where it may be, and that its data are those of manta-init, manta-shardadm and create-topology."""

from __future__ import annotations

import pytest

from lab.agents.mustache import render
from lab.plan import manifests, manta_objects
from lab.plan.making import make_plan
from lab.plan.names import POSEIDON_UUID
from lab.servers.fwapi.rules import parse

PLAN = make_plan(3, manta=True)


@pytest.mark.parametrize("options", [{"regions": 2}, {"coupled": False}])
def test_manta_lies_in_one_coupled_region(options: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="--manta goes with neither"):
        make_plan(3, manta=True, **options)  # type: ignore[arg-type]


def test_its_zones_are_poseidons_on_both_networks() -> None:
    zone = PLAN.datacenters[0].manta_zone("webapi", POSEIDON_UUID)
    assert (zone.owner_uuid, zone.tags) == (POSEIDON_UUID, {"manta_role": "webapi"})
    assert [nic.nic_tag for nic in zone.nics] == ["manta", "admin"]
    assert zone.admin_ip == "10.1.1.52"


def test_every_network_knows_the_way_to_the_others() -> None:
    for datacenter in PLAN.datacenters:
        peers = PLAN.peers(datacenter)
        assert set(manta_objects.admin_routes(PLAN, datacenter)) == {peer.manta_subnet for peer in peers}
        both = {subnet for peer in peers for subnet in (peer.admin_subnet, peer.manta_subnet)}
        assert set(manta_objects.manta_routes(PLAN, datacenter)) == both


@pytest.mark.parametrize("count", [2, 3])
def test_imgapi_lets_the_other_datacenters_in(count: int) -> None:
    made = make_plan(count, manta=True)
    parsed = parse(str(manta_objects.firewall_rule(made, made.master)["rule"]))
    assert parsed.targets == (("tag", "smartdc_role", "imgapi"),)
    assert {what for _, what, _ in parsed.sources} == {peer.manta_subnet for peer in made.peers(made.master)}


def test_templates_render_what_the_tools_leave() -> None:
    metadata = manta_objects.application(PLAN.master, POSEIDON_UUID)["metadata"]
    assert '"multiDC": false' in render(manifests.read("muskie").template, metadata)
    assert '"srvDomain": ""' in render(manifests.read("muskie").template, metadata)  # no shards yet
    whole = metadata | manta_objects.shards(PLAN.master) | {"MUSKIE_MULTI_DC": True}
    assert '"multiDC": true' in render(manifests.read("muskie").template, whole)
    assert '{"host": "1.moray.my-dc.srv.example.com"}\n' in render(manifests.read("electric-moray").template, whole)
