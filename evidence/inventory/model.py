"""What the operator declares in region.yaml, as data."""

from __future__ import annotations

import datetime
import re
from fnmatch import fnmatchcase
from typing import Final, Literal

from msgspec import Struct, field

ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
"""The form of a datacenter name or zone alias that can be part of a subject id."""
DNS_NAME = re.compile(
    r"(?=.{1,253}\Z)[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*"
)
"""A DNS name without a dot at its end."""
HEADNODE = re.compile(
    r"(?P<url>ssh://)?(?P<user>[A-Za-z0-9_.][A-Za-z0-9_.+-]*@)?"
    r"(?:\[(?P<six>[0-9A-Fa-f:.]+(?:%[A-Za-z0-9_.-]+)?)\]|(?P<host>[A-Za-z0-9_.][A-Za-z0-9_.-]*)|"
    r"(?P<bare>[0-9A-Fa-f]*:[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*(?:%[A-Za-z0-9_.-]+)?))"
    r"(?P<port>:[0-9]{1,5})?(?P<end>/?)"
)
"""[ssh://][USER@]HOST[:PORT]; an IPv6 address with a port stands in brackets."""


def same_name(one: object, other: object) -> bool:
    """Whether two texts are the same DNS name: capitals and a final dot do not matter (RFC 4343; RFC 1034, 3.1)."""
    return isinstance(one, str) and isinstance(other, str) and plain_name(one) == plain_name(other)


def plain_name(name: str) -> str:
    """A DNS name in the one spelling in which it can be compared."""
    return name.removesuffix(".").lower()


MASTER: Final = "master"
REPLICA: Final = "replica"
CANDIDATE: Final = "candidate"
BY_ENDPOINTS = "the endpoints in the inventory do not show it (SSH to the head node would)"
"""Why a check is not applicable to a datacenter named by endpoints."""


class Endpoint(Struct, frozen=True, forbid_unknown_fields=True):
    """Where to reach one service of a datacenter without SSH."""

    host: str
    port: int


class Declared(Struct, frozen=True, forbid_unknown_fields=True):
    """One datacenter of the inventory.  `state` is master, replica or candidate.

    It has either a headnode or endpoints (role to the place where its service is reached).
    """

    name: str
    headnode: str
    region: str
    state: str
    ufds_address: str = ""
    endpoints: dict[str, Endpoint] = field(default_factory=dict)


PLANNED: Final = "planned"


class Expectations(Struct, frozen=True, forbid_unknown_fields=True):
    """What the operator expects of the region; durations in seconds.

    `manta`: in all datacenters of the master's region, in none, or in those that are named; planned: not there yet, so not judged.
    `outside`: whether customers' URLs must answer to the machine that asks. None: only if one of them does.
    `ufds_connections`: so many conversations a UFDS, which is in production, has at once with this suite.
    `compare_every`: after so long all of a directory is read again to be compared; between, what changed. 0: always all.
    """

    manta: bool | Literal["planned"] | tuple[str, ...] = False
    replication_lag: float = 60.0
    clock_skew: float = 5.0
    patience: float = 200.0
    ufds_connections: int = 2
    outside: bool | None = None
    compare_every: float = 7 * 86400.0


class Timeouts(Struct, frozen=True, forbid_unknown_fields=True):
    """The longest waits, in seconds: to connect, for one command or request, for the whole run; and to read large directories besides."""

    connect: float = 5.0
    command: float = 20.0
    run: float = 120.0
    compare: float = 1800.0


class Waiver(Struct, frozen=True, forbid_unknown_fields=True):
    """One accepted finding.  `subject` may hold the wildcards of fnmatch; `until` is the last day, UTC, on which it holds."""

    check: str
    subject: str
    reason: str
    owner: str
    until: datetime.date
    ticket: str = ""

    def __str__(self) -> str:
        return f"{self.check}[{self.subject}]"

    @property
    def told(self) -> str:
        """The reason, the owner and the end, as reports tell them."""
        ticket = f", {self.ticket}" if self.ticket else ""
        return f"{self.reason} ({self.owner}, until {self.until}{ticket})"

    def covers(self, check: str, subject: str) -> bool:
        return self.check == check and fnmatchcase(subject, self.subject)

    def holds_on(self, day: datetime.date) -> bool:
        return day <= self.until


class Inventory(Struct, frozen=True, forbid_unknown_fields=True):
    """The coupling as the operator intends it. An empty `dns_domain` means: the same as the master's.

    `keep` and `keep_days` say how many runs are kept, and for how long; 0: all.
    `waivers` names the file beside the inventory from which `waived` was read. `lines` says on which line of the file a key
    stands ("master", "datacenters.my-dc-3", "datacenters.my-dc-3.state"), so that a finding can name it. `apply` allows
    `az-checks apply` to change these datacenters.
    """

    master: str
    datacenters: dict[str, Declared]
    dns_domain: str = ""
    expect: Expectations = field(default_factory=Expectations)
    timeouts: Timeouts = field(default_factory=Timeouts)
    path: str = ""
    waivers: str = ""
    waived: tuple[Waiver, ...] = ()
    notify_command: str = ""
    keep: int = 0
    keep_days: int = 0
    apply: bool = False
    lines: dict[str, int] = field(default_factory=dict)

    def place(self, key: str) -> str:
        """Where a key stands in the file, or would stand: "region.yaml:8"."""
        while key and key not in self.lines:
            key = key.rpartition(".")[0]
        name = self.path or "the inventory"
        return f"{name}:{self.lines[key]}" if key else name

    @property
    def regions(self) -> dict[str, tuple[str, ...]]:
        """The names of each region's datacenters, sorted."""
        found: dict[str, list[str]] = {}
        for name in sorted(self.datacenters):
            found.setdefault(self.datacenters[name].region, []).append(name)
        return {region: tuple(names) for region, names in sorted(found.items())}
