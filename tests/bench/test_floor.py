"""The floor reads an HTTP answer as the suite does."""

from __future__ import annotations

import asyncio

from evidence.collect import web
from evidence.collect.fetching import RawAnswer
from tools.bench.floor import page, read_all
from tools.bench.reads import Fetched, Reads

CHUNKED = b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTriton-Datacenter-Name: my-dc-1\r\n\r\n4\r\n{"a"\r\n3\r\n:1}\r\n0\r\n\r\n'


def test_the_floors_page_is_the_suites() -> None:
    async def both() -> tuple[RawAnswer, RawAnswer, list[bytes]]:
        asked: list[bytes] = []

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            asked.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(CHUNKED)
            writer.close()

        async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            url = f"http://127.0.0.1:{port}/ping"
            theirs = await asyncio.to_thread(web.get, url, "10.1.2.3", {"Accept-Version": "~2"}, 5.0)
            wanted = Fetched("h", "http", "10.1.2.3", port, "/ping", {"Accept-Version": "~2"}, theirs)
            ours = await page(wanted, "10.1.2.3", *await asyncio.open_connection("127.0.0.1", port))
        return theirs, ours.answer, asked

    theirs, ours, asked = asyncio.run(both())
    assert (
        (ours.status, ours.text, ours.datacenter)
        == (theirs.status, theirs.text, theirs.datacenter)
        == (200, '{"a":1}', "my-dc-1")
    )
    first, second = (
        {line for line in each.split(b"\r\n") if line and not line.startswith(b"User-Agent")} for each in asked
    )
    assert first == second


def test_what_cannot_be_read_is_not_there() -> None:
    nothing = Fetched("", "https", "https://127.0.0.1:1", 1, "/--ping", {}, RawAnswer(200, "", 0))
    assert asyncio.run(read_all(Reads([], [nothing], [], []))).fetched == []
