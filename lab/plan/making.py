"""Makes a plan from what was asked for: how many datacenters, coupled or not, in how many regions, with how many zones."""

from __future__ import annotations

from collections.abc import Collection

from lab.plan.datacenters import Datacenter, Plan
from lab.plan.roles import HOST_NUMBERS, MOST_INSTANCES

MOST_SERVERS = 3
SPREAD = "binder=2,cloudapi=2,moray=2"
"""The services with several zones in a datacenter with several servers, if nothing else is asked for."""


def region_name(index: int) -> str:
    """my-dc, my-dc-b, my-dc-c …"""
    return "my-dc" + (f"-{chr(ord('a') + index)}" if index else "")


def read_instances(text: str) -> dict[str, int]:
    """Read `binder=2,cloudapi=2`. A ValueError says what is wrong."""
    found: dict[str, int] = {}
    for part in filter(None, text.split(",")):
        role, _, count = part.partition("=")
        if role not in HOST_NUMBERS:
            raise ValueError(f"there is no service {role!r}; there are {', '.join(HOST_NUMBERS)}")
        most = MOST_INSTANCES[role]
        if not count.isdigit() or not 1 <= int(count) <= most:
            raise ValueError(f"{role} has 1 to {most} instances, not {count!r}" if most > 1 else f"there is one {role}")
        found[role] = int(count)
    return found


def make_plan(
    count: int = 3,
    *,
    coupled: bool = True,
    accounts: int = 0,
    regions: int = 1,
    instances: str = "",
    manta: bool = False,
    candidates: Collection[str] = (),
    servers: int = 1,
    ufds_pace: int = 0,
) -> Plan:
    """`count` datacenters my-dc-1 … in `regions` regions. my-dc-2 is the master of them all (as in the seed).

    The `candidates` are not coupled. If `coupled` is false, only the master is. With several `servers`, a datacenter's zones of one service
    lie on one server after the other, the first one on the head node.
    """
    if not 2 <= count <= 20:
        raise ValueError(f"a lab has 2 to 20 datacenters, not {count}")
    if not 1 <= regions <= count:
        raise ValueError(f"{count} datacenters lie in 1 to {count} regions, not {regions}")
    replicas = {f"my-dc-{number}" for number in range(1, count + 1) if number != 2}
    if not set(candidates) <= replicas:
        wrong = ", ".join(sorted(set(candidates) - replicas))
        raise ValueError(f"a candidate is one of {', '.join(sorted(replicas))}, not {wrong}")
    if manta and (regions > 1 or not coupled or candidates):
        raise ValueError("Manta lies in one region, whose datacenters are coupled: --manta goes with neither")
    if accounts < 0:
        raise ValueError(f"there cannot be {accounts} accounts")
    if ufds_pace < 0:
        raise ValueError(f"a UFDS cannot send {ufds_pace} entries a second")
    if not 1 <= servers <= MOST_SERVERS:
        raise ValueError(f"a datacenter has 1 to {MOST_SERVERS} servers, not {servers}")
    counts = tuple(read_instances(instances or (SPREAD if servers > 1 else "")).items())

    def made(number: int) -> Datacenter:
        name, region = f"my-dc-{number}", region_name((number - 1) * regions // count)
        state = "master" if number == 2 else "replica" if coupled and name not in candidates else "candidate"
        return Datacenter(name, number, region, state, instances=counts, servers=servers)

    every = tuple(made(number) for number in range(1, count + 1))
    return Plan(every, accounts=accounts, ufds_pace=ufds_pace, manta=manta)
