"""dig, as a zone has it.  Formats: facts, "Probing from inside a zone"."""

from __future__ import annotations

import asyncio
import time

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.reversename
import dns.rrset

from lab.commands.call import NOT_IMITATED, Call, UsageError, command


@command("dig")
async def dig(call: Call) -> int:
    server, names, options, reverse = call.machine.binders[0], [], set(), None
    seconds, tries = 5.0, 3
    rest = iter(call.arguments)
    for word in rest:
        if word.startswith("@"):
            server = word[1:]
        elif word.startswith(("+time=", "+tries=")):
            value = int(word.partition("=")[2] or 1)
            seconds, tries = (max(1.0, value), tries) if word.startswith("+time") else (seconds, max(1, value))
        elif word.startswith("+"):
            options.add(word[1:])
        elif word == "-x":
            reverse = next(rest, "")
        elif word == "-t":
            names.append(next(rest, ""))
        elif word.startswith("-"):
            raise UsageError(f"dig: the lab does not imitate {word}", NOT_IMITATED)
        else:
            names.append(word)
    try:
        question, kind = _question(names, reverse)
    except (dns.exception.DNSException, ValueError):
        raise UsageError(f"dig: '{' '.join(names)}' is not a legal name", 10) from None
    query = dns.message.make_query(question, kind, use_edns=False)
    query.flags = dns.flags.Flag(0) if options & {"norecurse", "norec"} else dns.flags.RD
    tcp = bool(options & {"tcp", "vc"})
    began = time.monotonic()
    answer = await _asked(call, server, query, tcp=tcp, seconds=seconds, tries=tries)
    if answer is None:
        call.out(f"\n; <<>> DiG 9.18.0 <<>> {' '.join(call.arguments)}\n;; global options: +cmd\n"
                 ";; connection timed out; no servers could be reached\n")  # fmt: skip
        return 9
    elapsed = round((time.monotonic() - began) * 1000)
    if "short" in options:
        call.out("".join(f"{record.to_text()}\n" for rrset in answer.answer for record in rrset))
    else:
        call.out(_shown(call, answer, options, server, elapsed, tcp))
    return 0


def _question(names: list[str], reverse: str | None) -> tuple[dns.name.Name, str]:
    if reverse is not None:
        return dns.reversename.from_address(reverse), "PTR"
    types = [name.upper() for name in names if name.upper() in dns.rdatatype.RdataType.__members__]
    rest = [name for name in names if name.upper() not in types and name.upper() != "IN"]
    return dns.name.from_text(rest[0] if rest else "."), (types[0] if types else "A")


async def _asked(
    call: Call, server: str, query: dns.message.Message, *, tcp: bool, seconds: float, tries: int
) -> dns.message.Message | None:
    wire = query.to_wire()
    for _ in range(tries):
        began = time.monotonic()
        try:
            if not tcp:
                return dns.message.from_wire(await call.machine.dial.udp(server, 53, wire, seconds))
            reader, writer = await call.machine.dial.tcp(server, 53, seconds)
            try:
                writer.write(len(wire).to_bytes(2, "big") + wire)
                async with asyncio.timeout(seconds):
                    size = int.from_bytes(await reader.readexactly(2), "big")
                    return dns.message.from_wire(await reader.readexactly(size))
            finally:
                writer.close()
        except (OSError, TimeoutError, EOFError, dns.exception.DNSException):
            if not tcp and time.monotonic() - began < seconds:
                continue  # refused at once, so dig asks again at once
    return None


def _shown(call: Call, answer: dns.message.Message, options: set[str], server: str, elapsed: int, tcp: bool) -> str:
    def section(title: str, rrsets: list[dns.rrset.RRset]) -> str:
        lines = [
            f"{rrset.name}\t{rrset.ttl}\tIN\t{dns.rdatatype.to_text(rrset.rdtype)}\t{record.to_text()}\n"
            for rrset in rrsets
            for record in rrset
        ]
        head = "" if "noall" in options else f";; {title} SECTION:\n"
        return head + "".join(lines) + ("" if "noall" in options else "\n") if lines else ""

    if "noall" in options:
        return section("ANSWER", answer.answer) if "answer" in options else ""
    question = answer.question[0] if answer.question else None
    flags = dns.flags.to_text(answer.flags).lower()
    counts = ", ".join(
        f"{name}: {sum(len(rrset) for rrset in rrsets)}"
        for name, rrsets in (
            ("ANSWER", answer.answer),
            ("AUTHORITY", answer.authority),
            ("ADDITIONAL", answer.additional),
        )
    )
    text = (
        f"\n; <<>> DiG 9.18.0 <<>> {' '.join(call.arguments)}\n;; global options: +cmd\n;; Got answer:\n"
        f";; ->>HEADER<<- opcode: {dns.opcode.to_text(answer.opcode())}, status: {dns.rcode.to_text(answer.rcode())}, "
        f"id: {answer.id}\n;; flags: {flags}; QUERY: {len(answer.question)}, {counts}\n\n"
    )
    if question is not None:
        text += f";; QUESTION SECTION:\n;{question.name}\t\t\tIN\t{dns.rdatatype.to_text(question.rdtype)}\n\n"
    text += section("ANSWER", answer.answer) + section("ADDITIONAL", answer.additional)
    size = len(answer.to_wire())
    return text + (
        f";; Query time: {elapsed} msec\n;; SERVER: {server}#53({server}) ({'TCP' if tcp else 'UDP'})\n"
        f";; WHEN: {time.strftime('%a %b %d %H:%M:%S UTC %Y', time.gmtime())}\n;; MSG SIZE  rcvd: {size}\n\n"
    )
