"""Faults of a Manta over several datacenters: what its tools leave when used in the wrong order, place or name."""

# ruff: noqa: ARG001  all plantings have one signature

from __future__ import annotations

import asyncio
from typing import Any, cast

from lab.faults.changes import USERS, others_follow, restart
from lab.faults.registry import Target, Undo, UnknownFaultError, fault
from lab.faults.ufds import OTHER_POSEIDON
from lab.machine.machines import Machine
from lab.plan import manta_objects
from lab.plan.names import POSEIDON_UUID
from lab.servers.muskie import WebapiHaproxy
from lab.state import home, manta
from lab.state.lab import Lab
from lab.state.settling import settle

MUSKIE = "muskie:*"


def metadata(lab: Lab) -> dict[str, Any]:
    """Metadata of Manta's application, as stored."""
    if not lab.plan.manta:
        raise UnknownFaultError("this lab has no Manta, in which alone that would change something: --manta")
    found: dict[str, Any] = manta.application(lab)["metadata"]
    return found


def webapis(lab: Lab) -> list[Machine]:
    return [machine for site in lab.sites.values() for machine in site.of_role("webapi")]


async def restart_muskies(lab: Lab, *, but: Machine | None = None) -> None:
    await asyncio.gather(*(restart(machine, MUSKIE) for machine in webapis(lab) if machine is not but))


@fault("second-manta-application", "datacenter", "my-dc-3", ("replica",))
async def second_manta_application(lab: Lab, target: Target) -> None:
    """manta-init was run in a replica that had its own poseidon.

    It looked for the application of that poseidon, found none, and made a second application. The account was removed since then, but the
    application stayed.
    """
    metadata(lab)
    manta.initialise(lab, target.site.datacenter, OTHER_POSEIDON)


@fault("networks-of-another-poseidon", "datacenter", "my-dc-3")
async def networks_of_another_poseidon(lab: Lab, target: Target) -> None:
    """A poseidon that manta-init made in the datacenter owns the networks admin and manta, but is gone.

    The right one may not provision on them.
    """
    metadata(lab)
    networks = lab.shared[target.site.datacenter.name].networks.by_uuid.values()
    for network in networks:
        if network["name"] in ("admin", "manta"):
            owners = [owner for owner in network["owner_uuids"] if owner != POSEIDON_UUID]
            network["owner_uuids"] = [*owners, OTHER_POSEIDON]


@fault("manta-shards-unset", "datacenter", "my-dc-2", ("master",))
async def manta_shards_unset(lab: Lab, target: Target) -> None:
    """Manta's application lacks INDEX_MORAY_SHARDS and STORAGE_MORAY_SHARD.

    manta-shardadm was typed in a datacenter that has no application, where it says so and exits with 0. muskie was restarted since then.
    """
    values = metadata(lab)
    for key in ("INDEX_MORAY_SHARDS", "STORAGE_MORAY_SHARD"):
        values.pop(key, None)
    await settle(lab)
    await restart_muskies(lab)


@fault("manta-storage-of-nobody", "datacenter", "my-dc-2", ("master",))
async def manta_storage_of_nobody(lab: Lab, target: Target) -> None:
    """STORAGE_MORAY_SHARD is the second shard, which was never deployed: a line was copied from another Manta.

    muskie was restarted since then.
    """
    datacenter = target.site.datacenter
    metadata(lab)["STORAGE_MORAY_SHARD"] = f"2.moray.{datacenter.region}.{datacenter.dns_domain}"
    await settle(lab)
    await restart_muskies(lab)


@fault("manta-shard-twice", "datacenter", "my-dc-2", ("master",))
async def manta_shard_twice(lab: Lab, target: Target) -> None:
    """INDEX_MORAY_SHARDS lists a shard twice, and both have `last`: a second one was to be added by hand.

    electric-moray's file is no JSON any more.
    """
    (shard,) = metadata(lab)["INDEX_MORAY_SHARDS"]
    metadata(lab)["INDEX_MORAY_SHARDS"] = [shard, dict(shard)]


@fault("electric-moray-own-shards", "electric-moray", "my-dc-1.electric-moray0")
async def electric_moray_own_shards(lab: Lab, target: Target) -> None:
    """One instance of electric-moray has shards of its own in SAPI: a trial of resharding that was never taken back."""
    datacenter = target.site.datacenter
    shard = {"host": f"3.moray.{datacenter.region}.{datacenter.dns_domain}", "last": True}
    instances = manta.master_bucket(lab, "instances")
    instances[target.machine.zone.uuid]["metadata"]["INDEX_MORAY_SHARDS"] = [shard]


@fault("poseidon-disabled", "datacenter", "my-dc-2", ("master",))
async def poseidon_disabled(lab: Lab, target: Target) -> None:
    """poseidon is disabled at the master, and so everywhere: somebody took it for the account of one who has left. cloudapi refuses it."""
    metadata(lab)
    account = f"uuid={POSEIDON_UUID}, {USERS}"
    await lab.ufds.modify(target.site.datacenter.name, account, [("add", "disabled", ["true"])])
    await others_follow(lab)


