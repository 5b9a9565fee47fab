"""Delays every packet between the operator and the datacenters of a lab, each way: `python -m tools.bench.delay MILLISECONDS`.

What the backbone forwards passes a tun device and this process, which writes it back when its time has come. Not every kernel has netem.
It says "ready", and ends with its standard input. Source: Linux, Documentation/networking/tuntap.rst; ip-rule(8).
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import pathlib
import struct
import sys

from lab.machine import namespaces
from lab.machine.impairment import SET_INTERFACE, TUN_WITHOUT_HEADER
from lab.machine.net import BACKBONE

TABLE = "78"
RULES = (
    "rule add pref 20 iif delayed lookup main",
    f"rule add pref 21 iif operator lookup {TABLE}",
    f"rule add pref 22 to 192.0.2.0/24 lookup {TABLE}",
)


def begin() -> int:
    """Lead what passes through the backbone from and to the operator into the device, and return its file."""
    with namespaces.inside(BACKBONE):
        tun = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        fcntl.ioctl(tun, SET_INTERFACE, struct.pack("16sH", b"delayed", TUN_WITHOUT_HEADER))
        pathlib.Path("/proc/sys/net/ipv4/conf/delayed/rp_filter").write_text("0", encoding="ascii")
    lines = ["link set delayed up txqueuelen 10000", f"route add default dev delayed table {TABLE}", *RULES]
    namespaces.run_batch(lines, BACKBONE)
    return tun


async def pass_on(tun: int, seconds: float) -> None:
    """Write back each packet when its time has come, until nothing holds the standard input open."""
    loop = asyncio.get_running_loop()

    def take() -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                loop.call_later(seconds, write, os.read(tun, 65536))

    def write(packet: bytes) -> None:
        with contextlib.suppress(OSError):
            os.write(tun, packet)

    loop.add_reader(tun, take)
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.read)


def main(milliseconds: float) -> None:
    tun = begin()
    try:
        asyncio.run(pass_on(tun, milliseconds / 1000))
    finally:
        namespaces.run_batch([rule.replace(" add ", " del ", 1) for rule in RULES], BACKBONE)
        os.close(tun)


if __name__ == "__main__":
    main(float(sys.argv[1]))
