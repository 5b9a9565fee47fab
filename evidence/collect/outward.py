"""Which addresses outside of the tunnels may be asked. A datacenter names the URL, and the request comes from the operator's machine.

So a datacenter must not choose what this machine connects to: itself, what only its network sees (the metadata of a cloud), or a neighbour.
A private address is asked only where it is the datacenter's own cloudapi's, at its own port.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Collection, Iterable

from evidence.collect.unanswered import UnansweredError
from evidence.inventory.model import Declared

PORT = 443
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def named(declared: Declared) -> frozenset[str]:
    """The hosts that the inventory itself names for a datacenter."""
    endpoints = (each.host for each in declared.endpoints.values())
    return frozenset({declared.headnode.rpartition("@")[2], declared.ufds_address or "", *endpoints} - {""})


def addresses(host: str, port: int) -> list[str]:
    """The addresses of a host, IPv4 first. Blocking. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(each[4][0]) for each in sorted(found, key=lambda each: each[0] != socket.AF_INET)]


def permitted(host: str, port: int, found: Iterable[str], own: Collection[str], known: Collection[str]) -> str:
    """The first of a host's addresses, if all of them may be asked. Raises UnansweredError.

    `own` are the addresses of the datacenter's own cloudapi, `known` the hosts that the inventory names.
    """
    each_of = list(found)
    for each in each_of:
        if host in known or each in known:
            continue
        address = _plain(each)
        its_own = each in own and port == PORT
        if not _is_routed(address) or not (address.is_global or its_own):
            raise UnansweredError(
                f"{host}:{port} leads to {each}, which is not an address of the Internet, and not port {PORT} of a cloudapi zone of "
                "this datacenter: it is not asked"
            )
    return each_of[0]


def _is_routed(address: Address) -> bool:
    return not (address.is_loopback or address.is_link_local or address.is_multicast or address.is_reserved)


def _plain(text: str) -> Address:
    """An address; of one that is an IPv4 address within an IPv6 one, the IPv4 address."""
    address = ipaddress.ip_address(text.partition("%")[0])
    within = getattr(address, "ipv4_mapped", None) or getattr(address, "sixtofour", None)
    return within if isinstance(within, ipaddress.IPv4Address) else address
