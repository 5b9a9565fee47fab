"""The zone script's score of datagrams, against a server that loses some: a path is accused only if it loses one by one, too."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest

from evidence.collect import zone
from evidence.subjects.claims import judged
from evidence.subjects.links import links
from tests.recording import recorded

Kept = Callable[[int], bool]
"""Whether the datagram of this number (from 1) is answered."""


class Server(asyncio.DatagramProtocol):
    def __init__(self, kept: Kept) -> None:
        self.kept, self.count = kept, 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.count += 1
        if self.kept(self.count):
            self.transport.sendto(data, addr)


async def measured(kept: Kept) -> str:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: Server(kept), ("127.0.0.1", 0))
    port = transport.get_extra_info("sockname")[1]
    try:
        process = await asyncio.create_subprocess_exec(
            "bash",
            "-s",
            "--",
            "30",
            f"loss:127.0.0.1:{port}",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        out, _ = await process.communicate(zone.SCRIPT.encode())
    finally:
        transport.close()
    (probe,) = zone.read(out).probes.values()
    return f"{probe.result} {probe.detail}".strip()


@pytest.mark.parametrize(
    ("kept", "result"),
    [
        (lambda number: True, "open"),
        (lambda number: number != 7, "open"),  # one of forty is nobody's business
        (lambda number: number <= 10 or number > 20, "open"),  # it loses of a burst, and nothing one by one
        (lambda number: number % 5 > 1, "lost 16 of 40 datagrams"),
        (lambda number: number <= 20 and number % 5 > 1, "unknown"),  # it fell silent
        (lambda number: False, "unknown"),
    ],
)
def test_a_path_is_accused_of_what_it_loses_one_by_one(kept: Kept, result: str) -> None:
    assert asyncio.run(measured(kept)) == result


def answered(folder: Path, small: str, large: str) -> str:
    """What a zone says of a path whose ping does so with small packets and large ones."""
    ping = folder / "ping"
    ping.write_text(f"#!/bin/bash\nif [[ $1 == -s ]]; then {large}; else {small}; fi\n")
    ping.chmod(0o755)
    script = zone.SCRIPT.replace("ping=$(tool ping)", f"ping={ping}")
    assert script != zone.SCRIPT
    done = subprocess.run(
        ["bash", "-s", "--", "2", "size:10.0.0.9:1472"], input=script.encode(), capture_output=True, check=True
    )
    (probe,) = zone.read(done.stdout).probes.values()
    return f"{probe.result} {probe.detail}".strip()


CAME = "echo '1480 bytes from 10.0.0.9: icmp_seq=0. time=1.234 ms'"
LATE = "sleep 30"
ONE_OF_TWO = 'if mkdir "$0.first" 2> /dev/null; then sleep 30; fi; ' + CAME


@pytest.mark.parametrize(
    ("small", "large", "result"),
    [
        ("true", CAME, "open 1.234 ms"),
        ("true", "echo something else", "open"),
        ("true", ONE_OF_TWO, "open 1.234 ms"),  # one that is lost is nobody's business
        ("true", "exit 1", "lost no packet with 1472 bytes comes back, and small ones do"),
        ("true", LATE, "lost no packet with 1472 bytes comes back, and small ones do"),
        ("exit 1", "exit 1", "unknown"),  # some networks drop every ping
        ("if mkdir $0.small 2> /dev/null; then exit 0; fi; sleep 30", LATE, "unknown"),  # the zone is slow in all
    ],
)
def test_a_large_packet_is_lost_only_if_small_ones_overtake_it(
    small: str, large: str, result: str, tmp_path: Path
) -> None:
    assert answered(tmp_path, small, large) == result


def test_each_pair_of_datacenters_is_measured_once_in_each_direction() -> None:
    evidence = recorded("healthy-instances-binder-2-cloudapi-2")
    found = [link for link in links(judged(evidence.inventory, evidence), "binder-reaches-binder") if link.measures]
    assert len({(link.source.datacenter.name, link.target.name) for link in found}) == len(found) == 6
    assert [target.protocol for target in zone.targets(found[0])] == ["tcp", "udp", "loss", "size"]
