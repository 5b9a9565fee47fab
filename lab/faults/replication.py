"""Chapter: replication. A replica does not follow, or no longer can."""

# ruff: noqa: ARG001  all plantings have one signature

from __future__ import annotations

from lab.faults.changes import OTHER_PASSWORD, USERS, restart, sdc_metadata
from lab.faults.directory import _account
from lab.faults.inventory import NOBODYS_ADDRESS
from lab.faults.registry import Target, Undo, fault
from lab.plan.names import made_uuid
from lab.plan.roles import REPLICATOR
from lab.state.lab import Lab
from lab.state.settling import settle
from lab.ufds import seed

BELOW = "cccccccc-0000-4000-8000-00000000000d"
MANY = 300  # more than a replicator applies while somebody looks
SKIPPED = 60
GAP = 60  # more than the 50 numbers that the replicator asks for at once


@fault("replicator-stopped", "datacenter", "my-dc-1", ("replica",))
async def replicator_stopped(lab: Lab, target: Target) -> None:
    """ufds-replicator is disabled: somebody stopped it for maintenance work and forgot it."""
    await target.site.zones["ufds0"].services.get(REPLICATOR).disable()


@fault("replicator-not-restarted", "datacenter", "my-dc-3", ("replica",))
async def replicator_not_restarted(lab: Lab, target: Target) -> None:
    """replicator.json was edited by hand and then put right, but the replicator runs with the file of in between: it asks an
    address that nobody has, and SMF calls it online."""
    machine = target.site.zones["ufds0"]
    path = machine.root / "opt/smartdc/ufds/etc/replicator.json"
    await settle(lab)  # so that config-agent has its ETag, and leaves the file alone
    right = path.read_text(encoding="utf-8")
    path.write_text(right.replace(lab.plan.master_ufds_address, NOBODYS_ADDRESS), encoding="utf-8")
    await restart(machine, "ufds-replicator")
    path.write_text(right, encoding="utf-8")


@fault("checkpoint-beyond", "datacenter", "my-dc-3", ("replica",))
async def checkpoint_beyond(lab: Lab, target: Target) -> None:
    """The master was restored from a backup: a replica's checkpoint is beyond its last change, so the replica applies nothing."""
    name, replicator = target.site.datacenter.name, target.site.zones["ufds0"].services.get(REPLICATOR)
    await replicator.disable()
    ((dn, _), *_) = await lab.ufds.query(name, wanted="(objectclass=sdcreplcheckpoint)")
    await lab.ufds.modify(name, dn, [("replace", "changenumber", ["5000"])])
    await replicator.enable()


@fault("accounts-skipped", "datacenter", "my-dc-1", ("replica",))
async def accounts_skipped(lab: Lab, target: Target) -> None:
    """A replica's checkpoint was set past what its replicator had still to read, to get it going: 60 new accounts never came there."""
    name, replicator = target.site.datacenter.name, target.site.zones["ufds0"].services.get(REPLICATOR)
    await replicator.disable()
    for number in range(SKIPPED):
        account = made_uuid("guest", str(number))
        entry = {"objectclass": ["sdcperson"], "login": [f"guest{number:02}"], "email": [f"guest{number:02}@example.com"],
                 "cn": ["Guest"], "sn": ["Test"], "uuid": [account], "userpassword": ["s3cret-of-guests"]}  # fmt: skip
        await lab.ufds.add(lab.plan.master.name, f"uuid={account}, {USERS}", entry)
    latest = (await lab.ufds.counters(lab.plan.master.name))["latest"]
    ((dn, _), *_) = await lab.ufds.query(name, wanted="(objectclass=sdcreplcheckpoint)")
    await lab.ufds.modify(name, dn, [("replace", "changenumber", [str(latest + 1)])])
    await replicator.enable()


@fault("checkpoint-twice", "datacenter", "my-dc-1", ("replica",))
async def checkpoint_twice(lab: Lab, target: Target) -> None:
    """A replica has a second checkpoint for its master's url: entries of another replica were loaded from a backup."""
    name = target.site.datacenter.name
    ((dn, entry), *_) = await lab.ufds.query(name, wanted="(objectclass=sdcreplcheckpoint)")
    copy = {kind: list(values) for kind, values in entry.items() if not kind.startswith("_")}
    copy["uid"] = ["copied-from-a-backup"]
    await lab.ufds.add(name, f"uid=copied-from-a-backup, {dn.partition(', ')[2]}", copy)


@fault("schema-newer", "datacenter", "my-dc-2", ("master",))
async def schema_newer(lab: Lab, target: Target) -> Undo:
    """The master's UFDS was updated, and its schema version with it: a replicator with an older one refuses its entries."""
    name = target.site.datacenter.name
    version = int(seed.VERSION)

    async def have(number: int) -> int:
        await lab.ufds.modify(name, "cn=version, o=smartdc", [("replace", "version", [str(number)])])
        return (await lab.ufds.counters(name))["latest"]

    refused = await have(version + 1)

    async def undo() -> None:
        await have(version)
        await lab.ufds.drop_changes(name, refused, refused)  # the replicators would not go past it

    return undo


@fault("parent-missing", "datacenter", "my-dc-3", ("replica",))
async def parent_missing(lab: Lab, target: Target) -> None:
    """A replica lacks an account (elena), and the master has just got a sub-user below it.

    The replicator cannot add the child, says so each second, and does nothing else, while SMF calls it online.
    """
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
    """The master's changelog skips 60 numbers before its last change (dario's): moray's sequence jumped, as after a restore.

    Replicas ask for 50 numbers at a time, find nothing, say that they have caught up, and are stuck for ever.
    """
    name = target.site.datacenter.name
    account = await _account(lab, name, "dario")
    await lab.ufds.gap(name, GAP)
    await lab.ufds.modify(name, account, [("replace", "company", ["After the gap"])])
    return lambda: lab.ufds.fill(name)


@fault("replicator-slow", "datacenter", "my-dc-1", ("replica",))
async def replicator_slow(lab: Lab, target: Target) -> Undo:
    """A replica's replicator needs a second for each change, and is many changes and ten minutes behind.

    Its moray or its disks are overloaded. It moves, but new changes on the master do not arrive in time.
    """
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
    """A replica's ufds_remote_ldap_root_pw is wrong: the master's password was changed after the coupling.

    The replicator tries for ever. config-agent restarts cloudapi, which the master's UFDS refuses, and which ends.
    """
    sdc_metadata(lab, target)["ufds_remote_ldap_root_pw"] = OTHER_PASSWORD
    await settle(lab)
