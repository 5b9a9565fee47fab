"""Odd zones: several of a role, other names, NICs, services and tags."""

from __future__ import annotations

import json

from evidence.subjects.triton import CONFIG_AGENT
from tests.odd.draft import Draft, Plain, fact
from tests.odd.registry import odd

CLONED = ("adminui", "binder", "cloudapi", "cnapi", "fwapi", "imgapi", "mahi", "moray", "napi", "sapi", "vmapi")
LOOKED_UP = ("cloudapi", "vmapi")


def cloned(draft: Draft, name: str, alias: str, other: str, *, last: int = 100) -> Plain:
    """A second zone like a first one, with an address of its own, in all that lists zones and links."""
    seen, first = draft.datacenter(name), draft.zones(name)[alias]
    zone: Plain = json.loads(json.dumps(first))
    vm = zone["vm"]
    vm["uuid"], vm["alias"] = draft.uuid(), other
    for nic in vm["nics"]:
        net, _, host = nic["ip"].rpartition(".")
        nic["ip"] = f"{net}.{int(host) + last}"
    seen["zones"]["value"][other] = zone
    row = next((row for row in draft.rows(name) if row["instance"] == first["vm"]["uuid"]), None)
    if row is not None:
        draft.rows(name).append(row | {"instance": vm["uuid"], "name": other})
    _lines(draft, name, vm["role"])
    _links(draft, name, alias, other, vm["nics"][0]["ip"])
    return zone


def _lines(draft: Draft, name: str, role: str) -> None:
    """One more line of sdc-healthcheck. Of roles that it looks up it says error from then on (facts "The wrappers")."""
    lines = draft.datacenter(name)["healthcheck"]["value"]
    own = [line for line in lines if line["role"] == role]
    if own:
        lines.append(dict(own[0]))
    for line in lines:
        if line["role"] == role in LOOKED_UP:
            line["status"] = "error"


def _links(draft: Draft, name: str, alias: str, other: str, ip: str) -> None:
    """The links from the second zone, and those to it, where links lead to instances (binder)."""
    own = draft.links(name)
    for link, probes in list(own.items()):
        if link.startswith(f"{name}.{alias}--"):
            own[link.replace(f"{name}.{alias}--", f"{name}.{other}--")] = json.loads(json.dumps(probes))
    for each in draft.names:
        for link, probes in list(draft.links(each).items()):
            if link.endswith(f"--{name}.{alias}.53"):
                copy = json.loads(json.dumps(probes))
                for probe in copy["value"]:
                    probe["host"] = ip
                draft.links(each)[link.replace(f"--{name}.{alias}.53", f"--{name}.{other}.53")] = copy


def listed(draft: Draft, name: str, ip: str) -> None:
    """A further binder in the list of resolvers, in every UFDS that lists the datacenter."""
    for _, _, ufds in draft.every_zone("ufds"):
        for entry in ufds["directory"]["value"]["datacenters"]:
            if entry["datacenter"] == name:
                entry["resolvers"].append(ip)


@odd
def further_instance(draft: Draft) -> bool:
    """A role has another instance on the head node.

    Source: facts "Where things run" (sdcadm#12, sdcadm#98).
    """
    coupled = [name for name in draft.names if draft.declared(name)["state"] != "candidate"]
    name, role = draft.random.choice(coupled), draft.random.choice(CLONED)
    alias = min(draft.zones(name, role))
    zone = cloned(draft, name, alias, f"{role}{draft.random.randint(2, 40)}")
    if role == "binder":
        listed(draft, name, zone["vm"]["nics"][0]["ip"])
    return True


@odd
def zone_on_a_compute_node(draft: Draft) -> bool:
    """A further instance runs on a compute node, which is up to date.

    Source: facts "Where things run", "Other servers".
    """
    name = draft.random.choice([name for name in draft.names if draft.declared(name)["state"] != "candidate"])
    role = draft.random.choice(("adminui", "cnapi", "imgapi", "mahi", "moray", "napi", "fwapi"))
    seen, server, lines = draft.datacenter(name), draft.uuid(), draft.datacenter(name)["healthcheck"]["value"]
    before = [dict(line) for line in lines]
    zone = cloned(draft, name, min(draft.zones(name, role)), f"{role}{draft.random.randint(41, 99)}", last=120)
    zone["vm"]["server"], seen["healthcheck"]["value"] = server, before
    known = {
        "hostname": "C9 rack-1",
        "address": "10.9.9.9",
        "net_agent": "online",
        "ur": "online",
        "why": "",
        "closed": False,
    }
    seen["servers"] = seen["servers"] or fact(name, {})
    seen["servers"]["value"][server] = known
    seen["everywhere"]["value"] = sorted({*seen["everywhere"]["value"], server})
    for row in draft.rows(name):
        if row["instance"] == zone["vm"]["uuid"]:
            row["server"] = "C9 rack-1"
    return True


