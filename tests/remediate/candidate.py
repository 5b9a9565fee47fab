"""Evidence, without servers, of a working coupling and of a candidate that is ready to join it."""

from __future__ import annotations

from msgspec.structs import replace

from evidence.accounts import Accounts, Belongings, Collisions
from evidence.headnode import Clock, CouplingTools, Instance, Room, UsbKey, UsbkeyCopy
from evidence.model import Directory
from evidence.subjects.claims import judged
from evidence.subjects.triton import REPLICATOR
from evidence.subjects.world import World
from tests.remediate import synthetic as s

QUICK, LATE = "release-20251120-20251120T061402Z-gabc", "release-20260101-20260101T000000Z-gabc"


def clocked(world: World, **ahead: float) -> World:
    """The world with head nodes whose clocks are so many seconds ahead (my_dc_1=900)."""
    for name in world.inventory.datacenters:
        off = ahead.get(name.replace("-", "_"), 0.0)
        world = s.changed(world, name, clock=s.fact(Clock(off - 1, off + 1)))
    return world


def with_candidate(name: str = "my-dc-3") -> World:
    """The healthy coupling, except that one datacenter is not coupled yet."""
    world = s.changed_metadata(
        clocked(s.healthy()), name, ufds_is_master="true", ufds_remote_ip=None, binder_admin_ips="10.3.1.11"
    )
    declared = world.inventory.datacenters
    inventory = replace(world.inventory, datacenters=declared | {name: replace(declared[name], state="candidate")})
    assert world.evidence is not None
    world = judged(inventory, replace(world.evidence, inventory=inventory))
    applications = world.datacenter("my-dc-2").evidence.applications.get()
    known = replace(applications["sdc"].metadata, fingerprints={"ufds_ldap_root_pw": "aaaa"})
    world = s.changed(world, "my-dc-2", applications=s.fact({"sdc": replace(applications["sdc"], metadata=known)}))
    images = (Instance("sapi", version=QUICK), Instance("ufds", version=QUICK))
    world = s.changed(world, "my-dc-2", instances=s.fact(images))
    admin = str(world.datacenter(name).sdc_metadata.values["ufds_admin_uuid"])
    whole = Directory(1, admin=True, operators=(admin,), readers=True)
    services = world.datacenter(name).evidence.zones.get()["ufds0"].services.get()
    world = s.changed_zone(
        world,
        name,
        "ufds0",
        accounts=s.fact(Accounts(0, (), ())),
        collisions=s.fact(Collisions(0)),
        belongings=s.fact(Belongings(0, {})),
        directory=s.fact(whole),
        services=s.fact(tuple(each for each in services if each.fmri != REPLICATOR)),
    )
    return s.changed(
        world,
        name,
        usbkey=s.fact(world.datacenter(name).sdc_metadata),
        usbkey_mount=s.fact(UsbKey("not mounted", ok=False, devices=1)),
        manta_applications=s.fact(()),
        m2s_asks_password=s.fact(True),
        coupling_tools=s.fact(CouplingTools(takes_addresses=True, reconcile_has_password=True)),
        m2s_room=s.fact(Room((), 1 << 20)),
        usbkey_copy=s.fact(UsbkeyCopy("/mnt/usbkey/config")),
        instances=s.fact(images),
    )
