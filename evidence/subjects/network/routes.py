"""Routes and addresses of zones: which route leads to an address, and from which address the zone speaks.

Checks that look for a route and remedies that set it use the same meaning.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from evidence.fact import Missing
from evidence.model import Network, Nic, Vm
from evidence.subjects.datacenter import Datacenter
from evidence.subjects.triton import GLOBAL
from evidence.subjects.zone import Zone

LINKLOCAL = "linklocal"
"""Stands in NAPI in place of a gateway: the destination is on the NIC's own link."""


def between(network: Network) -> bool:
    """Whether a network is meant to be routed between datacenters: admin, and Manta's, of which each rack may have one (RFD 152)."""
    return re.fullmatch(r"admin|manta(_rack_[A-Za-z0-9_-]+)?", network.name) is not None


def subnet(text: str) -> IPv4Network | None:
    """A destination as routes name it ("10.2.1.0/24", "10.2.2.29"), or None for anything else."""
    try:
        return IPv4Network(text, strict=False)
    except ValueError:
        return None


def address_in(text: str) -> IPv4Address | None:
    """A text as an address, or None: NICs and metadata may hold "dhcp", a name, or anything else."""
    try:
        return IPv4Address(text)
    except ValueError:
        return None


def covering(routes: Mapping[str, str], host: str) -> str | None:
    """The most specific destination that contains the host; a default route does not count."""
    address = address_in(host)
    nets = {key: net for key in routes if (net := subnet(key)) is not None}
    found = [key for key, net in nets.items() if net.prefixlen and address is not None and address in net]
    return max(found, key=lambda key: nets[key].prefixlen, default=None)


def routed(routes: Iterable[str], wanted: str) -> bool:
    """Whether one of the routes leads to the whole of a subnet; a default route does not count."""
    want = subnet(wanted)
    nets = [net for key in routes if (net := subnet(key)) is not None and net.prefixlen]
    return want is not None and any(want.subnet_of(net) for net in nets)


def nic_towards(vm: Vm, host: str) -> Nic | None:
    """The NIC on whose own network an address lies."""
    address = address_in(host)
    for nic in vm.nics:
        net = subnet(f"{nic.ip}/{nic.netmask}") if nic.netmask else None
        if net is not None and address is not None and address in net:
            return nic
    return None


def by_default(vm: Vm, host: str) -> Nic | None:
    """The NIC whose default gateway may lead to a host of another datacenter, if there is one.

    The gateway of a routable admin network leads to the other admin networks. The gateway of an external network leads to addresses of
    the Internet, and mostly to no others. Only the primary NIC's counts.
    """
    address = address_in(host)
    nic = next((nic for nic in vm.nics if nic.primary and nic.gateway), None)
    leads = nic is not None and address is not None and (nic.nic_tag == "admin" or address.is_global)
    return nic if leads else None


def has_route(zone: Zone, host: str) -> bool:
    """Whether the zone itself has a route to the host, or is on its network; of default routes see by_default."""
    vm = zone.vm
    return any((nic_towards(vm, host), covering(zone.routes, host), by_default(vm, host)))


def network_of(datacenter: Datacenter, nic: Nic) -> Network | None:
    """The NAPI network of a NIC."""
    found = next((net for net in datacenter.networks.values() if net.uuid == nic.network_uuid), None)
    if found is None:
        datacenter.need_all_networks()
    return found


def napi_route(zone: Zone, host: str) -> tuple[Network, str] | None:
    """The zone's network, and its route, by which NAPI makes net-agent lead the zone to a host."""
    for nic in zone.vm.nics:
        network = network_of(zone.datacenter, nic)
        known = covering(network.routes, host) if network is not None else None
        if network is not None and known is not None:
            return network, known
    return None


def source_address(zone: Zone, host: str) -> str:
    """The address from which the zone speaks to the host: that of the NIC towards the gateway, else of its admin NIC."""
    if zone.role == GLOBAL:
        return zone.address("admin")
    vm, routes = zone.vm, zone.routes
    known = covering(routes, host)
    nic = nic_towards(vm, routes[known]) if known is not None else nic_towards(vm, host) or by_default(vm, host)
    return nic.ip if nic is not None else zone.address("admin")


@dataclass(frozen=True)
class Passing:
    """Routes of a zone that will not last because NAPI does not know them: those that vmadm has, and those in the kernel only.

    `unseen` says why the kernel's routes are not known, if so.
    """

    by_vmadm: dict[str, str]
    by_hand: dict[str, str]
    unseen: Missing | None = None


def passing(zone: Zone) -> Passing:
    """The zone's routes that NAPI does not know. A route that was typed in the zone is only in its kernel."""
    known, by_vmadm = _known_to_napi(zone), zone.vm.routes
    unknown = {to: via for to, via in by_vmadm.items() if not _covered(to, via, known)}
    try:
        kernel = zone.kernel or ()
    except Missing as missing:
        return Passing(unknown, {}, missing)
    either = known | set(by_vmadm.items())
    return Passing(unknown, {to: via for to, via in kernel if not _covered(to, via, either)})


def _known_to_napi(zone: Zone) -> set[tuple[str, str]]:
    """The routes that NAPI has for the zone's networks, with gateways as vmadm writes them.

    `linklocal` is the NIC on that network (sdc-napi:lib/models/nic/obj.js); vmadm writes it by its MAC or its number.
    """
    networks = {network.uuid: network for network in zone.datacenter.networks.values()}
    found: set[tuple[str, str]] = set()
    for number, nic in enumerate(zone.vm.nics):
        if nic.network_uuid not in networks:
            zone.datacenter.need_all_networks()
            continue
        for to, via in networks[nic.network_uuid].routes.items():
            ways = (f"macs[{nic.mac}]", f"nics[{number}]") if via == LINKLOCAL else (via,)
            found |= {(to, way) for way in ways}
    return found


def _covered(to: str, via: str, known: set[tuple[str, str]]) -> bool:
    """Whether one of the routes leads there by the same gateway."""
    return (to, via) in known or routed([net for net, hop in known if hop == via], to)
