"""Whether a datacenter's SAPI needs a master: only Manta does, and SAPI reaches no further than its region."""

from __future__ import annotations

from evidence.fact import Missing, untouched
from evidence.inventory.model import REPLICA
from evidence.subjects.datacenter import Datacenter, of_each


def asks_nobody(datacenter: Datacenter) -> bool:
    """Whether its SAPI names no master's moray. Raises Missing."""
    return not datacenter.service_metadata("sapi").values.get("MASTER_MORAY_IP")


def needs_no_master(datacenter: Datacenter) -> str:
    """Why a datacenter's SAPI may name no master; empty if it names one, or needs one. Raises Missing.

    Only Manta needs it, and SAPI reaches no further than its region. Where others of the region name one, it has been forgotten here.
    """
    with untouched():
        if datacenter.declared.region != datacenter.master.declared.region:
            reason = f"the master is in another region, and SAPI of {datacenter} has no master set"
            return reason if asks_nobody(datacenter) else ""
        try:
            needed = (
                datacenter in datacenter.world.meant_for_manta or datacenter.state != REPLICA
            )  # a candidate will need it, or may
            named = needed or not asks_nobody(datacenter)
        except Missing:
            return ""  # what lacks is told by whoever judges what SAPI says
        seen, unknown = of_each(_alike(datacenter), asks_nobody)
    if named or not all(seen.values()):
        return ""
    if unknown is not None:
        raise unknown
    return f"no Manta is expected in {datacenter}, and no SAPI there has a master set"


def _alike(datacenter: Datacenter) -> list[Datacenter]:
    """The other replicas of its region in which no Manta is expected either."""
    meant = datacenter.world.meant_for_manta
    return [dc for dc in datacenter.peers if dc.state == REPLICA and dc not in meant]
