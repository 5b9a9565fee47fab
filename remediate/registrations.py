"""Chapter: registrations.  What the master's UFDS lacks is added; what nobody knows is forgotten where that is safe."""

from __future__ import annotations

import hashlib
from functools import partial

from evidence.inventory.model import CANDIDATE
from evidence.model import Registered
from evidence.subjects.datacenter import Datacenter
from evidence.subjects.registered import unknown_datacenters, unknown_resolvers
from evidence.subjects.world import Coupling, Region
from remediate import typed
from remediate.actions.ldap import Attributes, LdapAdd
from remediate.lookup import headnode
from remediate.neighbours import own
from remediate.registry import Advised, remedy
from remediate.removal import kept, removed
from remediate.shell import quote
from remediate.steps import SAFE, Note, Step, acting


@remedy("datacenters-are-registered")
def register_the_datacenters(region: Region) -> Advised:
    """Add the entries that sdc-ufds-m2s adds to the master's directory, with this coupling's addresses."""
    master = region.world.master
    held = [ufds.directory for ufds in master.zones("ufds")]
    top = f"region={region.name}, o=smartdc"
    coupled = [dc for dc in region.datacenters if dc.state != CANDIDATE]
    elsewhere = {e.datacenter: e.region for each in held for e in each.datacenters if e.region != region.name}
    meant = [dc for dc in coupled if dc.name not in elsewhere]
    for datacenter in coupled:
        if datacenter.name in elsewhere:
            yield Note(
                f"The UFDS of {master.name} lists {datacenter.name} in the region {elsewhere[datacenter.name]}, but the inventory in "
                f"{region.name}. Find out which one is right. No step registers it a second time."
            )
    if meant and not any(region.name in each.regions for each in held):
        yield _adding(master, top, {"o": ("smartdc",), "region": (region.name,), "objectclass": ("region",)})

    def register(datacenter: Datacenter) -> Advised:
        known = [
            e for each in held for e in each.datacenters if (e.region, e.datacenter) == (region.name, datacenter.name)
        ]
        common: Attributes = {"o": ("smartdc",), "region": (region.name,), "datacenter": (datacenter.name,)}
        where = f"datacenter={datacenter.name}, {top}"
        if not known:
            yield _adding(master, where, common | {"objectclass": ("datacenter",)})
        if not any(each.network for each in known):
            values = datacenter.sdc_metadata.values
            network: Attributes = {
                "network": ("admin",),
                "networkaddr": (own(str(values.get("admin_network")), datacenter),),
                "netmask": (typed.address(values.get("admin_netmask")),),
                "objectclass": ("network",),
            }
            yield _adding(master, f"network=admin, {where}", common | network)
        if not any(each.resolvers for each in known):
            for binder in datacenter.zones("binder"):
                ip = own(binder.address("admin"), datacenter)
                entry = common | {"network": ("admin",), "ip": (ip,), "objectclass": ("resolver",)}
                yield _adding(master, f"ip={ip}, network=admin, {where}", entry)

    yield from typed.each(region.world, meant, register)


def _adding(master: Datacenter, dn: str, entry: Attributes) -> Step:
    why = f"the master's directory lacks {dn}; binders read there whom to ask"
    return acting(headnode(master), LdapAdd(dn, entry), risk=SAFE, why=why)


@remedy("registrations-are-known")
def name_or_forget(coupling: Coupling) -> Advised:
    """Only the operator knows whether the inventory or the directory is behind: no command forgets a datacenter that may be alive."""
    world = coupling.world
    yield from typed.each(world, unknown_datacenters(world), partial(_datacenter, world.master))
    yield from typed.each(world, unknown_resolvers(world), partial(_resolver, world.master))


def _datacenter(master: Datacenter, each: Registered) -> Advised:
    dn = _dn(each)
    resolvers = ", ".join(map(typed.address, each.resolvers)) or "none"
    yield Note(
        f"Find out whether {each.datacenter} is alive (its binders, as registered: {resolvers}). If it is, name it in the inventory: "
        f"nothing judges it until then. If it was given up, keep a copy of what `sdc-ldap search -b {quote(dn)} '(objectclass=*)'` shows "
        f"on {master.name}, and delete these entries there, the longest dn first (sdc-ldap delete). The replicas follow."
    )


def _resolver(master: Datacenter, found: tuple[Registered, str]) -> Advised:
    each, ip = found
    dn = f"ip={typed.address(ip)}, network=admin, {_dn(each)}"
    subject = f"registration-{hashlib.md5(dn.encode(), usedforsecurity=False).hexdigest()[:12]}"
    yield kept(master, subject, dn, f"a copy of {dn}")
    why = f"deletes a resolver that is none of {each.datacenter}'s binders; the replicas follow"
    yield from removed(master, subject, [dn], why, "sdc-ldap add -f with the copy")


def _dn(each: Registered) -> str:
    return f"datacenter={typed.name(each.datacenter)}, region={typed.name(each.region)}, o=smartdc"
