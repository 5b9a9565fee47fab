"""Odd networks, addresses and routes."""

from __future__ import annotations

from tests.odd.draft import Draft, Plain
from tests.odd.registry import odd

PLANS = (
    lambda dc, net: f"172.{16 + dc}.{net}.",
    lambda dc, net: f"192.168.{dc * 10 + net}.",
    lambda dc, net: f"100.{64 + dc}.{net}." if net != 2 else f"203.0.{100 + dc}.",
)


@odd
def other_numbers(draft: Draft) -> bool:
    """Networks have other numbers: of RFC 1918, of RFC 6598, and public ones outside.

    Source: facts "NAPI" (any subnet).
    """
    plan = draft.random.choice(PLANS)
    draft.renumbered({f"10.{dc}.{net}.": plan(dc, net) for dc in range(1, 5) for net in (1, 2, 3, 9)})
    return True


def _master_addresses(draft: Draft) -> dict[str, str]:
    """The addresses of the master's first ufds zone, by NIC tag."""
    zones = draft.zones(draft.master, "ufds")
    return {nic["nic_tag"]: nic["ip"] for nic in zones[min(zones)]["vm"]["nics"]}


@odd
def followed_by_another_nic(draft: Draft) -> bool:
    """A replica reaches the master's UFDS by another of its NICs.

    Source: facts hazard 12; sdc-ufds-m2s takes any address.
    """
    if not draft.replicas:
        return False
    for name in draft.random.sample(draft.replicas, draft.random.randint(1, len(draft.replicas))):
        draft.follow(name, _master_addresses(draft)["admin"])
    return True


@odd
def followed_by_nat(draft: Draft) -> bool:
    """Replicas reach the master's UFDS by translated addresses, each by its own.

    Source: facts hazard 12; sdc-ufds-m2s takes any address.
    """
    if not draft.replicas:
        return False
    for number, name in enumerate(draft.random.sample(draft.replicas, draft.random.randint(1, len(draft.replicas)))):
        draft.follow(name, f"198.51.100.{7 + number}")
    return True


@odd
def declared_by_another_address(draft: Draft) -> bool:
    """The inventory names another address of the master's UFDS, one that a replica uses, or none.

    Source: region.example.yaml.
    """
    used = [draft.sdc(name)["values"]["ufds_remote_ip"] for name in draft.replicas]
    candidates = len(draft.replicas) + 1 < len(draft.names)
    addresses = (
        ["", *_master_addresses(draft).values(), *used]
        if not candidates
        else [draft.declared(draft.master)["ufds_address"]]
    )
    draft.declared(draft.master)["ufds_address"] = draft.random.choice(addresses)
    return True


def _routes(draft: Draft, name: str, change: dict[str, str]) -> None:
    """Other routes in NAPI's admin network of a datacenter, and in all zones on it."""
    network = draft.network(name, "admin")
    old, network["routes"] = network["routes"], dict(change)
    for zone in draft.zones(name).values():
        if any(nic["network_uuid"] == network["uuid"] for nic in zone["vm"]["nics"]):
            _rerouted(zone, old, change)


def _rerouted(zone: Plain, old: dict[str, str], new: dict[str, str]) -> None:
    routes = {to: via for to, via in zone["vm"]["routes"].items() if to not in old or to in new} | new
    zone["vm"]["routes"] = routes
    if zone.get("kernel") and zone["kernel"].get("value") is not None:
        zone["kernel"]["value"] = sorted([to, via] for to, via in routes.items())


def _gateway(draft: Draft, name: str) -> str:
    return next(iter(draft.network(name, "admin")["routes"].values()), "")


@odd
def routes_by_supernets(draft: Draft) -> bool:
    """NAPI has supernets in place of a route for each network.

    Source: facts "Routes" (any NET/LEN).
    """
    for name in draft.names:
        gateway = _gateway(draft, name)
        if gateway:
            _routes(draft, name, {"10.0.0.0/8": gateway, "172.16.0.0/12": gateway, "192.168.0.0/16": gateway,
                                  "100.64.0.0/10": gateway, "203.0.0.0/16": gateway, "198.51.100.0/24": gateway})  # fmt: skip
    return True


