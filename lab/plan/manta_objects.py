"""Manta's objects in SAPI, NAPI and FWAPI: pure data.

Application and services are as sdc-manta:cmd/manta-init.js makes them. Shards are as manta-shardadm sets them, and the ring's image is as
`manta-adm create-topology` saves it. All objects lie in the SAPI master's moray and carry `master: true`.
"""

from __future__ import annotations

from lab.plan import manifests, sshkeys
from lab.plan.datacenters import Datacenter, Plan, Zone
from lab.plan.files import Json
from lab.plan.names import ADMIN_UUID, made_uuid
from lab.plan.roles import MANTA_HOST_NUMBERS

ROLES = tuple(MANTA_HOST_NUMBERS)
RING_IMAGE = made_uuid("image", "manta-hash-ring")
BUCKETS_RING_IMAGE = made_uuid("image", "manta-buckets-hash-ring")


def application_uuid(owner: str) -> str:
    """Each poseidon has its own application: manta-init looks it up by owner."""
    return made_uuid("manta", "application", owner)


def service_uuid(owner: str, role: str) -> str:
    return made_uuid("manta", "service", role, owner)


def application(datacenter: Datacenter, owner: str) -> Json:
    """The application as manta-init leaves it, if it is typed in `datacenter`."""
    domain = f"{datacenter.region}.{datacenter.dns_domain}"
    return {
        "uuid": application_uuid(owner), "name": "manta", "owner_uuid": owner, "master": True,
        "params": {"delegate_dataset": True},
        "metadata": {
            "MANTAV": 1, "REGION": datacenter.region, "SIZE": "lab", "DNS_DOMAIN": datacenter.dns_domain,
            "DOMAIN_NAME": domain, "MANTA_SERVICE": f"manta.{domain}", "AUTH_SERVICE": f"authcache.{domain}",
            "ELECTRIC_MORAY": f"electric-moray.{domain}", "POSEIDON_UUID": owner, "ADMIN_USERNAME": "poseidon",
            "IMGAPI_SERVICE": f"http://imgapi.{datacenter.suffix}", "MANTA_URL": f"https://manta.{domain}",
            "MANTA_REJECT_UNAUTHORIZED": False, "MUSKIE_MULTI_DC": False, "BUCKETS_API_MULTI_DC": False,
        },
    }  # fmt: skip


def admin_key() -> Json:
    """What manta-init adds once poseidon has his key, but for the private one, which nobody in the lab uses."""
    public = sshkeys.made_up("poseidon", "poseidon")
    return {"ADMIN_KEY_ID": sshkeys.fingerprint(public), "ADMIN_PUBLIC_KEY": public}


def shards(datacenter: Datacenter) -> Json:
    """What `manta-shardadm set -i 1.moray -s 1.moray` adds to the application's metadata."""
    shard = f"1.moray.{datacenter.region}.{datacenter.dns_domain}"
    return {"INDEX_MORAY_SHARDS": [{"host": shard, "last": True}], "STORAGE_MORAY_SHARD": shard}


def ring(datacenter: Datacenter) -> Json:
    """What `manta-adm create-topology` adds if it is typed in `datacenter`. The image lies in that datacenter's IMGAPI."""
    return {
        "HASH_RING_IMAGE": RING_IMAGE,
        "BUCKETS_HASH_RING_IMAGE": BUCKETS_RING_IMAGE,
        "HASH_RING_IMGAPI_SERVICE": f"http://imgapi.{datacenter.suffix}",
    }


def ring_images(owner: str) -> dict[str, Json]:
    """The images of both rings, by uuid, as IMGAPI shows them."""
    names = {RING_IMAGE: "manta-hash-ring", BUCKETS_RING_IMAGE: "manta-buckets-hash-ring"}
    return {
        uuid: {
            "v": 2, "uuid": uuid, "owner": owner, "name": name, "version": "1.0.0", "state": "active", "type": "other",
            "os": "other", "public": False, "disabled": False, "published_at": "2025-07-21T00:00:00.000Z",
        }
        for uuid, name in names.items()
    }  # fmt: skip


