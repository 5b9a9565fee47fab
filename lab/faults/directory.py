"""Chapter: the directory. Entries, groups and keys that are missing, changed, or too many."""

from __future__ import annotations

from lab.faults.changes import HERE, THERE, USERS, others_follow, until
from lab.faults.registry import Target, Undo, UnknownFaultError, fault
from lab.plan.names import ADMIN_UUID
from lab.plan.roles import REPLICATOR
from lab.state.lab import Lab
from lab.ufds import seed
from lab.ufds.ldif import written

ADMIN = f"uuid={ADMIN_UUID}, {USERS}"
OPERATORS = "cn=operators, ou=groups, o=smartdc"
ADDED = "cccccccc-0000-4000-8000-00000000000c"


async def _account(lab: Lab, name: str, login: str) -> str:
    """The dn of an account."""
    found = await lab.ufds.query(name, USERS, "sub", f"(login={login})")
    if not found:
        raise UnknownFaultError(f"{name}: no account {login} any more")
    return found[0][0]


@fault("account-collides", "datacenter", "my-dc-3", ("replica",))
async def account_collides(lab: Lab, target: Target) -> None:
    """An account (hanna) was made on a replica, and then on the master too.

    The replicator cannot add the master's, because its login is taken, and goes into maintenance.
    """
    name = target.site.datacenter.name
    entry = {"objectclass": ["sdcperson"], "login": ["hanna"], "cn": ["Hanna"], "sn": ["Test"],
             "userpassword": ["s3cret-of-hanna"]}  # fmt: skip
    for where, uuid in ((name, HERE), (lab.plan.master.name, THERE)):
        person = entry | {"uuid": [uuid], "email": [f"hanna@{where}.example.com"]}
        await lab.ufds.add(where, f"uuid={uuid}, {USERS}", person)
    replicator = target.site.zones["ufds0"].services.get(REPLICATOR)
    await until(lambda: replicator.state == "maintenance", "the replicator gives up")


@fault("operators-missing", "datacenter", "my-dc-1", ("replica",))
async def operators_missing(lab: Lab, target: Target) -> None:
    """A replica lacks the group operators: sdc-ufds-m2s was run again and deleted it, and replication went on where it had been."""
    await lab.ufds.delete(target.site.datacenter.name, OPERATORS)


@fault("admin-no-operator", "datacenter", "my-dc-2", ("master",))
async def admin_no_operator(lab: Lab, target: Target) -> None:
    """admin is no operator at the master any more: the group was tidied up. The replicas follow, so that all of them lack it."""
    await lab.ufds.modify(target.site.datacenter.name, OPERATORS, [("delete", "uniquemember", [ADMIN])])
    await others_follow(lab)


@fault("sdc-key-missing", "datacenter", "my-dc-3", ("master", "replica"))
async def sdc_key_missing(lab: Lab, target: Target) -> None:
    """A datacenter's sdc key is not among admin's keys: sdc-ufds-m2s deleted a replica's with admin, and nobody added it on the master."""
    master, name = lab.plan.master.name, target.site.datacenter.name
    for dn, entry in await lab.ufds.query(master, ADMIN, "sub", "(objectclass=sdckey)"):
        if entry["name"] == [f"{name} sdc key"]:
            await lab.ufds.delete(master, dn)
    await others_follow(lab)


@fault("probes-missing", "datacenter", "my-dc-1", ("replica",))
async def probes_missing(lab: Lab, target: Target) -> None:
    """A replica has no amon probes of admin: sdc-ufds-m2s saved them to /var/tmp/restore.ldif and deleted them.

    Then it was aborted while it waited for admin, before it loaded them again.
    """
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
    """poseidon is not an operator: somebody tidied up the group. Manta's tools act as poseidon and are refused."""
    member = f"uuid={seed.POSEIDON_UUID}, {USERS}"
    await lab.ufds.modify(target.site.datacenter.name, OPERATORS, [("delete", "uniquemember", [member])])
    await others_follow(lab)


@fault("admin-disabled", "datacenter", "my-dc-2", ("master",))
async def admin_disabled(lab: Lab, target: Target) -> None:
    """admin is disabled at the master, and so everywhere: an audit wanted no shared accounts. cloudapi refuses what it signs."""
    await lab.ufds.modify(target.site.datacenter.name, ADMIN, [("add", "disabled", ["true"])])
    await others_follow(lab)


