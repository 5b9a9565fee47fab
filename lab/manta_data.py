"""What Manta is made of in SAPI, NAPI and FWAPI: pure data.

Application and services as sdc-manta:cmd/manta-init.js makes them; shards as manta-shardadm sets them, the ring's image
as `manta-adm create-topology` saves it.  Templates (sapi_manifests of manta-muskie and electric-moray) hold what somebody
reads.  All objects lie in the SAPI master's moray and carry `master: true`.
"""

from __future__ import annotations

from lab import plan
from lab.data import Json

ROLES = tuple(plan.MANTA_HOST_NUMBERS)
RING_IMAGE = plan.made_uuid("image", "manta-hash-ring")
BUCKETS_RING_IMAGE = plan.made_uuid("image", "manta-buckets-hash-ring")

MUSKIE_TEMPLATE = """{
  "clearProxyPort": 81,
  "numWorkers": 4,
  "port": 80,
  "auth": {"url": "http://{{AUTH_SERVICE}}"},
  "moray": {"morayOptions": {"srvDomain": "{{ELECTRIC_MORAY}}"}},
  "storage": {
    "lag": 60000,
    "multiDC": {{MUSKIE_MULTI_DC}},
    "moray": {"srvDomain": "{{STORAGE_MORAY_SHARD}}"}
  }
}
"""

ELECTRIC_MORAY_TEMPLATE = """{
    "ringCfg": {
        "indexShards": [ {{#INDEX_MORAY_SHARDS}}
            {"host": "{{host}}"}{{^last}},{{/last}}{{/INDEX_MORAY_SHARDS}}
        ]
    },
    "server_uuid": "{{auto.SERVER_UUID}}",
    "datacenter": "{{DATACENTER}}"
}
"""

MANIFESTS = {
    "electric-moray": ("electric-moray", "/opt/smartdc/electric-moray/etc/config.json", ELECTRIC_MORAY_TEMPLATE),
    "webapi": ("muskie", "/opt/smartdc/muskie/etc/config.json", MUSKIE_TEMPLATE),
}


def application_uuid(owner: str) -> str:
    """One application for each poseidon: manta-init looks it up by owner."""
    return plan.made_uuid("manta", "application", owner)


def service_uuid(owner: str, role: str) -> str:
    return plan.made_uuid("manta", "service", role, owner)


def application(datacenter: plan.Datacenter, owner: str) -> Json:
    """The application as manta-init leaves it, typed in `datacenter`."""
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


def shards(datacenter: plan.Datacenter) -> Json:
    """What `manta-shardadm set -i 1.moray -s 1.moray` adds to the application's metadata."""
    shard = f"1.moray.{datacenter.region}.{datacenter.dns_domain}"
    return {"INDEX_MORAY_SHARDS": [{"host": shard, "last": True}], "STORAGE_MORAY_SHARD": shard}


def ring(datacenter: plan.Datacenter) -> Json:
    """What `manta-adm create-topology`, typed in `datacenter`, adds; the image lies in that datacenter's IMGAPI."""
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
    for role, (name, path, template) in MANIFESTS.items():
        manifest = plan.made_uuid("manta", "manifest", name)
        common = {"uuid": manifest, "name": name, "path": path, "template": template, "version": "1.0.0"}
        made["manifests"].append({**common, "master": True})
        made["services"].append({
            "uuid": service_uuid(owner, role), "name": role, "application_uuid": application_uuid(owner), "type": "vm",
            "params": {"image_uuid": plan.made_uuid("image", role), "networks": [{"name": "manta"}, {"name": "admin"}]},
            "metadata": {}, "manifests": {name: manifest}, "master": True,
        })  # fmt: skip
    return made


def alias(zone: plan.Zone, datacenter: plan.Datacenter) -> str:
    """sdc-manta:lib/deploy.js createInstance."""
    return f"{zone.role}.{datacenter.region}.{datacenter.dns_domain}-{zone.uuid[:8]}"


def instance(zone: plan.Zone, datacenter: plan.Datacenter, service: str) -> Json:
    shown = alias(zone, datacenter)
    name = f"{zone.role}.{datacenter.region}.{datacenter.dns_domain}"
    return {
        "uuid": zone.uuid, "service_uuid": service, "type": "vm", "master": True,
        "params": {"alias": shown, "tags": zone.tags, "server_uuid": datacenter.server_uuid},
        "metadata": {"DATACENTER": datacenter.name, "SERVICE_NAME": name, "SHARD": "1"},
    }  # fmt: skip


def admin_routes(the_plan: plan.Plan, datacenter: plan.Datacenter) -> dict[str, str]:
    """What the network admin needs more than coupling does: the other datacenters' Manta networks."""
    return {peer.manta_subnet: datacenter.admin_router for peer in the_plan.peers(datacenter)}


def manta_routes(the_plan: plan.Plan, datacenter: plan.Datacenter) -> dict[str, str]:
    """What the network manta needs: the other datacenters' Manta and admin networks."""
    subnets = (subnet for peer in the_plan.peers(datacenter) for subnet in (peer.manta_subnet, peer.admin_subnet))
    return dict.fromkeys(subnets, datacenter.manta_router)


def firewall_rule(the_plan: plan.Plan, datacenter: plan.Datacenter) -> Json:
    """imgapi's firewall is on, and electric-moray of the other datacenters fetches the ring from it."""
    peers = [f"subnet {peer.manta_subnet}" for peer in the_plan.peers(datacenter)]
    sources = peers[0] if len(peers) == 1 else f"({' OR '.join(peers)})"
    return {
        "description": "imgapi: allow the Manta networks of the region", "enabled": True, "owner_uuid": plan.ADMIN_UUID,
        "rule": f'FROM {sources} TO tag "smartdc_role" = "imgapi" ALLOW tcp PORT 80',
        "uuid": plan.made_uuid(datacenter.name, "fwrule", "imgapi for Manta"),
    }  # fmt: skip
