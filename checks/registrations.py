"""Chapter: registrations.  The master's UFDS lists every datacenter and every binder, and no others."""

from evidence.inventory.model import CANDIDATE
from evidence.subjects.registered import unknown_datacenters, unknown_resolvers
from evidence.subjects.world import Coupling, Region
from fixtures.check import CRITICAL, POSTCHANGE, WARNING, check
from fixtures.outcomes import Finding


@check(POSTCHANGE, CRITICAL, after=["ufds-answers"])
def test_datacenters_are_registered(region: Region) -> None:
    """The master's UFDS has, below the region, every coupled datacenter with its network and at least one resolver.

    binder reads there whom to ask for another datacenter's names.  Source: facts "UFDS" (Tree); sdc-ufds-m2s.
    """
    master = region.world.master
    coupled = {dc.name for dc in region.datacenters if dc.state != CANDIDATE}
    lacks: dict[str, str] = {}
    for ufds in master.zones("ufds"):
        found = {each.datacenter: each for each in ufds.directory.datacenters if each.region == region.name}
        for name in coupled:
            entry = found.get(name)
            absent = ["datacenter"] if entry is None else []
            absent += ["network"] if entry is None or not entry.network else []
            absent += ["resolver"] if entry is None or not entry.resolvers else []
            if absent:
                lacks[name] = ", ".join(absent)
    if lacks:
        raise Finding(
            expected=f"entries below region={region.name} on {master.name} for {', '.join(sorted(coupled))}",
            observed="; ".join(f"{name} lacks {what}" for name, what in sorted(lacks.items())),
            culprits=lacks,
        )


@check(
    POSTCHANGE,
    WARNING,
    after=[
        "ufds-answers",
        "inventory-agrees",
        "region-name-agrees",
        "datacenter-identity-agrees",
        "datacenters-are-registered",
    ],
)
def test_registrations_are_known(coupling: Coupling) -> None:
    """Every datacenter and every resolver below a region in the master's UFDS is one of the inventory's.

    Nothing judges a datacenter that the inventory does not name.  Every binder of the region asks a resolver that is nobody's with each
    name that nobody knows, waits 3 s for it, and believes whoever answers there.  Source: facts "UFDS" (Tree), "How a real binder answers".
    """
    world = coupling.world
    told = [f"{each.datacenter} of region {each.region} is not in the inventory" for each in unknown_datacenters(world)]
    told += [f"{ip} of {each.datacenter} is none of its binders" for each, ip in unknown_resolvers(world)]
    if told:
        raise Finding(expected="datacenters and binders that the inventory knows", observed="; ".join(told))
