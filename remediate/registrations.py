"""Remedy: registrations in the master's UFDS that the inventory does not know."""

from __future__ import annotations

import hashlib
from functools import partial

from evidence.model import Registered
from evidence.subjects.datacenter import Datacenter
from evidence.subjects.registered import unknown_datacenters, unknown_resolvers
from evidence.subjects.world import Coupling
from remediate import typed
from remediate.registry import Advised, remedy
from remediate.removal import kept, removed
from remediate.shell import quote
from remediate.steps import Note


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
    yield from _forgotten(master, dn, f"a resolver that is none of {each.datacenter}'s binders; the replicas follow")


def _dn(each: Registered) -> str:
    return f"datacenter={typed.name(each.datacenter)}, region={typed.name(each.region)}, o=smartdc"


def _forgotten(master: Datacenter, dn: str, what: str) -> Advised:
    subject = f"registration-{hashlib.md5(dn.encode(), usedforsecurity=False).hexdigest()[:12]}"
    yield kept(master, subject, dn, f"a copy of {dn}")
    yield from removed(master, subject, [dn], f"deletes {what}", "sdc-ldap add -f with the copy")
