"""What all datacenters must say alike, and no inventory names: the datacenters' own word decides, and the master's is judged too."""

from __future__ import annotations

from collections import Counter

from evidence.fact import Missing
from evidence.subjects.datacenter import Datacenter
from evidence.subjects.triton import ADMIN_UUID, is_uuid
from evidence.subjects.world import World

KEY = "ufds_admin_uuid"


def admin_uuid(world: World) -> str:
    """The uuid of the one admin whom a coupling shares.

    Of what the SAPIs and the /usbkey/config of all coupled datacenters name, it is the one whom the operators of the master's UFDS have
    among them.  If they have none of these, or several, it is the one whom most name; if as many name another, the master's.  Without
    any it is Triton's standard one.  Raises Missing if nobody knows what the master says.  Source: facts "Zones".
    """
    master = str(world.master.sdc_metadata.values.get(KEY) or "")
    named = Counter(uuid for dc in world.coupling.coupled for uuid in _named(dc))
    operators = _operators(world.master)
    return max(named, key=lambda uuid: (uuid in operators, named[uuid], uuid == master, uuid), default=ADMIN_UUID)


def _named(datacenter: Datacenter) -> list[str]:
    """What SAPI and /usbkey/config say, as far as they were seen."""
    said = []
    for source in ("sdc_metadata", "usbkey"):
        try:
            said.append(str(getattr(datacenter, source).values.get(KEY) or ""))
        except Missing:
            continue
    return [uuid for uuid in said if is_uuid(uuid)]


def _operators(master: Datacenter) -> frozenset[str]:
    try:
        return frozenset().union(*(ufds.directory.operators or () for ufds in master.zones("ufds")))
    except Missing:
        return frozenset()