@odd
def routes_by_default(draft: Draft) -> bool:
    """The admin network has a gateway, by which zones with no other NIC reach everything.

    Source: facts "Exact forms" (NAPI network: gateway).
    """
    for name in draft.names:
        network = draft.network(name, "admin")
        gateway, old = _gateway(draft, name) or "10.0.0.1", network["routes"]
        network["gateway"] = gateway
        for zone in draft.zones(name).values():
            if [nic["nic_tag"] for nic in zone["vm"]["nics"]] == ["admin"]:
                zone["vm"]["nics"][0] |= {"gateway": gateway, "primary": True}
                _rerouted(zone, old, {})
    return True


@odd
def routes_to_hosts(draft: Draft) -> bool:
    """NAPI has a route for each host besides those for networks.

    Source: facts "Routes" (any NET/LEN).
    """
    for name in draft.names:
        gateway = _gateway(draft, name)
        hosts = [nic["ip"] for other in draft.names if other != name for zone in draft.zones(other, "ufds", "binder", "moray").values()
                 for nic in zone["vm"]["nics"]]  # fmt: skip
        if gateway:
            _routes(draft, name, draft.network(name, "admin")["routes"] | {f"{host}/32": gateway for host in hosts})
    return True


@odd
def several_gateways(draft: Draft) -> bool:
    """Each destination has a gateway of its own.

    Source: facts "Routes" ({dst: gw}).
    """
    for name in draft.names:
        network = draft.network(name, "admin")
        net = network["subnet"].rpartition(".")[0]
        _routes(draft, name, {to: f"{net}.{250 + number % 4}" for number, to in enumerate(sorted(network["routes"]))})
    return True


@odd
def routes_of_the_external_network(draft: Draft) -> bool:
    """NAPI's external network has routes to other datacenters, too.

    Source: facts hazard 1 (the union of a VM's NICs' networks).
    """
    for name in draft.names:
        network = draft.network(name, "external")
        network["routes"] = {"192.0.2.0/24": network["gateway"], "198.51.100.0/24": network["gateway"]}
        for zone in draft.zones(name).values():
            if any(nic["network_uuid"] == network["uuid"] for nic in zone["vm"]["nics"]):
                _rerouted(zone, {}, network["routes"])
    return True


@odd
def many_networks(draft: Draft) -> bool:
    """NAPI has customers' networks, which overlap those of other datacenters.

    Source: facts "NAPI" (names and subnets are per datacenter).
    """
    for name in draft.names:
        for number in range(3):
            network = {
                "uuid": draft.uuid(),
                "name": f"customer-{number}",
                "subnet": "10.77.0.0/16",
                "owner_uuids": [draft.uuid()],
            }
            draft.datacenter(name)["networks"]["value"][f"customer-{number}"] = network | {"gateway": "10.77.0.1"}
    return True


@odd
def head_node_by_another_route(draft: Draft) -> bool:
    """The head node reaches the master by its default gateway.

    Source: facts "Routes" (`destination: default` = no specific route).
    """
    for name in draft.replicas:
        for link, probes in draft.links(name).items():
            for probe in probes["value"] if ".global--" in link else ():
                probe["route"] = f"default via {_gateway(draft, name)}"
    return True


@odd
def networks_of_manta_without_manta(draft: Draft) -> bool:
    """There is no Manta, and networks called manta overlap, or are missing.

    Source: facts "Manta" (only its zones use them).
    """
    if draft.manta:
        return False
    for name in draft.names:
        if draft.random.random() < 0.5:
            draft.network(name, "manta")["subnet"] = "10.88.88.0/24"
        else:
            del draft.datacenter(name)["networks"]["value"]["manta"]
    return True
