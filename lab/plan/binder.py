"""What registrar has put into ZooKeeper, for binder to read."""

from __future__ import annotations

from lab.plan.datacenters import Datacenter
from lab.plan.files import Json

# role → (service label, protocol, port of the service, ports of an instance)
_REGISTERED: dict[str, tuple[str, str, int, list[int]]] = {
    "binder": ("_dns", "_udp", 53, [53]),
    "moray": ("_moray", "_tcp", 2020, [2021, 2022, 2023, 2024]),
    "ufds": ("_ldap", "_tcp", 636, [1390, 1391, 1392, 1393]),
}


def registrations(datacenter: Datacenter) -> dict[str, Json]:
    """What registrar has put into ZooKeeper: DNS name → object, in the form of recordings/data/binder.json."""
    found: dict[str, Json] = {}
    for zone in datacenter.zones:
        label, protocol, port, ports = _REGISTERED.get(zone.role, ("_http", "_tcp", 80, []))
        name = f"{zone.role}.{datacenter.suffix}"
        inner = {"srvce": label, "proto": protocol, "ttl": 60, "port": port}
        found[name] = {"type": "service", "service": {"type": "service", "service": inner, "ttl": 60}}
        kind = "moray_host" if zone.role == "moray" else "rr_host"
        host: Json = {"address": zone.admin_ip} | ({"ports": ports} if ports else {})
        found[f"{zone.uuid}.{name}"] = {"type": kind, "address": zone.admin_ip, "ttl": 30, kind: host}
    return found
