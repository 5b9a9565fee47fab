"""What a route may rest on: a destination that another datacenter really has, and the router that leads to the others.

A route in NAPI reaches every zone of its network, so a route that was typed wrongly in one zone must not be made durable.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from ipaddress import IPv4Network

from evidence.fact import Missing
from evidence.model import Network
from evidence.subjects.datacenter import Datacenter
from evidence.subjects.network.routes import address_in, between, subnet
from evidence.subjects.triton import GLOBAL, role_of
from evidence.subjects.zone import Zone


def zones_of(datacenter: Datacenter) -> list[Zone]:
    """Every zone that was seen, by alias."""
    seen = datacenter.evidence.zones.known()
    readable = {alias: zone for alias, zone in sorted(seen.items()) if not zone.vm.unread}
    roles = ((role_of(zone.vm.role), alias) for alias, zone in readable.items())
    return [Zone(datacenter, role, alias) for role, alias in roles if role is not None]


def grounds(datacenter: Datacenter) -> list[IPv4Network]:
    """What a datacenter was seen to have: the networks of its core zones, and their addresses."""
    nics = [nic for zone in zones_of(datacenter) for nic in zone.vm.nics]
    on = {nic.network_uuid for nic in nics}
    networks = [net.subnet for net in datacenter.networks.values() if between(net) or net.uuid in on]
    return _nets([*networks, *(nic.ip for nic in nics)])


def _nets(texts: Iterable[str]) -> list[IPv4Network]:
    return [net for text in texts if (net := subnet(text)) is not None and net.prefixlen]


def doubt_about_destination(datacenter: Datacenter, to: str) -> str:
    """Why no permanent route of the datacenter should lead there; empty if another datacenter has the whole destination."""
    return _elsewhere(datacenter, to)[1]


def _elsewhere(datacenter: Datacenter, to: str) -> tuple[bool | None, str]:
    """Whether another datacenter has the whole destination (None: nobody knows), and if not, why."""
    wanted, within, unknown = subnet(to), [], ""
    if wanted is None:
        return False, f"{to} is no IPv4 address or prefix"
    for other in datacenter.world.datacenters:
        if other.name == datacenter.name:
            continue
        try:
            has = [*_nets([other.declared.ufds_address or ""]), *grounds(other)]
        except Missing as missing:
            if wanted in _nets([other.declared.ufds_address or ""]):
                return True, ""
            unknown = f"whether {other.name} has {to} is not known ({missing})"
            continue
        if any(wanted.subnet_of(net) for net in has):
            return True, ""
        within += [f"{net} ({other.name})" for net in has if net.subnet_of(wanted) and net.prefixlen < 32]
    if within:
        return False, f"{to} is wider than what the other datacenters have: {', '.join(dict.fromkeys(within))}"
    return (None, unknown) if unknown else (False, f"no other datacenter has {to}")


def routers(datacenter: Datacenter, network: Network, besides: Zone | None = None) -> Counter[str]:
    """The routers on a network that lead to other datacenters, and how often each is used.

    If NAPI does not tell, the zones (except `besides`) and the head node do.
    """
    used = _inside(network, _leading(datacenter, network.routes.items()))
    if network.name == "admin" and network.gateway:
        used.update(_inside(network, [network.gateway]))
    if used or not between(network):
        return used
    for zone in zones_of(datacenter):
        if besides is None or zone.id != besides.id:
            used.update(_inside(network, _leading(datacenter, zone.vm.routes.items())))
    for name, link in datacenter.evidence.links.items():
        if name.startswith(f"{datacenter.name}.{GLOBAL}--"):
            ways = [probe.route.partition(" via ") for probe in link.value or ()]
            used.update(_inside(network, _leading(datacenter, ((to, via) for to, _, via in ways))))
    return used


def router(datacenter: Datacenter, network: Network) -> str | None:
    """The router on a network that leads to other datacenters. A router that nobody uses is not guessed."""
    return next((hop for hop, _ in routers(datacenter, network).most_common()), None)


def doubt_about_router(zone: Zone, network: Network, via: str) -> str:
    """Why a zone's router should not go into NAPI's network; empty if it is the one that leads to other datacenters."""
    net, hop = subnet(network.subnet), address_in(via)
    if hop is None or net is None or hop not in net:
        return f"{via} does not lie on NAPI's network {network.name} ({network.subnet})"
    used = routers(zone.datacenter, network, besides=zone)
    if via in used:
        return ""
    known = ", ".join(sorted(used)) or "none that is known"
    return f"{via} is not the router by which network {network.name} reaches other datacenters ({known})"


def _leading(datacenter: Datacenter, routes: Iterable[tuple[str, str]]) -> list[str]:
    """The routers of the routes to what another datacenter has, or may have: a dark one cannot be asked."""
    return [via for to, via in routes if _elsewhere(datacenter, to)[0] is not False]


def _inside(network: Network, hops: Iterable[str]) -> Counter[str]:
    net = subnet(network.subnet)
    return Counter(hop for hop in hops if net is not None and (at := address_in(hop)) is not None and at in net)
