"""What a datacenter may say of its own addresses, before something is typed in another one because of it.

A NAPI that lies, or was typed wrongly, tells an admin network of everybody, or an address of somebody else. What is made of it in another
datacenter would let in the world, or lead away what is meant for a third.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network

from evidence.fact import Missing
from evidence.subjects.datacenter import Datacenter
from evidence.subjects.network.ground import zones_of
from evidence.subjects.network.routes import address_in, between, subnet
from remediate.typed import NotOfTheFormError

PRIVATE = tuple(map(IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10")))
"""RFC 1918 and RFC 6598. None of them is wider than a /8."""


def networks(datacenter: Datacenter) -> dict[str, IPv4Network]:
    """The networks of a datacenter that exist to be routed between datacenters, by name; none if NAPI cannot be asked."""
    try:
        told = datacenter.networks.values()
    except Missing:
        return {}
    return {each.name: net for each in told if between(each) and (net := subnet(each.subnet)) is not None}


def routable(net: IPv4Network, host: str, datacenter: Datacenter) -> str:
    """The network in which an address lies, if it can be the datacenter's own: it is private, and nothing of another one lies in it.

    Else the address alone, if one of its zones has it. Raises NotOfTheFormError where not even that is known.
    """
    private = any(net.subnet_of(each) for each in PRIVATE)
    if private and not any(net.overlaps(each) for dc in _others(datacenter) for each in _ground(dc)):
        return str(net)
    if host in map(str, _addresses(datacenter)):
        return host
    raise NotOfTheFormError(f"network that {datacenter.name} alone can have", str(net))


def own(host: str, datacenter: Datacenter) -> str:
    """An address that a datacenter can have. Raises NotOfTheFormError for another one's, and for what is nobody's."""
    address = address_in(host)
    if address is None:
        raise NotOfTheFormError("IPv4 address", host)
    routed = (net for dc in _others(datacenter) for net in networks(dc).values() if net.prefixlen)
    held = {str(nic) for dc in _others(datacenter) for nic in _addresses(dc)}
    if _is_nobodys(address) or host in held or any(address in net for net in routed):
        raise NotOfTheFormError(f"address that {datacenter.name} alone can have", host)
    return host


def _is_nobodys(address: IPv4Address) -> bool:
    kinds = (address.is_loopback, address.is_link_local, address.is_multicast, address.is_unspecified)
    return any(kinds) or address in IPv4Network("240.0.0.0/4") or address in IPv4Network("0.0.0.0/8")


def _others(datacenter: Datacenter) -> list[Datacenter]:
    return [dc for dc in datacenter.world.datacenters if dc.name != datacenter.name]


def _ground(datacenter: Datacenter) -> Iterator[IPv4Network]:
    """The networks that are routed to it, and its addresses outside of them. A network of everybody is nobody's."""
    yield from (net for net in networks(datacenter).values() if net.prefixlen)
    yield from map(IPv4Network, _addresses(datacenter))


def _addresses(datacenter: Datacenter) -> Iterator[IPv4Address]:
    for nic in (nic for zone in zones_of(datacenter) for nic in zone.vm.nics):
        if (address := address_in(nic.ip)) is not None:
            yield address
