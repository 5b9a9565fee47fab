"""Asks a binder: this is how zones of the lab find each other by name."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Sequence

import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype

from lab.machine import kinds
from lab.machine.machines import Machine

DNS_PORT = 53
UDP_PAYLOAD = 1420  # as mname-client offers it
TIMEOUT = 4.0  # binder says REFUSED after three seconds if another datacenter's binder is dead


class ResolveError(Exception):
    """There is no answer, or none that helps."""


async def ask(
    dial: kinds.Dial, server: str, name: str, kind: str, *, recursion: bool = True, within: float = TIMEOUT
) -> dns.message.Message:
    """Ask one question. Raises ResolveError if the server does not answer or talks nonsense."""
    query = dns.message.make_query(name, kind, use_edns=0, payload=UDP_PAYLOAD)
    query.flags = dns.flags.RD if recursion else dns.flags.Flag(0)
    try:
        answer = await exchange(dial, server, query, within)
    except (OSError, TimeoutError, dns.exception.DNSException) as error:
        raise ResolveError(f"{name}: {server} does not answer ({error or type(error).__name__})") from error
    if not query.is_response(answer):
        raise ResolveError(f"{name}: {server} answered something else")
    return answer


async def exchange(dial: kinds.Dial, server: str, query: dns.message.Message, within: float) -> dns.message.Message:
    """Ask over UDP, and again over TCP if that was too small. Raises OSError, TimeoutError or DNSException."""
    answer = dns.message.from_wire(await dial.udp(server, DNS_PORT, query.to_wire(), within))
    if not answer.flags & dns.flags.TC:
        return answer
    reader, writer = await dial.tcp(server, DNS_PORT, within)
    try:
        async with asyncio.timeout(within):
            wire = query.to_wire()
            writer.write(len(wire).to_bytes(2, "big") + wire)
            return dns.message.from_wire(await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big")))
    except EOFError as error:
        raise ConnectionResetError("the connection was closed without an answer") from error
    finally:
        writer.close()


async def resolve(dial: kinds.Dial, server: str, name: str, kind: str) -> list[str]:
    """The answer section as texts: addresses for "A", "priority weight port target" for "SRV"."""
    answer = await ask(dial, server, name, kind)
    if answer.rcode() != dns.rcode.NOERROR:
        raise ResolveError(f"{name}: {dns.rcode.to_text(answer.rcode())} from {server}")
    wanted = dns.rdatatype.from_text(kind)
    return [record.to_text() for rrset in answer.answer if rrset.rdtype == wanted for record in rrset]


async def resolve_any(dial: kinds.Dial, servers: Sequence[str], name: str, kind: str) -> list[str]:
    """Like `resolve`, with the first of several binders that has an answer."""
    last = ResolveError(f"{name}: no name server")
    for server in servers:
        try:
            found = await resolve(dial, server, name, kind)
        except ResolveError as error:
            last = error
            continue
        if found:
            return found
        last = ResolveError(f"{name}: nothing registered")
    raise last


async def resolve_address(dial: kinds.Dial, servers: Sequence[str], host: str) -> str:
    """`host` itself if it is an address, else the first address that a binder knows for it."""
    try:
        socket.inet_aton(host)
        return host
    except OSError:
        return (await resolve_any(dial, servers, host, "A"))[0]


async def resolve_service(dial: kinds.Dial, servers: Sequence[str], name: str) -> list[tuple[str, int]]:
    """Address and port of each SRV record, in the order of the answer."""
    found = []
    for text in await resolve_any(dial, servers, name, "SRV"):
        _, _, port, target = text.split()
        found.append((await resolve_address(dial, servers, target.rstrip(".")), int(port)))
    return found


async def address_of(machine: Machine, host: str) -> str:
    """An address as it is, or a name looked up at the zone's name servers."""
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return await resolve_address(machine.dial, machine.binders, host)
