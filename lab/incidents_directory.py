"""Faults of directories after coupling: what m2s took away and nobody brought back, what somebody deleted, stopped or copied."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from lab import plan
from lab.faults import Target, Undo, fault
from lab.incidents import until
from lab.ufds import seed
from lab.ufds.ldif import written

if TYPE_CHECKING:
    from lab.daemon import Lab

USERS = "ou=users, o=smartdc"
ADMIN = f"uuid={plan.ADMIN_UUID}, {USERS}"
OPERATORS = "cn=operators, ou=groups, o=smartdc"
REPLICATION_WAIT = 4.0
HERE, THERE = "dddddddd-0000-4000-8000-00000000000d", "dddddddd-0000-4000-8000-00000000000e"


@fault("replicator-stopped", "datacenter", "my-dc-1", ("replica",))
async def replicator_stopped(lab: Lab, target: Target) -> None:  # noqa: ARG001  all plantings have one signature
    """ufds-replicator is disabled: somebody stopped it for maintenance work and forgot it."""
    await target.site.zones["ufds0"].services.get(plan.REPLICATOR).disable()


@fault("account-collides", "datacenter", "my-dc-3", ("replica",))
async def account_collides(lab: Lab, target: Target) -> None:
    """An account (hanna) was made on a replica, and then on the master too: the replicator cannot add the master's, since
    its login is taken, and goes to maintenance."""
    name = target.site.datacenter.name
    entry = {"objectclass": ["sdcperson"], "login": ["hanna"], "cn": ["Hanna"], "sn": ["Test"],
             "userpassword": ["s3cret-of-hanna"]}  # fmt: skip
    for where, uuid in ((name, HERE), (lab.plan.master.name, THERE)):
        person = entry | {"uuid": [uuid], "email": [f"hanna@{where}.example.com"]}
        await lab.ufds.add(where, f"uuid={uuid}, {USERS}", person)
    replicator = target.site.zones["ufds0"].services.get(plan.REPLICATOR)
    await until(lambda: replicator.state == "maintenance", "the replicator gives up")


@fault("checkpoint-twice", "datacenter", "my-dc-1", ("replica",))
async def checkpoint_twice(lab: Lab, target: Target) -> None:
    """A replica has a second checkpoint for its master's url: entries of another replica were loaded from a backup."""
    name = target.site.datacenter.name
    ((dn, entry), *_) = await lab.ufds.query(name, wanted="(objectclass=sdcreplcheckpoint)")
    copy = {kind: list(values) for kind, values in entry.items() if not kind.startswith("_")}
    copy["uid"] = ["copied-from-a-backup"]
    await lab.ufds.add(name, f"uid=copied-from-a-backup, {dn.partition(', ')[2]}", copy)


@fault("operators-missing", "datacenter", "my-dc-1", ("replica",))
async def operators_missing(lab: Lab, target: Target) -> None:
    """A replica lacks the group operators: sdc-ufds-m2s was run again, deleted it, and replication began where it had been."""
    await lab.ufds.delete(target.site.datacenter.name, OPERATORS)


@fault("sdc-key-missing", "datacenter", "my-dc-3", ("replica",))
async def sdc_key_missing(lab: Lab, target: Target) -> None:
    """The replica's sdc key is not among admin's keys: sdc-ufds-m2s deleted it with admin, and nobody told it to the master."""
    master, name = lab.plan.master.name, target.site.datacenter.name
    for dn, entry in await lab.ufds.query(master, ADMIN, "sub", "(objectclass=sdckey)"):
        if entry["name"] == [f"{name} sdc key"]:
            await lab.ufds.delete(master, dn)
    await others_follow(lab)


async def others_follow(lab: Lab) -> None:
    """Waits until every running replicator has dealt with all of the master's changes."""
    latest = (await lab.ufds.counters(lab.plan.master.name))["latest"]

    async def done() -> bool:
        replicas = [dc.name for dc in lab.plan.datacenters if dc.state == "replica"]
        services = {each: lab.sites[each].zones["ufds0"].services.get(plan.REPLICATOR) for each in replicas}
        running = [each for each, service in services.items() if service.state == "online"]
        return all([(await lab.ufds.checkpoint(each) or 0) > latest for each in running])

    try:
        async with asyncio.timeout(REPLICATION_WAIT):
            await until(done, "the replicas follow")
    except TimeoutError:
        pass  # another fault keeps one of them from it


@fault("probes-missing", "datacenter", "my-dc-1", ("replica",))
async def probes_missing(lab: Lab, target: Target) -> None:
    """A replica has no amon probes of admin: sdc-ufds-m2s saved them to /var/tmp/restore.ldif, deleted them, and was aborted
    while it waited for admin, before it loaded them again."""
    name = target.site.datacenter.name
    wanted = "(|(objectclass=amonprobe)(objectclass=amonprobegroup))"
    probes = await lab.ufds.query(name, ADMIN, "sub", wanted)
    file = target.machine.root / "var/tmp/restore.ldif"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(written(probes), encoding="utf-8")
    for dn, _ in probes:
        await lab.ufds.delete(name, dn)


@fault("poseidon-no-operator", "datacenter", "my-dc-2", ("master",))
async def poseidon_no_operator(lab: Lab, target: Target) -> None:
    """poseidon is no operator: somebody tidied the group up.  Manta's tools act as poseidon and are refused."""
    member = f"uuid={seed.POSEIDON_UUID}, {USERS}"
    await lab.ufds.modify(target.site.datacenter.name, OPERATORS, [("delete", "uniquemember", [member])])
    await others_follow(lab)


@fault("schema-newer", "datacenter", "my-dc-2", ("master",))
async def schema_newer(lab: Lab, target: Target) -> Undo:
    """The master's UFDS was updated, and with it the version of its schema: a replicator of an older one refuses its entries."""
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
