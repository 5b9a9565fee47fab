"""Odd regions: several in one coupling, with Manta here and not there, and inventories that say it in another way."""

from __future__ import annotations

from evidence.subjects.triton import BINDER_CONFIG, MANTA_ROLES
from tests.odd.draft import Draft, replicator
from tests.odd.registry import odd


@odd
def replica_of_another_region(draft: Draft) -> bool:
    """A replica is the only datacenter of another region.

    Source: facts "The thing itself"; sdc-headnode:scripts/prompt-config.sh.
    """
    if draft.manta or not draft.replicas:
        return False
    name, region = draft.random.choice(draft.replicas), "far-away"
    draft.declared(name)["region"] = region
    draft.setting(name, "region_name", region)
    for key in ("MASTER_MORAY_IP", "MASTER_MORAY_PORT"):
        draft.service_setting(name, "sapi", key, None)
    for zone in draft.zones(name, "ufds").values():
        settings = replicator(zone)
        settings["remotes.0.queries"] = [
            each.replace("region=my-dc,", f"region={region},") for each in settings["remotes.0.queries"]
        ]
    for zone in draft.zones(name, "binder").values():
        zone["files"]["value"][BINDER_CONFIG]["settings"]["recursion.regionName"] = region
        zone["elsewhere"]["value"] = {}
    _apart(draft, name, region)
    return True


def _apart(draft: Draft, name: str, region: str) -> None:
    """The datacenter is registered below its own region, and binders of other regions do not ask its binders."""
    for _, _, ufds in draft.every_zone("ufds"):
        held = ufds["directory"]["value"]
        held["regions"] = sorted({*held["regions"], region})
        for entry in held["datacenters"]:
            entry["region"] = region if entry["datacenter"] == name else entry["region"]
    for other in draft.names:
        for link in list(draft.links(other)):
            if ".53" in link and (other == name or f"--{name}." in link):
                del draft.links(other)[link]
        for zone in draft.zones(other, "binder").values() if other != name else ():
            if (zone.get("elsewhere") or {}).get("value"):
                zone["elsewhere"]["value"].pop(name, None)


@odd
def no_master_of_sapi(draft: Draft) -> bool:
    """There is no Manta, and no SAPI names a master.

    Source: sdc-sapi:docs/index.md ("Multi-DC mode" is for Manta).
    """
    if draft.manta:
        return False
    for name in draft.replicas:
        for key in ("MASTER_MORAY_IP", "MASTER_MORAY_PORT"):
            draft.service_setting(name, "sapi", key, None)
    return True


@odd
def manta_in_one_datacenter(draft: Draft) -> bool:
    """Manta is in the master's datacenter alone, by the inventory.

    Source: facts "Manta"; sdc-manta (a Manta of one datacenter).
    """
    if not draft.manta:
        return False
    draft.inventory["expect"]["manta"] = [draft.master]
    for name in draft.replicas:
        zones = draft.datacenter(name)["zones"]["value"]
        gone = {alias for alias, zone in zones.items() if zone["vm"]["role"] in MANTA_ROLES}
        draft.datacenter(name)["zones"]["value"] = {alias: zone for alias, zone in zones.items() if alias not in gone}
        links = draft.links(name)
        draft.datacenter(name)["links"] = {
            link: each for link, each in links.items() if link.split("--")[0].split(".")[1] not in gone
        }
    for service in draft.datacenter(draft.master)["manta_services"]["value"]:
        service["instances"] = [
            each for each in service["instances"] if each["metadata"]["values"]["DATACENTER"] == draft.master
        ]
    return True


@odd
def manta_planned(draft: Draft) -> bool:
    """Manta is planned, or the inventory says nothing of it.

    Source: region.example.yaml (expect.manta).
    """
    if draft.inventory["expect"]["manta"] is not False:
        return False
    draft.inventory["expect"]["manta"] = draft.random.choice(("planned", False))
    return True


@odd
def domain_in_the_inventory(draft: Draft) -> bool:
    """The inventory writes the domain in capitals, or with a final dot.

    Source: RFC 4343, RFC 1034 3.1 (the same name).
    """
    domain = str(draft.sdc(draft.master)["values"]["dns_domain"])
    draft.inventory["dns_domain"] = draft.random.choice((domain, domain.upper(), domain.title()))
    return True


@odd
def head_nodes_behind_one_name(draft: Draft) -> bool:
    """All head nodes are reached by one bastion, each as another user.

    Source: ssh_config(5); the inventory's `headnode` is what ssh takes.
    """
    for name in draft.names:
        draft.declared(name)["headnode"] = f"{name}+first.last@bastion"
    return True


@odd
def patient_operators(draft: Draft) -> bool:
    """The inventory expects other lags and skews.

    Source: region.example.yaml (expect).
    """
    draft.inventory["expect"] |= {"replication_lag": 3600.0, "clock_skew": 30.0, "ufds_connections": 4}
    return True
