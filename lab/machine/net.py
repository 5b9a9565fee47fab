"""The lab's networks: namespaces, bridges, routers, routes, dropped packets, and sockets in other namespaces.

Every zone, head node and router is a network namespace named like its id; `ip netns` keeps them under /run/netns,
which is a tmpfs of the lab's own.  Per datacenter one router namespace carries the bridges br-admin, br-external and
br-manta; the routers meet in the namespace `backbone`.  Routers know every subnet; zones know only their own and what
is set for them.  What comes from an external network for a private destination elsewhere is dropped without a word,
as providers do (so a probe times out), and nobody outside reaches an admin or Manta network from the operator's side.
"""

# ruff: noqa: ASYNC109  a Dial has a timeout of its own: it closes the socket when the time is over

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import pathlib
import socket
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence

from lab.machine import kinds
from lab.plan.datacenters import Datacenter, Nic, Plan, Zone
from lab.plan.names import OPERATOR_ADDRESS

NETNS = "/run/netns"
OPERATOR = "operator"
BACKBONE = "backbone"
TAGS = ("admin", "external", "manta")
CLONE_NEWNET = 0x40000000
# Kernel defaults that would make the lab lie: ICMP errors are answers here, and replies may take another way.
SYSCTLS = {
    "net/ipv4/icmp_ratelimit": "0",
    "net/ipv4/conf/all/rp_filter": "0",
    "net/ipv4/conf/default/rp_filter": "0",
    "net/ipv4/ip_forward": "1",
}

_libc = ctypes.CDLL(None, use_errno=True)


class NetworkError(Exception):
    """`ip` refused something; the message is its own."""


def _setns(descriptor: int) -> None:
    if _libc.setns(descriptor, CLONE_NEWNET) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"setns: {os.strerror(code)}")


@contextlib.contextmanager
def inside(namespace: str) -> Iterator[None]:
    """The calling thread is in `namespace` for the duration; nothing may be awaited in it.

    A socket keeps the namespace in which it was made.  A namespace belongs to a thread, so others are not disturbed.
    """
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        there = os.open(f"{NETNS}/{namespace}", os.O_RDONLY)
        try:
            _setns(there)
        finally:
            os.close(there)
        try:
            yield
        finally:
            _setns(home)
    finally:
        os.close(home)


def socket_in(
    namespace: str,
    family: socket.AddressFamily = socket.AF_INET,
    kind: socket.SocketKind = socket.SOCK_STREAM,
    protocol: int = 0,
) -> socket.socket:
    """A new non-blocking socket that lives in `namespace`."""
    with inside(namespace):
        made = socket.socket(family, kind, protocol)
    made.setblocking(False)
    return made


def listen_in(
    namespace: str, port: int, host: str = "0.0.0.0", kind: socket.SocketKind = socket.SOCK_STREAM
) -> socket.socket:
    """A bound (and, if a stream, listening) non-blocking socket in `namespace`."""
    with inside(namespace):
        return kinds.listening_socket(host, port, kind)


class NamespaceDial:
    """`Dial` from one namespace."""

    def __init__(self, namespace: str) -> None:
        self.namespace = namespace

    async def tcp(self, host: str, port: int, timeout: float) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await kinds.connect(socket_in(self.namespace), host, port, timeout)

    async def udp(self, host: str, port: int, payload: bytes, timeout: float) -> bytes:
        made = socket_in(self.namespace, kind=socket.SOCK_DGRAM)
        return await kinds.exchange(made, host, port, payload, timeout)


