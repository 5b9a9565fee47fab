"""Binds a check's parameters: to the subjects of its stage, and to the companions that go with a subject."""

from __future__ import annotations

from evidence.inventory.model import CANDIDATE, MASTER, REPLICA
from evidence.subjects.datacenter import Datacenter
from evidence.subjects.links import Link, links, targets
from evidence.subjects.spec import BOTH, POSTCHANGE, PREFLIGHT, Stage
from evidence.subjects.triton import CONFIGURED, INTERNAL_APIS, MANTA_PEERS, MANTA_ROLES, RESTARTED, ROLES, Role
from evidence.subjects.world import Coupling, Region, World
from evidence.subjects.zone import Zone

Subject = Coupling | Region | Datacenter | Zone | Link

_BY_ROLE: dict[str, Role] = {role.replace("-", "_"): role for role in (*ROLES, *MANTA_ROLES)}
WHOLES = frozenset({"coupling", "region", "datacenter", MASTER, REPLICA, CANDIDATE, "manta_region", "manta_datacenter"})
"""Names of first parameters that stand for something larger than a zone."""
_GROUPS: dict[str, tuple[Role, ...]] = {
    "zone": (*ROLES, *MANTA_ROLES), "api": INTERNAL_APIS, "configured": CONFIGURED, "restarted": RESTARTED,
}  # fmt: skip
ZONES = frozenset({*_BY_ROLE, *_GROUPS, "target", "manta_peer"})
"""Names of first parameters that stand for zones; `link` stands for the links from a zone."""
COMPANIONS = (MASTER, "coupling", "datacenter")
"""Names of further parameters."""

_STATES = {
    PREFLIGHT: (CANDIDATE,),
    POSTCHANGE: (MASTER, REPLICA),
    BOTH: (MASTER, REPLICA, CANDIDATE),
}


def subjects(world: World, name: str, stage: Stage, check: str) -> tuple[Subject, ...]:
    """What a check's first parameter `name` stands for, by stage: contract "Stages".

    coupling, region, datacenter, master, replica, candidate; `manta_region` and `manta_datacenter` (where Manta is
    expected); `zone` (every core zone, and Manta's), `api`, `configured`, `restarted` (every zone of INTERNAL_APIS, CONFIGURED, RESTARTED),
    a role (every zone of it),
    `target` (every zone that links lead to), `manta_peer` (the zones that Manta's zones in other datacenters ask), `link`.
    """
    allowed = tuple(dc for dc in world.datacenters if dc.state in _STATES[stage])
    if name == "coupling":
        return (world.coupling,) if stage != PREFLIGHT or allowed else ()
    if name == "region":
        return tuple(region for region in world.regions if any(dc.declared.region == region.name for dc in allowed))
    if name == "datacenter":
        return allowed
    if name in (MASTER, REPLICA, CANDIDATE):
        return tuple(dc for dc in allowed if dc.state == name)
    if name == "link":
        return tuple(link for link in links(world, check) if link.source.datacenter in allowed)
    if name == "target":
        return tuple(zone for zone in targets(world) if zone.datacenter in allowed)
    manta = tuple(dc for dc in world.manta_datacenters if dc in allowed)
    if name == "manta_datacenter":
        return manta
    if name == "manta_region":
        return (Region(world, world.master.declared.region),) if manta else ()
    if name == "manta_peer":
        return tuple(zone for dc in manta for role in MANTA_PEERS for zone in dc.zones(role))
    roles = _roles_of(name)
    return tuple(zone for dc in allowed for role in roles if role in ROLES or dc in manta for zone in dc.zones(role))


def _roles_of(name: str) -> tuple[Role, ...]:
    """The roles of the zones that a parameter stands for."""
    return _GROUPS[name] if name in _GROUPS else (_BY_ROLE[name],)


def misnamed(names: tuple[str, ...]) -> str:
    """The mistake in the names of a check's parameters; empty if there is none."""
    if not names:
        return "it has no subject: its first parameter names one"
    if names[0] not in WHOLES | ZONES | {"link"}:
        return f"no subject is called {names[0]}"
    unknown = [name for name in names[1:] if name not in COMPANIONS]
    return f"a companion of a subject cannot be called {', '.join(unknown)}" if unknown else ""


def why_none(world: World, name: str) -> str:
    """Why a check has no subject: the inventory has nothing that its first parameter `name` stands for."""
    if not world.manta_datacenters and (name.startswith("manta_") or _BY_ROLE.get(name) in MANTA_ROLES):
        return "the inventory does not expect Manta (expect.manta)"
    return "the inventory has no subject for it"


def bind(world: World, subject: Subject, names: tuple[str, ...]) -> dict[str, Subject]:
    """Map parameter names to subjects, for one subject. The first name is the subject; `master` and `datacenter` go with it.

    Checks and remedies both use this, so a remedy sees what its check saw.
    """
    bound: dict[str, Subject] = {}
    for index, name in enumerate(names):
        if index == 0:
            bound[name] = subject
        elif name == MASTER:
            bound[name] = world.master
        elif name == "coupling":
            bound[name] = world.coupling
        elif name == "datacenter":
            bound[name] = datacenters_of(subject)[0]
        else:
            raise ValueError(f"a companion of a subject cannot be called {name}")
    return bound


def datacenters_of(subject: Subject) -> tuple[Datacenter, ...]:
    """The datacenters that a subject lies in (a link belongs to its source)."""
    if isinstance(subject, (Coupling, Region)):
        return subject.datacenters
    if isinstance(subject, Datacenter):
        return (subject,)
    if isinstance(subject, Zone):
        return (subject.datacenter,)
    return (subject.source.datacenter,)
