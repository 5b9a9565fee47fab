"""What the operator declares in region.yaml, as data."""

from __future__ import annotations

from msgspec import Struct, field

MASTER, REPLICA, CANDIDATE = "master", "replica", "candidate"


class Declared(Struct, frozen=True, forbid_unknown_fields=True):
    """One datacenter of the inventory.  `state` is master, replica or candidate."""

    name: str
    headnode: str
    region: str
    state: str
    ufds_address: str = ""


class Expectations(Struct, frozen=True, forbid_unknown_fields=True):
    """What the operator expects of the region; durations in seconds."""

    manta: bool = False
    replication_lag: float = 60.0
    clock_skew: float = 5.0
    patience: float = 200.0
    ufds_connections: int = 1


class Timeouts(Struct, frozen=True, forbid_unknown_fields=True):
    """How long the suite waits, in seconds: to connect, for one command or request, for the whole run."""

    connect: float = 5.0
    command: float = 20.0
    run: float = 120.0


class Inventory(Struct, frozen=True, forbid_unknown_fields=True):
    """The coupling as the operator means it to be.  `dns_domain` empty means: as on the master."""

    master: str
    datacenters: dict[str, Declared]
    dns_domain: str = ""
    expect: Expectations = field(default_factory=Expectations)
    timeouts: Timeouts = field(default_factory=Timeouts)
    path: str = ""
    waivers: str = ""
    notify_command: str = ""
    keep: int = 0

    @property
    def regions(self) -> dict[str, tuple[str, ...]]:
        """Region name to the names of its datacenters, sorted."""
        found: dict[str, list[str]] = {}
        for name in sorted(self.datacenters):
            found.setdefault(self.datacenters[name].region, []).append(name)
        return {region: tuple(names) for region, names in sorted(found.items())}