def services(owner: str) -> dict[str, list[Json]]:
    """{"services", "manifests"} of the application."""
    made: dict[str, list[Json]] = {"services": [], "manifests": []}
    for role in ROLES:
        (manifest,) = manifests.of_role(role)
        uuid = made_uuid("manta", "manifest", manifest.name)
        made["manifests"].append({"uuid": uuid, **manifest.stored(), "master": True})
        made["services"].append({
            "uuid": service_uuid(owner, role), "name": role, "application_uuid": application_uuid(owner), "type": "vm",
            "params": {"image_uuid": made_uuid("image", role), "networks": [{"name": "manta"}, {"name": "admin"}]},
            "metadata": {}, "manifests": {manifest.name: uuid}, "master": True,
        })  # fmt: skip
    made["services"].append({
        "uuid": service_uuid(owner, "moray"), "name": "moray", "application_uuid": application_uuid(owner), "type": "vm",
        "params": {"image_uuid": made_uuid("image", "manta-moray"), "networks": [{"name": "manta"}, {"name": "admin"}]},
        "metadata": {}, "manifests": {}, "master": True,
    })  # fmt: skip
    return made


def alias(zone: Zone, datacenter: Datacenter) -> str:
    """sdc-manta:lib/deploy.js createInstance."""
    return f"{zone.role}.{datacenter.region}.{datacenter.dns_domain}-{zone.uuid[:8]}"


def instance(zone: Zone, datacenter: Datacenter, service: str) -> Json:
    shown = alias(zone, datacenter)
    name = f"{zone.role}.{datacenter.region}.{datacenter.dns_domain}"
    return {
        "uuid": zone.uuid, "service_uuid": service, "type": "vm", "master": True,
        "params": {"alias": shown, "tags": zone.tags, "server_uuid": datacenter.server_uuid},
        "metadata": {"DATACENTER": datacenter.name, "SERVICE_NAME": name, "SHARD": "1"},
    }  # fmt: skip


def moray(datacenter: Datacenter, owner: str, shard: str = "1") -> Json:
    """The instance of a moray of a shard. The lab has no such zone: muskie asks nobody, and only SAPI tells who serves a shard."""
    uuid = made_uuid(datacenter.name, "manta-moray", shard)
    name = f"{shard}.moray.{datacenter.region}.{datacenter.dns_domain}"
    return {
        "uuid": uuid, "service_uuid": service_uuid(owner, "moray"), "type": "vm", "master": True,
        "params": {"alias": f"{name}-{uuid[:8]}", "tags": {"manta_role": "moray"}, "server_uuid": datacenter.server_uuid},
        "metadata": {"DATACENTER": datacenter.name, "SERVICE_NAME": name, "SHARD": shard},
    }  # fmt: skip


def admin_routes(the_plan: Plan, datacenter: Datacenter) -> dict[str, str]:
    """The routes that Manta adds to the network admin: to the other datacenters' Manta networks."""
    return {peer.manta_subnet: datacenter.admin_router for peer in the_plan.peers(datacenter)}


def manta_routes(the_plan: Plan, datacenter: Datacenter) -> dict[str, str]:
    """The routes of the network manta: to the other datacenters' Manta and admin networks."""
    subnets = (subnet for peer in the_plan.peers(datacenter) for subnet in (peer.manta_subnet, peer.admin_subnet))
    return dict.fromkeys(subnets, datacenter.manta_router)


def firewall_rule(the_plan: Plan, datacenter: Datacenter) -> Json:
    """The rule for imgapi, whose firewall is on: electric-moray of the other datacenters fetches the ring from it."""
    peers = [f"subnet {peer.manta_subnet}" for peer in the_plan.peers(datacenter)]
    sources = peers[0] if len(peers) == 1 else f"({' OR '.join(peers)})"
    return {
        "description": "imgapi: allow the Manta networks of the region", "enabled": True, "owner_uuid": ADMIN_UUID,
        "rule": f'FROM {sources} TO tag "smartdc_role" = "imgapi" ALLOW tcp PORT 80',
        "uuid": made_uuid(datacenter.name, "fwrule", "imgapi for Manta"),
    }  # fmt: skip
