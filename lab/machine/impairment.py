"""A path between two datacenters that loses packets: what a router forwards there passes a tun device, and the lab itself.

Not every kernel has netem.  Source: Linux, Documentation/networking/tuntap.rst; ip-rule(8).
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import pathlib
import struct

from lab.machine import namespaces
from lab.machine.net import router

SET_INTERFACE = 0x400454CA
TUN_WITHOUT_HEADER = 0x1001
TABLE = "77"


class Impairment:
    """Loses packets that are larger than `largest` bytes (0: none), and `loses` `of` so many, spread evenly."""

    def __init__(self, largest: int = 0, loses: int = 0, of: int = 1) -> None:
        self.largest, self.loses, self.of = largest, loses, of
        self._tun, self._passed, self._namespace = -1, 0, ""

    def begin(self, datacenter: str, to: str) -> None:
        """Lead what the router of a datacenter forwards to a network through the device."""
        self._namespace = router(datacenter)
        with namespaces.inside(self._namespace):
            self._tun = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
            fcntl.ioctl(self._tun, SET_INTERFACE, struct.pack("16sH", b"impaired", TUN_WITHOUT_HEADER))
            pathlib.Path("/proc/sys/net/ipv4/conf/impaired/rp_filter").write_text("0", encoding="ascii")
        namespaces.run_batch(
            [
                "link set impaired up",
                f"route add default dev impaired table {TABLE}",
                "rule add pref 20 iif impaired lookup main",
                f"rule add pref 21 to {to} lookup {TABLE}",
            ],
            self._namespace,
        )
        asyncio.get_running_loop().add_reader(self._tun, self._pass_on)

    def end(self) -> None:
        """Forward as before."""
        asyncio.get_running_loop().remove_reader(self._tun)
        namespaces.run_batch(["rule del pref 20", "rule del pref 21"], self._namespace)
        os.close(self._tun)

    def _pass_on(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                packet = os.read(self._tun, 65536)
                self._passed += 1
                lost = (self._passed * self.loses) % self.of < self.loses
                if not lost and not (self.largest and len(packet) > self.largest):
                    with contextlib.suppress(OSError):
                        os.write(self._tun, packet)
