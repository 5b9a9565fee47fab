"""ping and nc as illumos has them. Formats: facts, "Probing from inside a zone"."""

from __future__ import annotations

import asyncio
import os
import socket
import struct

from lab.commands.call import NOT_IMITATED, Call, UsageError, command
from lab.machine import namespaces
from lab.machine.machines import Machine
from lab.servers import resolve
from lab.servers.resolve import address_of

KERNEL_TIMEOUT = (
    225.0  # illumos: tcp_ip_abort_cinterval is three minutes or more, and nc -w does not limit it (hazard 4)
)


LAST_WAIT = 10.0
"""How long ping -s waits for the answer to its last packet, in seconds."""


def _checksum(data: bytes) -> int:
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


async def is_alive(machine: Machine, address: str, within: float, size: int = 8) -> bool:
    """Whether an ICMP echo with so many bytes comes back."""
    loop = asyncio.get_running_loop()
    made = namespaces.socket_in(machine.namespace, socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    number = int.from_bytes(os.urandom(2), "big")
    packet = struct.pack("!BBHHH", 8, 0, 0, number, 1) + bytes(size)
    packet = packet[:2] + struct.pack("!H", _checksum(packet)) + packet[4:]
    try:
        made.connect((address, 0))
        await loop.sock_sendall(made, packet)
        async with asyncio.timeout(within):
            while True:
                answer = await loop.sock_recv(made, 65536)
                if answer[20] == 0 and bytes(answer[24:26]) == packet[4:6]:
                    return True
    except (OSError, TimeoutError):
        return False
    finally:
        made.close()


@command("ping")
async def ping(call: Call) -> int:
    words = call.arguments
    if words[:2] == ["-s", "-n"] and len(words) == 5 and words[3:] == [words[3], "1"] and words[3].isdigit():
        return await _measured(call, words[2], int(words[3]))
    if not 1 <= len(words) <= 2 or words[0].startswith("-") or (words[1:] and not words[1].isdigit()):
        raise UsageError(
            "ping: the lab imitates illumos's `ping HOST [TIMEOUT]` and `ping -s -n HOST BYTES 1`: no -c, no -W",
            NOT_IMITATED,
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


async def _measured(call: Call, host: str, size: int) -> int:
    """`ping -s -n HOST BYTES 1`: it waits for the answer for ten seconds.  Source: usr/src/cmd/cmd-inet/usr.sbin/ping/ping.c."""
    try:
        address = await address_of(call.machine, host)
    except resolve.ResolveError:
        raise UsageError(f"/usr/sbin/ping: unknown host {host}", 1) from None
    call.out(f"PING {host} ({address}): {size} data bytes\n")
    began = asyncio.get_running_loop().time()
    came = await is_alive(call.machine, address, LAST_WAIT, size)
    took = (asyncio.get_running_loop().time() - began) * 1000
    if came:
        call.out(f"{size + 8} bytes from {address}: icmp_seq=0. time={took:.3f} ms\n")
    lost = 0 if came else 100
    call.out(
        f"\n----{host} PING Statistics----\n1 packets transmitted, {int(came)} packets received, {lost}% packet loss\n"
    )
    return int(not came)


@command("nc")
async def nc(call: Call) -> int:
    scan, loud, words = False, False, []
    rest = iter(call.arguments)
    for word in rest:
        if word == "-w":
            next(rest, None)  # does not limit connect() on illumos
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
