"""netstat, route, ping, nc and dig as illumos has them.  Formats: facts, "Routes", "Probing from inside a zone"."""

from __future__ import annotations

import asyncio
import ipaddress
import os
import pathlib
import socket
import struct
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
from lab.machine import net
from lab.machine.machines import Machine
from lab.servers import resolve
from lab.servers.resolve import address_of

KERNEL_TIMEOUT = 225.0  # illumos: tcp_ip_abort_cinterval is three minutes and more; nc -w does not bound it (hazard 4)


def _table(machine: Machine) -> list[tuple[ipaddress.IPv4Network, str | None, str]]:
    found = []
    for to, (gateway, interface) in net.routes(machine.namespace).items():
        found.append((ipaddress.IPv4Network("0.0.0.0/0" if to == "default" else to), gateway, interface))
    return sorted(found, key=lambda route: (route[0].prefixlen != 0, int(route[0].network_address)))


@command("netstat")
async def netstat(call: Call) -> int:
    wanted = "".join(word.lstrip("-") for word in call.arguments)
    if "r" not in wanted or set(wanted) - set("rnfinet"):
        raise UsageError("netstat: the lab imitates `netstat -rn [-f inet]` only", NOT_IMITATED)
    addresses = {nic.interface: nic.ip for nic in call.machine.zone.nics}
    call.out("\nRouting Table: IPv4\n")
    call.out("  Destination           Gateway           Flags  Ref     Use     Interface \n")
    call.out("-------------------- -------------------- ----- ----- ---------- --------- \n")
    rows = []
    for network, gateway, interface in _table(call.machine):
        to = "default" if network.prefixlen == 0 else str(network.network_address)
        flags = "U" + "G" * (gateway is not None) + "H" * (network.prefixlen == 32)
        rows.append((to, gateway or addresses.get(interface, "-"), flags, "" if gateway else interface))
    rows.append(("127.0.0.1", "127.0.0.1", "UH", "lo0"))
    for to, via, flags, interface in rows:
        call.out(f"{to:<20} {via:<20} {flags:<5} {2:>5} {0:>10} {interface:<9} \n")
    return 0


@command("route")
async def route(call: Call) -> int:
    words: list[str] = []
    persistent, machine = False, call.machine
    rest = iter(call.arguments)
    for word in rest:
        if word == "-p":
            persistent = True
        elif word == "-z":
            found = call.site.by_uuid(next(rest, "")) if call.on_headnode else None
            if found is None:
                raise UsageError("route: no such zone", 1)
            machine = found
        elif word == "-netmask" and words:
            words[-1] += f"/{next(rest, '')}"
        elif word not in ("-n", "-net", "-host", "-inet"):
            words.append(word)
    match words:
        case ["get", host]:
            return _get(call, machine, host)
        case ["add" | "delete" as verb, target, gateway]:
            return _change(call, machine, verb, target, gateway, persistent)
        case ["-p", "show"] | ["show"]:
            kept = (
                _persistent(machine).read_text(encoding="utf-8").splitlines() if _persistent(machine).exists() else []
            )
            call.out(
                "".join(f"persistent: route add {line}\n" for line in kept) or "No persistent routes are defined\n"
            )
            return 0
    imitated = "route [-n] [-z ZONE] [-p] add|delete NET/LEN|HOST GATEWAY, get HOST, and -p show"
    raise UsageError(f"route: the lab imitates {imitated}", NOT_IMITATED)


def _get(call: Call, machine: Machine, host: str) -> int:
    try:
        address = ipaddress.IPv4Address("0.0.0.0" if host == "default" else host)
    except ValueError:
        raise UsageError(f"{host}: bad value", 1) from None
    found = [entry for entry in _table(machine) if address in entry[0]]
    if not found:
        raise UsageError("route: writing to routing socket: No such process", 1)
    network, gateway, interface = max(found, key=lambda entry: entry[0].prefixlen)
    default = network.prefixlen == 0
    flags = "UP" + ",GATEWAY" * (gateway is not None) + ",HOST" * (network.prefixlen == 32) + ",DONE,STATIC"
    call.out(f"   route to: {host}\n")
    call.out(f"destination: {'default' if default else network.network_address}\n")
    call.out(f"       mask: {'default' if default else network.netmask}\n")
    if gateway:
        call.out(f"    gateway: {gateway}\n")
    call.out(f"  interface: {interface}\n      flags: <{flags}>\n")
    call.out(" recvpipe  sendpipe  ssthresh    rtt,ms rttvar,ms  hopcount      mtu     expire \n")
    call.out("       0         0         0         0         0         0      1500         0 \n")
    return 0


