"""ZooKeeper's registrations, and the tree that binder makes of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

HOST_TYPES = ("db_host", "host", "load_balancer", "moray_host", "redis_host", "ops_host", "rr_host")
Json = Mapping[str, Any]


class Registry:
    """What registrar has put into one datacenter's ZooKeeper: DNS name → object (as in recordings/data/binder.json).

    While it is off line nobody can read it. A binder that has read it before goes on with what it saw.
    """

    def __init__(self, records: Mapping[str, Json] | None = None) -> None:
        self._records: dict[str, Json] = dict(records or {})
        self._seen: dict[str, Json] = {}
        self.version = 0
        self._online = True

    def register(self, name: str, record: Json) -> None:
        self._records[name] = record
        self.version += 1

    def unregister(self, name: str) -> None:
        self._records.pop(name, None)
        self.version += 1

    @property
    def online(self) -> bool:
        return self._online

    @online.setter
    def online(self, value: bool) -> None:
        if self._online and not value:
            self._seen = dict(self._records)
        self._online = value
        self.version += 1

    def view(self) -> Mapping[str, Json]:
        return self._records if self._online else self._seen


@dataclass
class Node:
    """One label of a registered name. The labels above it exist too, without an object."""

    name: str
    record: Json | None = None
    children: list[Node] = field(default_factory=list)

    @property
    def host(self) -> Json | None:
        """The host object of a record that names one."""
        kind = self.record.get("type") if self.record else None
        found = self.record.get(kind) if self.record and kind in HOST_TYPES else None
        return found if isinstance(found, Mapping) else None

    def ttl(self, default: int = 30) -> int:
        """The TTL of the deepest object that has one (binder:lib/server.js: "an historical mess")."""
        ttl = default
        layer: Any = self.record
        while isinstance(layer, Mapping):
            ttl = layer.get("ttl", ttl)
            kind = layer.get("type")
            layer = layer.get(kind) if isinstance(kind, str) else None
        return ttl


class Tree:
    """The registrations below one DNS domain, as binder caches them."""

    def __init__(self, records: Mapping[str, Json], domain: str) -> None:
        self.nodes: dict[str, Node] = {}
        self.by_address: dict[str, Node] = {}
        for name in sorted(records, key=len):
            if name == domain or name.endswith("." + domain):
                node = self._node(name.lower(), domain)
                node.record = records[name]
                if node.host is not None and "address" in node.host:
                    self.by_address[node.host["address"]] = node

    def _node(self, name: str, domain: str) -> Node:
        if name not in self.nodes:
            self.nodes[name] = made = Node(name)
            if name != domain:
                self._node(name.partition(".")[2], domain).children.append(made)
        return self.nodes[name]
