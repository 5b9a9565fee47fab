"""What a binder may send over its connection: any bytes, and messages that are DNS and say something else. AZ_FUZZ=20 makes it longer."""

from __future__ import annotations

import random
from typing import Final

import dns.message
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import pytest

from evidence.collect import lookups
from evidence.collect.unanswered import UnansweredError
from tests.security.test_fuzz import LONG

RCODES: Final = frozenset({"NOERROR", "NXDOMAIN", "SERVFAIL", "REFUSED", "NONSENSE"})
KINDS: Final = {
    "A": ("ufds.my-dc.example.com.", "10.1.1.29"),
    "SRV": ("_moray._tcp.moray.my-dc.example.com.", "0 10 2021 moray."),
}
CLASSES: Final = ("IN", "CH", "HS", "ANY")


def asked_and_answered(kind: str, answers: int, rdclass: str = "IN") -> tuple[dns.message.Message, bytes]:
    name, value = KINDS[kind]
    query = dns.message.make_query(name, kind, use_edns=False)
    answer = dns.message.make_response(query)
    for number in range(answers):
        text = value if kind == "SRV" else f"10.1.1.{number}"
        answer.answer.append(dns.rrset.from_text(name, 60, "IN", kind, text))
    wire = bytearray(answer.to_wire())
    if rdclass != "IN" and answers:
        at = wire.rindex(dns.rdatatype.from_text(kind).to_bytes(2) + (1).to_bytes(2) + (60).to_bytes(4))
        wire[at + 2 : at + 4] = int(dns.rdataclass.from_text(rdclass)).to_bytes(2)
    return query, bytes(wire)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rdclass", CLASSES)
def test_another_class_is_no_address(kind: str, rdclass: str) -> None:
    query, wire = asked_and_answered(kind, 1, rdclass)
    seen = lookups.read(wire, query, dns.rdatatype.from_text(kind), 1)
    assert bool(seen.addresses or seen.ports) is (rdclass == "IN")


@pytest.mark.parametrize("kind", KINDS)
def test_any_bytes_are_an_answer_or_nonsense(kind: str) -> None:
    draw, rdtype = random.Random(kind), dns.rdatatype.from_text(kind)
    for _ in range(2000 * LONG):
        query, wire = asked_and_answered(kind, draw.choice((0, 1, 3, 40)))
        broken = bytearray(wire)
        for _ in range(draw.randrange(4)):
            broken[draw.randrange(len(broken))] = draw.choice((0, 1, 0x0C, 0x3F, 0xC0, 0xFF, draw.randrange(256)))
        broken = broken[: draw.choice((len(broken), draw.randrange(len(broken) + 1)))] + draw.choice(
            (b"", draw.randbytes(9))
        )
        try:
            seen = lookups.read(bytes(broken), query, rdtype, 1)
        except UnansweredError as error:
            assert "another question" in str(error)
            continue
        assert len(seen.addresses) <= lookups.MOST_RECORDS
        assert len(seen.ports) <= lookups.MOST_RECORDS
        assert all(isinstance(each, str) for each in seen.addresses)