@odd
def other_aliases(draft: Draft) -> bool:
    """Zones have other aliases than Triton's usual ones.

    Source: sdc-vmapi:lib/common/validation.js ALIAS_RE; sdc-sapi instances.
    """
    for name in draft.names:
        role = draft.random.choice(("adminui", "cloudapi", "imgapi", "napi", "sapi", "ufds", "vmapi"))
        alias = min(draft.zones(name, role))
        other = draft.random.choice((f"{role}-7f3a91c2", f"{role}_old-name", f"2nd-{role}", role.upper()))
        zones = draft.datacenter(name)["zones"]["value"]
        if other in zones:
            return False
        zones[other] = zones.pop(alias)
        zones[other]["vm"]["alias"] = other
        own = draft.links(name)
        for link in [link for link in own if link.startswith(f"{name}.{alias}--")]:
            own[link.replace(f"{name}.{alias}--", f"{name}.{other}--")] = own.pop(link)
    return True


@odd
def left_from_an_upgrade(draft: Draft) -> bool:
    """A stopped sapi0tmp, which SAPI does not know, is left from an upgrade.

    Source: facts "Where things run" (sdcadm#16, #20).
    """
    name = draft.random.choice(draft.names)
    first = draft.zones(name, "sapi")
    vm = {
        **json.loads(json.dumps(first[min(first)]["vm"])),
        "uuid": draft.uuid(),
        "alias": "sapi0tmp",
        "state": "stopped",
    }
    gone = {"subject": f"{name}.sapi0tmp", "asked": "asked", "how": "how", "why": "the zone is stopped"}
    zone = {"vm": vm, "services": gone, "files": gone, "instance": fact(f"{name}.sapi0tmp", False)}
    draft.datacenter(name)["zones"]["value"]["sapi0tmp"] = zone
    lines = draft.datacenter(name)["healthcheck"]["value"]
    lines.append({"role": "sapi", "state": "stopped", "status": "offline", "agent": ""})
    return True


@odd
def nics_in_another_order(draft: Draft) -> bool:
    """The external NIC comes first, or last, in any zone.

    Source: facts "Zones" (`nics[]` is a list; `primary` marks one).
    """
    for _, _, zone in draft.every_zone():
        draft.random.shuffle(zone["vm"]["nics"])
    return True


@odd
def third_nic(draft: Draft) -> bool:
    """Zones have a NIC on a further network.

    Source: sdc-headnode:tools/bin/sdc-ufds-m2s (any tag with internal or external).
    """
    tag = draft.random.choice(("internal", "external2", "sdc_underlay", "corp"))
    for number, name in enumerate(draft.names, 1):
        network = {
            "uuid": draft.uuid(),
            "name": f"{tag}-net",
            "subnet": f"10.{number}.9.0/24",
            "routes": {},
            "owner_uuids": [],
        }
        draft.datacenter(name)["networks"]["value"][network["name"]] = {**network, "gateway": f"10.{number}.9.1"}
        for zone in draft.zones(name, "ufds", "cloudapi", "adminui", "imgapi").values():
            host = zone["vm"]["nics"][0]["ip"].rpartition(".")[2]
            nic = {
                "ip": f"10.{number}.9.{host}",
                "nic_tag": tag,
                "netmask": "255.255.255.0",
                "network_uuid": network["uuid"],
            }
            zone["vm"]["nics"].insert(draft.random.randint(0, 2), nic)
    return True


@odd
def services_that_nobody_knows(draft: Draft) -> bool:
    """Zones have further SMF services, of which some are disabled.

    Source: facts "SMF"; every illumos zone has dozens.
    """
    for _, _, zone in draft.every_zone():
        if zone["services"].get("value") and draft.random.random() < 0.5:
            zone["services"]["value"] += [
                {"fmri": "svc:/network/ssh:default", "state": "disabled"},
                {"fmri": "svc:/smartdc/application/metricly:a-b_c", "state": "online", "began": 5.0},
                {"fmri": f"{CONFIG_AGENT.rpartition(':')[0]}:second", "state": "disabled"},
            ]
    return True


@odd
def agents_that_nobody_knows(draft: Draft) -> bool:
    """The global zone has further agents; optional ones are disabled.

    Source: facts "Where things run" (sdcadm#8).
    """
    for name in draft.names:
        if draft.datacenter(name)["global_services"] is not None:
            draft.datacenter(name)["global_services"]["value"] += [
                {"fmri": "svc:/smartdc/agent/amon-agent:default", "state": "disabled"},
                {"fmri": "svc:/smartdc/agent/cmon-agent:default", "state": "online"},
                {"fmri": "svc:/site/backup-agent:default", "state": "disabled"},
            ]
    return True


@odd
def tags_of_the_operator(draft: Draft) -> bool:
    """Zones have tags of the operator's.

    Source: facts "Zones" (tags); smartos-live:src/vm/man/vmadm.8.md.
    """
    for _, _, zone in draft.every_zone():
        zone["vm"]["tags"] = (zone["vm"]["tags"] or {}) | {"team": "Zürich", "web": "true", "rack": "12", "ufds": "no"}
    return True
