"""Faults of replication: directories that differ, a changelog with holes, a replicator that cannot go on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.faults import Target, Undo, UnknownFaultError, fault
from lab.incidents import OTHER_PASSWORD, sdc_metadata

if TYPE_CHECKING:
    from lab.daemon import Lab

USERS = "ou=users, o=smartdc"
ADDED = "cccccccc-0000-4000-8000-00000000000c"
BELOW = "cccccccc-0000-4000-8000-00000000000d"
MANY = 300  # more than are applied while somebody looks
GAP = 60  # more than the 50 numbers that the replicator asks for at once


async def _account(lab: Lab, name: str, login: str) -> str:
    """The dn of an account."""
    found = await lab.ufds.query(name, USERS, "sub", f"(login={login})")
    if not found:
        raise UnknownFaultError(f"{name}: no account {login} any more")
    return found[0][0]


@fault("account-added", "datacenter", "my-dc-1", ("replica",))
async def account_added(lab: Lab, target: Target) -> None:
    """An account (gina) was made on a replica only: an operator's `sdc-useradm create` in the wrong datacenter.  Her
    login is taken there for ever, and the day somebody makes her on the master the replicator gives up."""
    entry = {
        "objectclass": ["sdcperson"], "login": ["gina"], "email": ["gina@example.com"], "cn": ["Gina"], "sn": ["Test"],
        "uuid": [ADDED], "userpassword": ["s3cret-of-gina"],
    }  # fmt: skip
    await lab.ufds.add(target.site.datacenter.name, f"uuid={ADDED}, {USERS}", entry)


@fault("account-removed", "datacenter", "my-dc-1", ("replica",))
async def account_removed(lab: Lab, target: Target) -> None:
    """An account (bruno) was deleted on a replica only, with his keys: somebody tidied up with sdc-ldap.  He cannot log
    in there, and replication does not bring him back before something of his changes on the master."""
    name = target.site.datacenter.name
    await lab.ufds.delete(name, await _account(lab, name, "bruno"), subtree=True)


@fault("account-changed", "datacenter", "my-dc-1", ("replica",))
async def account_changed(lab: Lab, target: Target) -> None:
    """An account (carla) has another e-mail address on a replica: it was changed there and not on the master."""
    name = target.site.datacenter.name
    await lab.ufds.modify(
        name, await _account(lab, name, "carla"), [("replace", "email", ["carla-was-moved@example.com"])]
    )


@fault("parent-missing", "datacenter", "my-dc-3", ("replica",))
async def parent_missing(lab: Lab, target: Target) -> None:
    """A replica lacks an account (elena), below which the master has just got a sub-user: the replicator cannot add the
    child, says so each second, and goes on to nothing else, while SMF calls it online."""
    name, master = target.site.datacenter.name, lab.plan.master.name
    account = await _account(lab, master, "elena")
    owner = account.partition(",")[0].removeprefix("uuid=")
    await lab.ufds.delete(name, account, subtree=True, silent=True)
    entry = {
        "objectclass": ["sdcperson", "sdcaccountuser"], "login": [f"{owner}/below"], "alias": ["below"],
        "account": [owner], "email": ["below@example.com"], "cn": ["Below"], "sn": ["Test"], "uuid": [BELOW],
        "userpassword": ["s3cret-of-below"],
    }  # fmt: skip
    await lab.ufds.add(master, f"uuid={BELOW}, {account}", entry)


@fault("changelog-gap", "datacenter", "my-dc-2", ("master",))
async def changelog_gap(lab: Lab, target: Target) -> Undo:
    """The master's changelog skips 60 numbers before its last change (dario's): moray's sequence jumped, as after a
    restore.  Replicas ask for 50 numbers at a time, find nothing, say that they have caught up, and are stuck for ever.
    """
    name = target.site.datacenter.name
    account = await _account(lab, name, "dario")
    await lab.ufds.gap(name, GAP)
    await lab.ufds.modify(name, account, [("replace", "company", ["After the gap"])])
    return lambda: lab.ufds.fill(name)


@fault("replicator-slow", "datacenter", "my-dc-1", ("replica",))
async def replicator_slow(lab: Lab, target: Target) -> Undo:
    """A replica's replicator needs a second for each change, and is many changes and ten minutes behind: its moray or its disks
    are overloaded.  It moves, and what is new on the master does not arrive in time."""
    name, master = target.site.datacenter.name, lab.plan.master.name
    account = await _account(lab, master, "fabio")
    before = (await lab.ufds.counters(master))["latest"]
    await lab.ufds.drag(name, 1.0)
    for number in range(MANY):
        await lab.ufds.modify(master, account, [("replace", "company", [f"Company {number}"])])
    await lab.ufds.backdate(master, before, 600)
    return lambda: lab.ufds.drag(name, 0.0)


@fault("replication-password", "datacenter", "my-dc-1", ("replica",))
async def replication_password(lab: Lab, target: Target) -> None:
    """A replica's ufds_remote_ldap_root_pw is wrong: the master's password was changed since the coupling.  The
    replicator tries for ever, and cloudapi, restarted by config-agent, is refused by the master's UFDS and ends."""
    sdc_metadata(lab, target)["ufds_remote_ldap_root_pw"] = OTHER_PASSWORD
    await lab.settle_now()


@fault("datacenter-unregistered", "datacenter", "my-dc-3", ("master", "replica"))
async def datacenter_unregistered(lab: Lab, target: Target) -> None:
    """The master's UFDS has no entries of the datacenter below its region (datacenter, network, resolvers), and so no
    binder of the region knows whom to ask for its names: m2s was aborted before it registered them."""
    datacenter = target.site.datacenter
    await lab.ufds.delete(
        lab.plan.master.name, f"datacenter={datacenter.name}, region={datacenter.region}, o=smartdc", subtree=True
    )
