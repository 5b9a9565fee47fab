"""A replica that follows the master: how its replicator is brought back to an address, and what another one would mean."""

from __future__ import annotations

from evidence.subjects.claims import ufds_addresses
from evidence.subjects.datacenter import Datacenter
from evidence.subjects.triton import CONFIG_AGENT, REPLICATOR, REPLICATOR_CONFIG
from evidence.subjects.zone import Zone
from remediate.actions.smf import Smf
from remediate.actions.wait import Rendered
from remediate.hindered import cleared, hindered
from remediate.lookup import headnode, service_step, state_of
from remediate.registry import Advised
from remediate.steps import RESTARTS, acting


def what_a_change_means(replica: Datacenter) -> str:
    """Why no address is given to a replica that has no checkpoint for the master (facts, hazard 12)."""
    urls = sorted({each.url for ufds in replica.zones("ufds") for each in ufds.directory.checkpoints})
    known = ", ".join(sorted(ufds_addresses(replica.master))) or "not known"
    if not urls:
        return (
            f"{replica.name} has no checkpoint at all, so it never followed a master. If it was never coupled, declare it `state: "
            "candidate` in the inventory, run the checks with -m preflight, and couple it with sdc-ufds-m2s. If it was coupled, look "
            f"for its checkpoints in the backup of its UFDS. The addresses of the master's UFDS are: {known}."
        )
    if {url.removeprefix("ldaps://") for url in urls} <= ufds_addresses(replica):
        return (
            f"{replica.name} follows itself: sdc-ufds-m2s was given one of its own addresses. It has no data of the master. Declare it "
            "`state: candidate` in the inventory, and run the checks with -m preflight: they print how to take that coupling back."
        )
    return (
        f"No step is given: {replica.name} has checkpoints only for {', '.join(urls)}, and the addresses of the master's UFDS are: "
        f"{known}. A checkpoint belongs to an address. With another address the replicator begins at change 0, meets entries that "
        "exist already, and ends in maintenance. If one of these urls leads to the master (by NAT, or by an old NIC), leave it, and "
        f"name its address in the inventory as ufds_address of {replica.master.name}. Otherwise the replica needs a checkpoint for the "
        "new address, at the change that the old one had reached. Triton has no tool for that."
    )


def follow_the_file(replica: Datacenter, zone: Zone, address: str) -> Advised:
    """Writes replicator.json again, and starts the replicator if SMF has put it into maintenance."""
    why = f"writes replicator.json of {zone.alias} again, and restarts the replicator if the file changed"
    yield service_step(zone, "restart", why, CONFIG_AGENT)
    if state_of(zone, REPLICATOR) == "maintenance":
        if hindered(zone):
            yield from cleared(replica, zone, "SMF put it into maintenance, and starts it again only when told to")
            return
        uuid, patience = zone.vm.uuid, replica.world.inventory.expect.patience
        yield acting(
            headnode(replica),
            Rendered(uuid, REPLICATOR_CONFIG, "remotes.0.url", f"ldaps://{address}", patience),
            Smf(uuid, "clear", (REPLICATOR,)),
            risk=RESTARTS,
            why="SMF put the replicator into maintenance, and starts it again only when told to",
        )
