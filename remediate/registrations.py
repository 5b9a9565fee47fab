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
from remediate.steps import Note


@remedy("registrations-are-known")
def name_or_forget(coupling: Coupling) -> Advised:
    """Only the operator knows whether the inventory or the directory is behind. What is deleted is copied before."""
    world = coupling.world
    yield from typed.each(world, unknown_datacenters(world), partial(_datacenter, world.master))
    yield from typed.each(world, unknown_resolvers(world), partial(_resolver, world.master))


def _datacenter(master: Datacenter, each: Registered) -> Advised:
    name = typed.name(each.datacenter)
    yield Note(
        f"If {name} is coupled, name it in the inventory: nothing judges it until then. Only if it was given up, forget it with the steps "
        "that follow."
    )
    yield from _forgotten(master, _dn(each), f"what {master.name} has of {name}, which was given up")


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
