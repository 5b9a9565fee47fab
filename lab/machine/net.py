"""The lab's networks: bridges, routers, the wires of zones, dropped packets.

Each datacenter has one router namespace with the bridges br-admin, br-external and br-manta. The routers meet in the namespace `backbone`.
Routers know every subnet. Zones know only their own subnet and the routes that are set for them. A packet from an external network to a
private destination elsewhere is dropped silently, as providers do, so a probe times out. From the operator's side, nobody reaches an admin
or Manta network.
"""

from __future__ import annotations

import pathlib
from collections.abc import Mapping, Sequence

from lab.machine import namespaces
from lab.plan.datacenters import Datacenter, Nic, Plan, Zone
from lab.plan.names import OPERATOR_ADDRESS

OPERATOR = "operator"
BACKBONE = "backbone"
TAGS = ("admin", "external", "manta")
# Kernel defaults that would make the lab lie: here ICMP errors are answers, and replies may take another way.
SYSCTLS = {
    "net/ipv4/icmp_ratelimit": "0",
    "net/ipv4/conf/all/rp_filter": "0",
    "net/ipv4/conf/default/rp_filter": "0",
    "net/ipv4/ip_forward": "1",
}


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
    """For each namespace, permanent entries with the hardware addresses of the neighbours in its own networks.

    The kernel learns at most 1024 neighbours for all namespaces together, and twenty datacenters have more. Entries that it is given do not
    count.
    """
    found: dict[str, list[str]] = {}
    for index, tag in enumerate(TAGS, start=1):
        here = [
            (zone.id, nic.interface, nic.ip, nic.mac)
            for zone in (datacenter.headnode, *datacenter.compute_nodes, *datacenter.zones)
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
    """Make every namespace, wire, address and rule of the plan. Routes of zones to other datacenters are not set.

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
        for index, zone in enumerate((datacenter.headnode, *datacenter.compute_nodes, *datacenter.zones)):
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
    namespaces.run_batch([f"netns add {name}" for name in names])
    for name in names:
        _write_sysctls(name)
    namespaces.run_batch(links)
    running = [(name, namespaces.begin_batch(lines, name)) for name, lines in batches.items()]
    for name, process in running:
        namespaces.finish_batch(process, name)


def add_zone(datacenter: Datacenter, zone: Zone) -> None:
    """Make the namespace of a zone that comes while the lab runs, and wire it to its datacenter's router."""
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
    namespaces.run_batch([f"netns add {zone.id}"])
    _write_sysctls(zone.id)
    namespaces.run_batch(links)
    namespaces.run_batch([*_zone_lines(zone), *known], zone.id)
    namespaces.run_batch(ports, home)


def add_nic(datacenter: Datacenter, zone: Zone, nic: Nic) -> None:
    """Give a running zone one more interface. If it has the interface already, and that is down, bring it up again."""
    if nic.interface not in namespaces.ip(["-n", zone.id, "-o", "link", "show"]):
        home, port = router(datacenter.name), f"x{nic.ip.rpartition('.')[2]}-{nic.interface}"
        made = f"link add {nic.interface} address {nic.mac} netns {zone.id} type veth"
        namespaces.run_batch([f"{made} peer name {port} netns {home}"])
        namespaces.run_batch([f"link set {port} master br-{nic.nic_tag}", f"link set {port} up"], home)
    lines = [f"addr replace {nic.ip}/{nic.prefix} dev {nic.interface}", f"link set {nic.interface} up"]
    namespaces.run_batch([*lines, *([f"route replace default via {nic.gateway}"] if nic.gateway else [])], zone.id)


def _write_sysctls(namespace: str) -> None:
    with namespaces.inside(namespace):
        for name, value in SYSCTLS.items():
            pathlib.Path("/proc/sys", name).write_text(value, encoding="ascii")


def drop(datacenter: str, address: str, port: int | None = None, *, on: bool = True) -> None:
    """Let the router drop packets for `address`, or only those for TCP port `port` of it. With a port, ICMP still passes."""
    what = ["ipproto", "tcp", "dport", str(port)] if port else []
    verb = "add" if on else "del"
    namespaces.ip(["-n", router(datacenter), "rule", verb, "pref", "100", *what, "to", address, "blackhole"])
