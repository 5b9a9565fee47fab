"""The gates before Manta, in their order, and which of them are passed.  Source: the seed; facts "SAPI" and "Manta"."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from evidence.fact import Missing
from evidence.inventory.model import CANDIDATE
from evidence.subjects.datacenter import Datacenter
from evidence.subjects.world import World
from reports.nextstep import NextStep


def gates_of(world: World) -> Iterator[tuple[NextStep, bool]]:
    """Each with whether it is passed.  What is not known is not passed."""
    master = world.master
    region = [dc for dc in world.datacenters if dc.declared.region == master.declared.region]
    on, inside = f"{master.name}.global", "In its manta zone (sdc-login manta). "
    metadata = _application(master)
    others = ", ".join(dc.name for dc in region if dc != master)
    yield (
        NextStep(
            "every datacenter of the region is coupled, and they are an odd number",
            told=(f"The inventory has {len(region)}: {', '.join(dc.name for dc in region)}.",),
        ),
        len(region) % 2 == 1 and all(dc.state != CANDIDATE for dc in region),
    )
    yield (
        NextStep(
            "routes: each datacenter has a network manta, and NAPI routes its zones to the others'",
            told=(
                "Make the networks in each datacenter (manta-net.sh, in networking/ of manta-deployment), and add the "
                "routes to its networks admin and manta: the zones sapi, "
                "moray, binder, imgapi, cnapi and vmapi are asked by Manta's zones of other datacenters. With `manta: true` "
                "the check triton-zones-have-manta-routes prints each of them.",
            ),
        ),
        all(_has_manta_network(dc) for dc in region),
    )
    yield (
        NextStep(
            f"SAPI: every other datacenter names the master's moray, and {master.name} none",
            told=("The checks sapi-points-at-master-moray and sapi-master-points-at-nobody say so.",),
        ),
        True,
    )  # else there would be a finding
    yield (
        NextStep(
            f"manta-init in {master.name}, where SAPI's master is, and nowhere else before it has ended",
            on,
            "manta-init -s SIZE -e MAIL",
            (
                f"{inside}In a datacenter that has not got the account poseidon from the master yet, it makes a "
                "second one, which stops replication "
                "for all (SIZE: coal, lab or production).",
            ),
        ),
        bool(metadata),
    )
    yield (
        NextStep(
            f"manta-init in {others}, one after the other",
            told=(
                "In each first: sdc-ldap search login=poseidon dn. Only when it answers: manta-init as before. Never two at once.",
            ),
        ),
        bool(metadata) and all(_knows_poseidon(dc) for dc in region) and _owns_networks(region),
    )
    yield (
        NextStep(
            f"shards, in {master.name}: elsewhere manta-shardadm finds no application, and says so with exit status 0",
            on,
            "manta-shardadm set -i 1.moray -s 1.moray",
            (f"{inside}One shard for all; more if you plan more, and then all of them before the topology.",),
        ),
        bool(metadata.get("INDEX_MORAY_SHARDS")) and bool(metadata.get("STORAGE_MORAY_SHARD")),
    )
    yield (
        NextStep(
            f"topology, in {master.name}, once for the region",
            on,
            "manta-adm create-topology -v 1000000 -p 2020",
            (
                "It makes the hash ring and names its image in SAPI. It is never made again: objects would no longer be found.",
            ),
        ),
        bool(metadata.get("HASH_RING_IMAGE")),
    )
    yield (
        NextStep(
            "MUSKIE_MULTI_DC and BUCKETS_API_MULTI_DC, at the master, as JSON booleans",
            on,
            "app=$(sdc-sapi '/applications?name=manta' | json -Ha uuid)\n"
            """echo '{"metadata":{"BUCKETS_API_MULTI_DC":true,"MUSKIE_MULTI_DC":true}}' | sapiadm update "$app\"""",
            (
                "Before muskie is deployed no restart is needed for it. Afterwards every one: "
                "manta-oneach -s webapi 'svcadm restart \"*muskie*\"'.",
            ),
        ),
        all(metadata.get(key) is True for key in ("MUSKIE_MULTI_DC", "BUCKETS_API_MULTI_DC")),
    )
    yield (
        NextStep(
            f"deployment in each datacenter, {master.name} first",
            told=(
                f"In each manta zone: manta-adm genconfig SIZE > layout.json; manta-adm update layout.json. "
                f"Then `manta: true` in {world.told.path or 'REGION.yaml'}, and az-checks run --postchange: it judges all of it.",
            ),
        ),
        False,
    )


def _application(master: Datacenter) -> dict[str, Any]:
    """Manta's application at the master, as far as it was seen."""
    try:
        found = master.manta_applications
    except Missing:
        return {}
    return {"uuid": found[0].uuid, **found[0].metadata.values} if found else {}


def _has_manta_network(datacenter: Datacenter) -> bool:
    try:
        return any(network.name == "manta" for network in datacenter.networks.values())
    except Missing:
        return False


def _knows_poseidon(datacenter: Datacenter) -> bool:
    with suppress(Missing):
        return all(ufds.poseidons for ufds in datacenter.zones("ufds"))
    return False


def _owns_networks(region: list[Datacenter]) -> bool:
    with suppress(Missing):
        return all(map(_owned, region))
    return False


def _owned(datacenter: Datacenter) -> bool:
    own = {account.uuid for ufds in datacenter.zones("ufds") for account in ufds.poseidons}
    networks = [each for each in datacenter.networks.values() if each.name == "manta"]
    return bool(networks) and all(own & {*each.owner_uuids} for each in networks)
