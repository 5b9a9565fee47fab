"""An answer of binder, as it is sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.renderer
import dns.rrset

from lab.servers.binder.registry import Node

LARGEST_UDP = 1470
NO_TTL = 5  # what a TTL of 0 becomes
MEMBER_TYPES = ("load_balancer", "moray_host", "ops_host", "rr_host", "redis_host")
_RENDERER: Any = dns.renderer.Renderer  # without type hints in dnspython


class Reply:
    """An answer in the making."""

    def __init__(self, query: dns.message.Message) -> None:
        self.message = dns.message.make_response(query)
        self.message.flags = query.flags | dns.flags.QR  # the rest is as in the question: RA is never set
        self.message.set_rcode(dns.rcode.REFUSED)
        self._payload = min(query.payload, LARGEST_UDP) if query.edns >= 0 else None

    def say(self, code: dns.rcode.Rcode) -> Reply:
        self.message.set_rcode(code)
        return self

    def add(self, name: str, ttl: int, kind: str, *values: str, additional: bool = False) -> None:
        self.say(dns.rcode.NOERROR)
        section = self.message.additional if additional else self.message.answer
        section.append(dns.rrset.from_text(name.rstrip(".") + ".", ttl or NO_TTL, "IN", kind, *values))

    def has_no_such(self, name: str, domain: str, ttl: int) -> None:
        """The name exists, but not with the kind of record that was asked for."""
        self.say(dns.rcode.NOERROR)
        self.message.flags |= dns.flags.AA
        soa = f"{domain}. hostmaster.{domain}. 0 86400 7200 1209600 {ttl}"
        self.message.authority.append(dns.rrset.from_text(name + ".", ttl or NO_TTL, "IN", "SOA", soa))

    def to_wire(self, limit: int | None = None) -> bytes:
        """Names are not compressed against the question, because binder answers in lower case to a question in upper case."""
        most = limit or self._payload or 512
        sections = {dns.renderer.ANSWER: self.message.answer, dns.renderer.AUTHORITY: self.message.authority,
                    dns.renderer.ADDITIONAL: self.message.additional}  # fmt: skip
        try:
            return self._rendered(sections, most)
        except dns.exception.TooBig:
            self.message.flags |= dns.flags.TC
            return self._rendered({}, most)

    def _rendered(self, sections: Mapping[int, list[dns.rrset.RRset]], limit: int) -> bytes:
        made = _RENDERER(self.message.id, self.message.flags, limit)
        made.add_question(self.message.question[0].name, self.message.question[0].rdtype)
        made.compress.clear()
        for section, rrsets in sections.items():
            for rrset in rrsets:
                made.add_rrset(section, rrset)
        if self._payload is not None and sections:
            made.add_edns(0, 0, self._payload)
        made.write_header()
        return bytes(made.get_wire())


def service_members(reply: Reply, node: Node, asked: str, label: tuple[str, str] | None) -> None:
    """The members of a service: their addresses; or for SRV their ports, with the addresses as additional records."""
    assert node.record is not None
    service = node.record["service"]
    service = service["service"] if isinstance(service.get("service"), Mapping) else service
    ttl = service.get("ttl", node.ttl())
    if label is not None and label != (service.get("srvce"), service.get("proto")):
        reply.say(dns.rcode.NXDOMAIN)
        return
    reply.say(dns.rcode.NOERROR)
    for member in node.children:
        if member.host is None or member.record is None or member.record["type"] not in MEMBER_TYPES:
            continue
        address, own_ttl = member.host["address"], member.ttl(ttl)
        if label is None:
            reply.add(node.name, min(ttl, own_ttl), "A", address)
            continue
        for port in member.host.get("ports") or [service.get("port")]:
            reply.add(asked, ttl, "SRV", f"0 10 {port} {member.name}.")
        reply.add(member.name, own_ttl, "A", address, additional=True)