def _persistent(machine: Machine) -> pathlib.Path:
    return machine.root / "etc/inet/static_routes"


def _change(call: Call, machine: Machine, verb: str, target: str, gateway: str, persistent: bool) -> int:
    try:
        network = ipaddress.IPv4Network("0.0.0.0/0" if target == "default" else target, strict=False)
        to = "default" if network.prefixlen == 0 else str(network)
        via = str(ipaddress.IPv4Address(gateway))
    except ValueError:
        raise UsageError(f"{target}: bad value", 1) from None
    kind = "host" if network.prefixlen == 32 else "net"
    shown = f"{kind} {target}: gateway {via}"
    present = to in net.routes(machine.namespace)
    if verb == "delete":
        if not present:
            raise UsageError(f"delete {shown}: not in table", 1)
        net.set_routes(machine.namespace, {}, [to])
        call.out(f"delete {shown}\n")
    elif present:
        raise UsageError(f"add {shown}: entry exists", 1)
    else:
        try:
            net.set_routes(machine.namespace, {to: via})
        except net.NetworkError:
            raise UsageError(f"add {shown}: Network is unreachable", 1) from None
        call.out(f"add {shown}\n")
    if persistent:
        file = _persistent(machine)
        kept = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
        kept = [line for line in kept if line != f"{target} {via}"]
        file.write_text("".join(f"{line}\n" for line in kept + [f"{target} {via}"] * (verb == "add")), encoding="utf-8")
        call.out(f"{verb} persistent {shown}\n")
    return 0


def _checksum(data: bytes) -> int:
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


async def is_alive(machine: Machine, address: str, within: float) -> bool:
    """Whether an ICMP echo comes back."""
    loop = asyncio.get_running_loop()
    made = net.socket_in(machine.namespace, socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    number = int.from_bytes(os.urandom(2), "big")
    packet = struct.pack("!BBHHH", 8, 0, 0, number, 1) + b"triton.."
    packet = packet[:2] + struct.pack("!H", _checksum(packet)) + packet[4:]
    try:
        made.connect((address, 0))
        await loop.sock_sendall(made, packet)
        async with asyncio.timeout(within):
            while True:
                answer = await loop.sock_recv(made, 2048)
                if answer[20] == 0 and bytes(answer[24:26]) == packet[4:6]:
                    return True
    except (OSError, TimeoutError):
        return False
    finally:
        made.close()


@command("ping")
async def ping(call: Call) -> int:
    words = call.arguments
    if not 1 <= len(words) <= 2 or words[0].startswith("-") or (words[1:] and not words[1].isdigit()):
        raise UsageError(
            "ping: the lab imitates illumos's `ping HOST [TIMEOUT]`, which has no -c and no -W", NOT_IMITATED
        )
    host = words[0]
    try:
        address = await address_of(call.machine, host)
    except resolve.ResolveError:
        raise UsageError(f"/usr/sbin/ping: unknown host {host}", 2) from None
    if await is_alive(call.machine, address, float(words[1]) if words[1:] else 20.0):
        call.out(f"{host} is alive\n")
        return 0
    call.out(f"no answer from {host}\n")
    return 1


@command("nc")
async def nc(call: Call) -> int:
    scan, loud, words = False, False, []
    rest = iter(call.arguments)
    for word in rest:
        if word == "-w":
            next(rest, None)  # does not bound connect() on illumos
        elif word.startswith("-") and not set(word[1:]) - set("zvn"):
            scan, loud = scan or "z" in word, loud or "v" in word
        elif word.startswith("-"):
            raise UsageError(f"nc: the lab does not imitate {word}", NOT_IMITATED)
        else:
            words.append(word)
    if len(words) != 2 or not words[1].isdigit():
        raise UsageError("usage: nc [-vnz] [-w timeout] hostname port", 1)
    host, port = words[0], int(words[1])
    try:
        reader, writer = await call.machine.dial.tcp(await address_of(call.machine, host), port, KERNEL_TIMEOUT)
    except resolve.ResolveError:
        raise UsageError(f"nc: getaddrinfo: {host}: node name or service name not known", 1) from None
    except (OSError, TimeoutError) as error:
        said = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else "Connection timed out"
        raise UsageError(f"nc: connect to {host} port {port} (tcp) failed: {said}" if loud else "", 1) from None
    try:
        if loud:
            call.err(f"Connection to {host} {port} port [tcp/*] succeeded!\n")
        if not scan:
            writer.write(await call.stdin())
            if writer.can_write_eof():
                writer.write_eof()
            while data := await reader.read(65536):
                call.out(data)
        return 0
    finally:
        writer.close()


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
                continue  # refused at once: dig asks again at once
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
