"""What the master's UFDS registers below its regions, against the inventory and the binders that were seen."""

from __future__ import annotations

from evidence.inventory.model import CANDIDATE
from evidence.model import Registered
from evidence.subjects.world import World


def unknown_datacenters(world: World) -> list[Registered]:
    """The registered datacenters that the inventory does not name."""
    named = {datacenter.name for datacenter in world.datacenters}
    return [each for each in _held(world) if each.datacenter not in named]


def unknown_resolvers(world: World) -> list[tuple[Registered, str]]:
    """The resolvers that are no address of a binder of their datacenter.

    A candidate has a check of its own (candidate-is-not-registered-yet). Raises OutOfSight where a binder was not seen.
    """
    coupled = {each.name: each for each in world.datacenters if each.state != CANDIDATE}
    found = []
    for each in _held(world):
        if each.datacenter in coupled and each.resolvers:
            binders = {binder.address("admin") for binder in coupled[each.datacenter].zones("binder")}
            found += [(each, ip) for ip in each.resolvers if ip not in binders]
    return found


def _held(world: World) -> list[Registered]:
    """What each ufds zone of the master has, once."""
    found = [each for ufds in world.master.zones("ufds") for each in ufds.directory.datacenters]
    return list(dict.fromkeys(found))