def ip(arguments: Iterable[str]) -> str:
    """Runs `ip` once; returns what it printed."""
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise NetworkError(f"ip {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout


def _batch(lines: Iterable[str], namespace: str | None = None) -> subprocess.Popen[str]:
    where = ["-n", namespace] if namespace else []
    process = subprocess.Popen(
        ["ip", *where, "-batch", "-"],
        stdin=subprocess.PIPE, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert process.stdin is not None
    process.stdin.write("\n".join(lines) + "\n")
    process.stdin.close()
    return process


def _finish(process: subprocess.Popen[str], what: str) -> None:
    assert process.stderr is not None
    said = process.stderr.read()
    if process.wait() != 0:
        raise NetworkError(f"{what}: {said.strip()}")


def run_batch(lines: Iterable[str], namespace: str | None = None) -> None:
    """Several `ip` commands in one process, in `namespace` if one is given."""
    _finish(_batch(lines, namespace), f"ip -batch in {namespace or 'the lab'}")


def router(datacenter: str) -> str:
    """The name of a datacenter's router namespace."""
    return f"{datacenter}.router"


def _zone_lines(zone: Zone) -> list[str]:
    lines = ["link set lo up"]
    for nic in zone.nics:
        lines += [f"addr add {nic.ip}/{nic.prefix} dev {nic.interface}", f"link set {nic.interface} up"]
    lines += [f"route add default via {nic.gateway}" for nic in zone.nics if nic.gateway]
    return lines


def _neighbours(datacenter: Datacenter) -> dict[str, list[str]]:
    """Per namespace, who lives at which hardware address of its own networks, for good.

    The kernel learns at most 1024 neighbours for all namespaces together, and twenty datacenters have more; what it is
    told does not count.
    """
    found: dict[str, list[str]] = {}
    for index, tag in enumerate(TAGS, start=1):
        here = [
            (zone.id, nic.interface, nic.ip, nic.mac)
            for zone in (datacenter.headnode, *datacenter.zones)
            for nic in zone.nics
            if nic.nic_tag == tag
        ]
        here.append((router(datacenter.name), f"br-{tag}", f"10.{datacenter.number}.{index}.1", _bridge_mac(index)))
        for name, interface, own, _ in here:
            found.setdefault(name, []).extend(
                f"neigh add {address} lladdr {mac} dev {interface} nud permanent"
                for _, _, address, mac in here
                if address != own
            )
    return found


def _bridge_mac(index: int) -> str:
    return f"02:00:00:00:00:{index:02x}"


def _router_lines(datacenter: Datacenter, ports: list[tuple[str, str]]) -> list[str]:
    number = datacenter.number
    lines = ["link set lo up"]
    for index, tag in enumerate(TAGS, start=1):
        lines += [
            f"link add br-{tag} address {_bridge_mac(index)} type bridge forward_delay 0",
            f"addr add 10.{number}.{index}.1/24 dev br-{tag}",
            f"link set br-{tag} up",
        ]
    for port, tag in ports:
        lines += [f"link set {port} master br-{tag}", f"link set {port} up"]
    lines += [
        f"addr add 172.31.{number}.2/24 dev uplink",
        "link set uplink up",
        f"route add default via 172.31.{number}.1",
        f"rule add pref 1000 iif br-external to 10.{number}.0.0/16 lookup main",
        "rule add pref 1010 iif br-external to 10.0.0.0/8 blackhole",
        f"rule add pref 1020 iif uplink from 192.0.2.0/24 to {datacenter.external_subnet} lookup main",
        "rule add pref 1030 iif uplink from 192.0.2.0/24 to 10.0.0.0/8 blackhole",
    ]
    return lines


def build(the_plan: Plan, more: Mapping[str, Sequence[str]]) -> None:
    """Makes every namespace, wire, address and rule of the plan; routes of zones to other datacenters are not set.

    `more` are lines for the namespaces of some zones.
    """
    names = [BACKBONE, OPERATOR]
    links = [f"link add eth0 netns {OPERATOR} type veth peer name operator netns {BACKBONE}"]
    batches: dict[str, list[str]] = {
        OPERATOR: ["link set lo up", f"addr add {OPERATOR_ADDRESS}/24 dev eth0", "link set eth0 up",
                   "route add default via 192.0.2.1"],
        BACKBONE: ["link set lo up", "addr add 192.0.2.1/24 dev operator", "link set operator up"],
    }  # fmt: skip
    for datacenter in the_plan.datacenters:
        home, number = router(datacenter.name), datacenter.number
        names.append(home)
        links.append(f"link add uplink netns {home} type veth peer name dc{number} netns {BACKBONE}")
        batches[BACKBONE] += [
            f"addr add 172.31.{number}.1/24 dev dc{number}",
            f"link set dc{number} up",
            f"route add 10.{number}.0.0/16 via 172.31.{number}.2",
        ]
        ports: list[tuple[str, str]] = []
        for index, zone in enumerate((datacenter.headnode, *datacenter.zones)):
            names.append(zone.id)
            batches[zone.id] = [*_zone_lines(zone), *more.get(zone.id, ())]
            for nic in zone.nics:
                port = f"z{index}-{nic.interface}"
                made = f"link add {nic.interface} address {nic.mac} netns {zone.id} type veth"
                links.append(f"{made} peer name {port} netns {home}")
                ports.append((port, nic.nic_tag))
        batches[home] = _router_lines(datacenter, ports)
        for name, lines in _neighbours(datacenter).items():
            batches[name] += lines
    run_batch([f"netns add {name}" for name in names])
    for name in names:
        _write_sysctls(name)
    run_batch(links)
    running = [(name, _batch(lines, name)) for name, lines in batches.items()]
    for name, process in running:
        _finish(process, name)


def add_zone(datacenter: Datacenter, zone: Zone) -> None:
    """Makes the namespace of a zone that comes while the lab runs, and wires it to its datacenter's router."""
    home = router(datacenter.name)
    links, ports, known = [], [], []
    for nic in zone.nics:
        port = f"m{zone.nics[0].ip.rpartition('.')[2]}-{nic.interface}"
        made = f"link add {nic.interface} address {nic.mac} netns {zone.id} type veth"
        links.append(f"{made} peer name {port} netns {home}")
        ports += [f"link set {port} master br-{nic.nic_tag}", f"link set {port} up"]
        ports.append(f"neigh add {nic.ip} lladdr {nic.mac} dev br-{nic.nic_tag} nud permanent")
        index = TAGS.index(nic.nic_tag) + 1
        gateway = f"10.{datacenter.number}.{index}.1"
        known.append(f"neigh add {gateway} lladdr {_bridge_mac(index)} dev {nic.interface} nud permanent")
    run_batch([f"netns add {zone.id}"])
    _write_sysctls(zone.id)
    run_batch(links)
    run_batch([*_zone_lines(zone), *known], zone.id)
    run_batch(ports, home)


def add_nic(datacenter: Datacenter, zone: Zone, nic: Nic) -> None:
    """Gives a zone that runs one more interface; one that it has already, and that is down, is taken up again."""
    if nic.interface not in ip(["-n", zone.id, "-o", "link", "show"]):
        home, port = router(datacenter.name), f"x{nic.ip.rpartition('.')[2]}-{nic.interface}"
        made = f"link add {nic.interface} address {nic.mac} netns {zone.id} type veth"
        run_batch([f"{made} peer name {port} netns {home}"])
        run_batch([f"link set {port} master br-{nic.nic_tag}", f"link set {port} up"], home)
    lines = [f"addr replace {nic.ip}/{nic.prefix} dev {nic.interface}", f"link set {nic.interface} up"]
    run_batch([*lines, *([f"route replace default via {nic.gateway}"] if nic.gateway else [])], zone.id)


def _write_sysctls(namespace: str) -> None:
    with inside(namespace):
        for name, value in SYSCTLS.items():
            pathlib.Path("/proc/sys", name).write_text(value, encoding="ascii")


def set_routes(namespace: str, add: Mapping[str, str], remove: Iterable[str] = ()) -> None:
    """Puts routes {destination: gateway} into a namespace's kernel and takes others out (absent ones are no error)."""
    present = set(routes(namespace))
    lines = [f"route del {to}" for to in remove if (to if "/" in to or to == "default" else f"{to}/32") in present]
    lines += [f"route replace {to} via {gateway}" for to, gateway in add.items()]
    if lines:
        run_batch(lines, namespace)


def routes(namespace: str) -> dict[str, tuple[str | None, str]]:
    """The kernel's table: destination ("default", "10.2.1.0/24", "10.2.2.29/32") → gateway, interface."""
    found: dict[str, tuple[str | None, str]] = {}
    for line in ip(["-n", namespace, "-4", "route", "show"]).splitlines():
        words = line.split()
        to = words[0]
        if to in {"blackhole", "unreachable"}:
            continue
        if "/" not in to and to != "default":
            to += "/32"
        gateway = words[words.index("via") + 1] if "via" in words else None
        found[to] = (gateway, words[words.index("dev") + 1] if "dev" in words else "")
    return found


def drop(datacenter: str, address: str, port: int | None = None, *, on: bool = True) -> None:
    """The router drops what is for `address` (of TCP port `port` only, if given); ICMP passes when a port is named."""
    what = ["ipproto", "tcp", "dport", str(port)] if port else []
    verb = "add" if on else "del"
    ip(["-n", router(datacenter), "rule", verb, "pref", "100", *what, "to", address, "blackhole"])
