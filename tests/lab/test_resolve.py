"""How the lab's daemons ask a binder: over UDP with a larger payload, and over TCP for answers that do not fit."""

from __future__ import annotations

import asyncio

import dns.flags
import dns.message
import dns.rrset

from lab.servers.resolve import UDP_PAYLOAD, resolve

NAME = "_moray._tcp.moray.my-dc-1.srv.example.com"


class Binder:
    """Cuts its answer over UDP, and sends it whole over TCP."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.offered: list[int] = []

    async def udp(self, host: str, port: int, payload: bytes, within: float) -> bytes:
        query = dns.message.from_wire(payload)
        self.offered.append(query.payload)
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.TC
        return answer.to_wire()

    async def tcp(self, host: str, port: int, within: float) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port)


async def _answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    query = dns.message.from_wire(await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big")))
    answer = dns.message.make_response(query)
    answer.answer.append(dns.rrset.from_text(f"{NAME}.", 60, "IN", "SRV", "0 10 2021 a.example.com."))
    wire = answer.to_wire()
    writer.write(len(wire).to_bytes(2, "big") + wire)
    writer.close()


def test_what_was_cut_is_asked_for_again_by_tcp() -> None:
    async def test() -> None:
        async with await asyncio.start_server(_answers, "127.0.0.1", 0) as server:
            binder = Binder(server.sockets[0].getsockname()[1])
            assert await resolve(binder, "10.1.1.11", NAME, "SRV") == ["0 10 2021 a.example.com."]
            assert binder.offered == [UDP_PAYLOAD]

    asyncio.run(test())