@fault("poseidon-without-key", "datacenter", "my-dc-2", ("master",))
async def poseidon_without_key(lab: Lab, target: Target) -> None:
    """poseidon has lost the key with which Manta's zones sign: somebody tidied up keys that he did not know. Logs are no longer stored."""
    metadata(lab)
    master = target.site.datacenter.name
    for dn, _ in await lab.ufds.query(master, f"uuid={POSEIDON_UUID}, {USERS}", "sub", "(objectclass=sdckey)"):
        await lab.ufds.delete(master, dn)
    await others_follow(lab)


@fault("hash-ring-unsaved", "datacenter", "my-dc-2", ("master",))
async def hash_ring_unsaved(lab: Lab, target: Target) -> None:
    """The image of the hash ring is in IMGAPI, but Manta's application does not name it.

    create-topology gave up at its last step, where it wants exactly one application.
    """
    values = metadata(lab)
    for key in manta_objects.ring(target.site.datacenter):
        values.pop(key, None)


@fault("hash-ring-image-lost", "datacenter", "my-dc-2", ("master",))
async def hash_ring_image_lost(lab: Lab, target: Target) -> Undo:
    """The image of the hash ring is no longer in IMGAPI: it was deleted because no instance used it."""
    metadata(lab)
    images = lab.shared[target.site.datacenter.name].images
    lost = images.pop(manta_objects.RING_IMAGE)

    async def undo() -> None:
        images[manta_objects.RING_IMAGE] = lost

    return undo


@fault("datacenter-undeclared", "datacenter", "my-dc-3", ("replica",))
async def datacenter_undeclared(lab: Lab, target: Target) -> Undo:
    """The operator's inventory lacks one of Manta's datacenters, so it says that Manta spans an even number of them.

    The datacenter was forgotten, or given up without another in its place.
    """
    metadata(lab)
    name = target.site.datacenter.name
    whole = home.inventory(lab)
    home.write_inventory("".join(line for line in whole.splitlines(True) if not line.startswith(f"  {name}:")))

    async def undo() -> None:
        home.write_inventory(whole)

    return undo


@fault("manta-in-two", "datacenter", "my-dc-3", ("replica",))
async def manta_in_two(lab: Lab, target: Target) -> Undo:
    """The operator's inventory expects Manta in an even number of datacenters: one was left out when it was planned."""
    metadata(lab)
    whole = home.inventory(lab)
    named = ", ".join(each.name for each in lab.plan.datacenters if each is not target.site.datacenter)
    home.write_inventory(whole.replace("manta: true", f"manta: [{named}]"))

    async def undo() -> None:
        home.write_inventory(whole)

    return undo


@fault("muskie-one-dc", "datacenter", "my-dc-2", ("master",))
async def muskie_one_dc(lab: Lab, target: Target) -> None:
    """MUSKIE_MULTI_DC is false, as manta-init leaves it, and muskie runs with that.

    Both copies of an object may lie in one datacenter. The seed: "set MUSKIE_MULTI_DC to true".
    """
    metadata(lab)["MUSKIE_MULTI_DC"] = False
    await settle(lab)
    await restart_muskies(lab)


@fault("muskie-one-dc-instance", "webapi", "my-dc-1.webapi0")
async def muskie_one_dc_instance(lab: Lab, target: Target) -> None:
    """One instance of webapi has its own MUSKIE_MULTI_DC in SAPI: false, which hides the application's.

    It is a test that was never taken back.
    """
    instances = manta.master_bucket(lab, "instances")
    instances[target.machine.zone.uuid]["metadata"]["MUSKIE_MULTI_DC"] = False
    await settle(lab)
    await restart(target.machine, MUSKIE)


@fault("muskie-not-restarted", "webapi", "my-dc-1.webapi0")
async def muskie_not_restarted(lab: Lab, target: Target) -> None:
    """MUSKIE_MULTI_DC was set after muskie had been deployed, and the muskies of one zone were not restarted.

    Their file says true, but they run with false.
    """
    for value in (False, True):
        metadata(lab)["MUSKIE_MULTI_DC"] = value
        await settle(lab)
        if not value:
            await restart_muskies(lab)
    await restart_muskies(lab, but=target.machine)


@fault("muskie-stuck", "webapi", "my-dc-3.webapi0")
async def muskie_stuck(lab: Lab, target: Target) -> None:
    """The muskies of a zone have lost their storage picker and answer 503 until they are restarted. SMF calls them online."""
    front = cast(WebapiHaproxy, lab.shared[target.site.datacenter.name].servers[target.machine.zone.id])
    for muskie in front.backends.values():
        muskie.stuck = True
