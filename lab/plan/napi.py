"""Routes and networks of a datacenter, as NAPI holds them."""

from __future__ import annotations

from lab.plan.datacenters import Datacenter, Plan
from lab.plan.files import Json
from lab.plan.names import ADMIN_UUID


def healthy_routes(the_plan: Plan, datacenter: Datacenter) -> dict[str, str]:
    """The routes of NAPI's admin network and the head node: to the region's admin networks, and to what every region must reach.

    The latter is the master's UFDS and its morays. The master has the way back to all datacenters.
    """
    master, router = the_plan.master, datacenter.admin_router
    if datacenter == master:
        return {each.admin_subnet: router for each in the_plan.datacenters if each != master}
    found = {peer.admin_subnet: router for peer in the_plan.peers(datacenter)}
    found[f"{the_plan.master_ufds_address}/32"] = router
    if datacenter.region != master.region:
        found |= {f"{zone.admin_ip}/32": router for zone in master.zones if zone.role == "moray"}
    return found


def networks(the_plan: Plan, datacenter: Datacenter) -> list[Json]:
    """NAPI's networks of one datacenter (facts "Exact forms")."""
    made: list[Json] = []
    number = datacenter.number
    for index, tag in enumerate(("admin", "external", "manta"), start=1):
        network: Json = {
            "family": "ipv4", "mtu": 1500, "nic_tag": tag, "name": tag, "provision_end_ip": f"10.{number}.{index}.250",
            "provision_start_ip": f"10.{number}.{index}.10", "subnet": f"10.{number}.{index}.0/24",
            "uuid": datacenter.network_uuid(tag), "vlan_id": 0, "netmask": "255.255.255.0",
            "resolvers": list(datacenter.binders),
        }  # fmt: skip
        if tag == "admin":
            network |= {"owner_uuids": [ADMIN_UUID], "routes": healthy_routes(the_plan, datacenter)}
        if tag == "external":
            network["gateway"] = datacenter.external_router
        made.append(network)
    return made