@fault("account-added", "datacenter", "my-dc-1", ("replica",))
async def account_added(lab: Lab, target: Target) -> None:
    """An account (gina) was made only on a replica: an operator typed `sdc-useradm create` in the wrong datacenter.

    Her login is taken there for ever. When somebody makes her on the master, the replicator gives up.
    """
    entry = {
        "objectclass": ["sdcperson"], "login": ["gina"], "email": ["gina@example.com"], "cn": ["Gina"], "sn": ["Test"],
        "uuid": [ADDED], "userpassword": ["s3cret-of-gina"],
    }  # fmt: skip
    await lab.ufds.add(target.site.datacenter.name, f"uuid={ADDED}, {USERS}", entry)


@fault("account-removed", "datacenter", "my-dc-1", ("replica",))
async def account_removed(lab: Lab, target: Target) -> None:
    """An account (bruno) was deleted only on a replica, with his keys: somebody tidied up with sdc-ldap.

    He cannot log in there, and replication brings him back only after his entry changes on the master.
    """
    name = target.site.datacenter.name
    await lab.ufds.delete(name, await _account(lab, name, "bruno"), subtree=True)


@fault("account-changed", "datacenter", "my-dc-1", ("replica",))
async def account_changed(lab: Lab, target: Target) -> None:
    """An account (carla) has another e-mail address on a replica: it was changed there and not on the master."""
    name = target.site.datacenter.name
    await lab.ufds.modify(
        name, await _account(lab, name, "carla"), [("replace", "email", ["carla-was-moved@example.com"])]
    )


@fault("account-password", "datacenter", "my-dc-3", ("replica",))
async def account_password(lab: Lab, target: Target) -> Undo:
    """An account (carla) has another password on a replica: it was set there. No attribute that UFDS shows tells so (facts "UFDS")."""
    name = target.site.datacenter.name
    dn = await _account(lab, name, "carla")
    [(_, was)] = await lab.ufds.query(name, dn, "base", "(objectclass=*)", hidden=True)
    await lab.ufds.modify(name, dn, [("replace", "userpassword", ["s3cret-of-nobody"])])

    async def undo() -> None:
        await lab.ufds.modify(name, dn, [("replace", "userpassword", was["userpassword"])])

    return undo


@fault("datacenter-unregistered", "datacenter", "my-dc-3", ("master", "replica"))
async def datacenter_unregistered(lab: Lab, target: Target) -> None:
    """The master's UFDS has no entries of the datacenter below its region (datacenter, network, resolvers).

    So no binder of the region knows whom to ask for its names. m2s was aborted before it registered them.
    """
    datacenter = target.site.datacenter
    await lab.ufds.delete(
        lab.plan.master.name, f"datacenter={datacenter.name}, region={datacenter.region}, o=smartdc", subtree=True
    )


@fault("datacenter-given-up", "datacenter", "my-dc-2", ("master",))
async def datacenter_given_up(lab: Lab, target: Target) -> Undo:
    """A datacenter of the region was given up, and the master's UFDS still registers it with a resolver that nobody is.

    Triton has no tool that takes a datacenter out of a region.
    """
    region, name = target.site.datacenter.region, "my-dc-gone"
    top = f"datacenter={name}, region={region}, o=smartdc"
    common = {"o": ["smartdc"], "region": [region], "datacenter": [name]}
    await lab.ufds.add(lab.plan.master.name, top, common | {"objectclass": ["datacenter"]})
    network = {"network": ["admin"], "networkaddr": ["10.99.1.0"], "netmask": ["255.255.255.0"]}
    await lab.ufds.add(lab.plan.master.name, f"network=admin, {top}", common | network | {"objectclass": ["network"]})
    resolver = {"network": ["admin"], "ip": ["10.99.1.11"], "objectclass": ["resolver"]}
    await lab.ufds.add(lab.plan.master.name, f"ip=10.99.1.11, network=admin, {top}", common | resolver)

    async def undo() -> None:
        await lab.ufds.delete(lab.plan.master.name, top, subtree=True)

    return undo


@fault("resolver-of-nobody", "datacenter", "my-dc-3", ("master", "replica"))
async def resolver_of_nobody(lab: Lab, target: Target) -> None:
    """The master's UFDS lists a resolver that is none of the datacenter's binders: binder has got another address since."""
    datacenter = target.site.datacenter
    ip = f"{datacenter.zone('binder').admin_ip.rpartition('.')[0]}.251"
    entry = {"o": ["smartdc"], "region": [datacenter.region], "datacenter": [datacenter.name], "network": ["admin"],
             "ip": [ip], "objectclass": ["resolver"]}  # fmt: skip
    dn = f"ip={ip}, network=admin, datacenter={datacenter.name}, region={datacenter.region}, o=smartdc"
    await lab.ufds.add(lab.plan.master.name, dn, entry)
