"""Chapter: binder and DNS."""

from __future__ import annotations

from lab.faults.changes import restart, service_metadata
from lab.faults.registry import Target, UnknownFaultError, fault
from lab.plan.datacenters import Datacenter
from lab.servers.binder.server import Binder
from lab.state.lab import Lab
from lab.state.settling import settle


@fault("zookeeper-lost", "binder", "my-dc-3.binder0")
async def zookeeper_lost(lab: Lab, target: Target) -> None:
    """ZooKeeper runs without serving (disk full), and binder was restarted since then: SERVFAIL for every name."""
    lab.shared[target.site.datacenter.name].registry.online = False
    await restart(target.machine, "binder")


@fault("binder-region", "binder", "my-dc-1.binder0")
async def binder_region(lab: Lab, target: Target) -> None:
    """Service `binder` has its own region_name in SAPI, which hides the right one of `sdc`."""
    service_metadata(lab, target, "binder")["region_name"] = f"{target.site.datacenter.region}-old"


@fault("binder-datacenter", "binder", "my-dc-1.binder0")
async def binder_datacenter(lab: Lab, target: Target) -> None:
    """Service `binder` has its own datacenter_name in SAPI: copied from another datacenter."""
    service_metadata(lab, target, "binder")["datacenter_name"] = "my-dc-elsewhere"


def _last_peer(lab: Lab, target: Target) -> Datacenter:
    peers = [peer for peer in lab.plan.peers(target.site.datacenter) if peer.state != "candidate"]
    if not peers:
        raise UnknownFaultError(f"{target.site.datacenter.name}: no other datacenter of its region is coupled")
    return peers[-1]


async def _stop_reading(lab: Lab, target: Target) -> dict[str, list[str]]:
    """Stop binder from reading its UFDS until it is started anew. Returns what it has read so far, to be changed."""
    binder = lab.shared[target.site.datacenter.name].servers[target.machine.zone.id]
    assert isinstance(binder, Binder)
    assert binder.recursion is not None
    await binder.recursion.stop()
    return binder.recursion.datacenters


@fault("binder-without-resolvers", "binder", "my-dc-1.binder0")
async def binder_without_resolvers(lab: Lab, target: Target) -> None:
    """binder was started while its UFDS was away, and since then its attempt to read the resolvers hangs.

    It answers its own names, and refuses every name of another datacenter at once.
    """
    _last_peer(lab, target)
    (await _stop_reading(lab, target)).clear()


@fault("binder-old-resolvers", "binder", "my-dc-1.binder0")
async def binder_old_resolvers(lab: Lab, target: Target) -> None:
    """binder's connection to its UFDS has been hanging since before the youngest datacenter was coupled.

    So binder knows all datacenters except that one, although its UFDS lists it.
    """
    peer = _last_peer(lab, target)
    (await _stop_reading(lab, target)).pop(peer.name, None)


@fault("resolver-lost", "datacenter", "my-dc-1", ("replica",))
async def resolver_lost(lab: Lab, target: Target) -> None:
    """A replica's UFDS lacks the resolver entries of another datacenter (the last of its peers), which the master has.

    Somebody tidied up with sdc-ldap. binder was restarted since then, and refuses that datacenter's names at once.
    """
    peer = _last_peer(lab, target)
    for address in peer.binders:
        dn = f"ip={address}, network=admin, datacenter={peer.name}, region={peer.region}, o=smartdc"
        await lab.ufds.delete(target.site.datacenter.name, dn)
    for machine in target.site.of_role("binder"):
        await restart(machine, "binder")


@fault("binder-unlisted", "binder", "my-dc-1.binder0", ("master", "replica"))
async def binder_unlisted(lab: Lab, target: Target) -> None:
    """The master's UFDS does not list this binder as a resolver, and so nobody's UFDS does.

    BINDER_ADMIN_IPS takes one address (hazard 9), and the binder was added later. If the other binder of its datacenter dies, nobody finds
    this one.
    """
    datacenter, address = target.site.datacenter, target.machine.zone.admin_ip
    dn = f"ip={address}, network=admin, datacenter={datacenter.name}, region={datacenter.region}, o=smartdc"
    await lab.ufds.delete(lab.plan.master.name, dn)


@fault("binder-not-restarted", "binder", "my-dc-1.binder0")
async def binder_not_restarted(lab: Lab, target: Target) -> None:
    """Service `binder` had its own region_name in SAPI. It was removed and config.json is right again.

    But binder still runs with the old one, because rendering does not restart it (hazard 7). So it finds no other datacenter.
    """
    metadata = service_metadata(lab, target, "binder")
    metadata["region_name"] = f"{target.site.datacenter.region}-old"
    await settle(lab)
    await restart(target.machine, "binder")
    del metadata["region_name"]
    await settle(lab)
