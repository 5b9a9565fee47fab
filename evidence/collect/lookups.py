"""A question to a binder, and what a message says to it, whatever bytes that has."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, TypeVar

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype

from evidence.collect.unanswered import UnansweredError
from evidence.model import DnsAnswer
from evidence.redact import cut

MOST_RECORDS: Final = 100
Record = TypeVar("Record", int, str)


class Lookup:
    """For A records, or for SRV records if the name begins with an underscore. Raises UnansweredError if it is no name."""

    def __init__(self, name: str) -> None:
        self._kind = dns.rdatatype.SRV if name.startswith("_") else dns.rdatatype.A
        try:
            self._query = dns.message.make_query(name, self._kind, use_edns=False)
        except (dns.exception.DNSException, ValueError, UnicodeError):
            raise UnansweredError(f"{cut(name)!r} is not a DNS name") from None
        self._query.flags |= dns.flags.RD

    @property
    def wire(self) -> bytes:
        return self._query.to_wire()

    def answered(self, wire: bytes, ms: int) -> DnsAnswer:
        """What the message says. Raises UnansweredError if it is one to another question."""
        return read(wire, self._query, self._kind, ms)


def read(wire: bytes, query: dns.message.Message, kind: dns.rdatatype.RdataType, ms: int) -> DnsAnswer:
    """What a message says to a question, whatever bytes it has.  Raises UnansweredError if it is one to another question."""
    try:
        answer = dns.message.from_wire(wire)
        if not query.is_response(answer):
            raise UnansweredError("binder's answer is to another question")
        if answer.flags & dns.flags.TC:
            return DnsAnswer("NONSENSE", (), ms, "the answer is cut off")
        rcode = dns.rcode.to_text(answer.rcode())
        ours = (each for each in answer.answer if (each.rdtype, each.rdclass) == (kind, dns.rdataclass.IN))
        records = [record for rrset in ours for record in rrset]
        if kind == dns.rdatatype.SRV:
            return DnsAnswer(rcode, ms=ms, ports=_some(record.port for record in records))
        return DnsAnswer(rcode, _some(record.address for record in records), ms)
    except (dns.exception.DNSException, ValueError, IndexError):
        return DnsAnswer("NONSENSE", (), ms, "what came is not a DNS message")


def _some(found: Iterable[Record]) -> tuple[Record, ...]:
    return tuple(sorted(set(found))[:MOST_RECORDS])
