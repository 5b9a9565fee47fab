"""Chapter: UFDS. Who is the master, who points at it, and who is poseidon."""

from __future__ import annotations

from lab.faults.changes import OTHER_PASSWORD, USERS, others_follow, sdc_metadata, until
from lab.faults.registry import Target, Undo, fault
from lab.plan.roles import REPLICATOR
from lab.state.lab import Lab

OTHER_POSEIDON = "bbbbbbbb-0000-4000-8000-00000000000b"
PERSON = ("objectclass", "login", "email", "cn", "sn", "givenname", "uuid", "approved_for_provisioning")


@fault("ufds-hangs", "ufds", "my-dc-1.ufds0")
async def ufds_hangs(lab: Lab, target: Target) -> Undo:
    """UFDS accepts connections and answers nothing, while its services are online: it waits for its moray."""
    listener = target.machine.zone.id
    await lab.ufds.mode(listener, "hang")
    return lambda: lab.ufds.mode(listener, "normal")


@fault("ufds-password", "ufds", "my-dc-1.ufds0")
async def ufds_password(lab: Lab, target: Target) -> Undo:
    """UFDS runs with another root password than SAPI has: it was changed in only one of the two places."""
    front = lab.shared[target.site.datacenter.name].ufds[target.machine.zone.alias]
    await lab.ufds.password(front.listener, OTHER_PASSWORD)
    return lambda: lab.ufds.password(front.listener, front.password)


@fault("second-master", "datacenter", "my-dc-3", ("replica",))
async def second_master(lab: Lab, target: Target) -> None:
    """A replica's `sdc` metadata says ufds_is_master true: sdc-ufds-m2s was aborted, or undone by hand."""
    sdc_metadata(lab, target)["ufds_is_master"] = "true"


@fault("no-master", "datacenter", "my-dc-2", ("master",))
async def no_master(lab: Lab, target: Target) -> None:
    """The master's `sdc` metadata says ufds_is_master false: m2s was started on the wrong head node."""
    sdc_metadata(lab, target)["ufds_is_master"] = "false"


@fault("remote-ip", "datacenter", "my-dc-3", ("replica",))
async def remote_ip(lab: Lab, target: Target) -> None:
    """A replica's ufds_remote_ip is that of another replica, which answers like the master: a copied line.

    The checkpoint belongs to the url (hazard 12). So the replicator begins at 0, meets entries that it has, and gives up. Once the address
    is right again, it needs `svcadm clear`.
    """
    master, own = lab.plan.master, target.site.datacenter
    others = [dc for dc in lab.plan.datacenters if dc.name not in (master.name, own.name)]
    address = others[0].zone("ufds").admin_ip if others else own.zone("ufds").admin_ip
    sdc_metadata(lab, target)["ufds_remote_ip"] = address


@fault("second-poseidon", "datacenter", "my-dc-3", ("replica",))
async def second_poseidon(lab: Lab, target: Target) -> None:
    """manta-init ran on a replica before the account had replicated, and made another poseidon.

    The master's poseidon violates uniqueness there, so the replicator goes into maintenance. The seed: start Manta's setup in the master's
    AZ.
    """
    name, master = target.site.datacenter.name, lab.plan.master.name
    replicator = target.site.zones["ufds0"].services.get(REPLICATOR)
    await replicator.disable()
    account = await _poseidon_anew(lab, master)
    changes = await lab.ufds.query(master, "cn=changelog", "sub", f"(&(targetdn={account})(changetype=add))")
    number = max(int(attributes["changenumber"][0]) for _, attributes in changes)
    await lab.ufds.delete(name, account, subtree=True, silent=True)
    other = {
        "objectclass": ["sdcperson"], "login": ["poseidon"], "email": ["poseidon@example.com"], "cn": ["Manta"],
        "sn": ["Operator"], "uuid": [OTHER_POSEIDON], "userpassword": ["s3cret-of-poseidon"],
    }  # fmt: skip
    await lab.ufds.add(name, f"uuid={OTHER_POSEIDON}, {USERS}", other)
    checkpoints = await lab.ufds.query(name, f"datacenter={name}, o=smartdc", "sub", "(objectclass=sdcreplcheckpoint)")
    for entry, _ in checkpoints:
        await lab.ufds.modify(name, entry, [("replace", "changenumber", [str(number)])])
    await replicator.enable()
    await until(lambda: replicator.state == "maintenance", "the replicator gives up")


async def _poseidon_anew(lab: Lab, master: str) -> str:
    """Make the master's poseidon the youngest account, as right after manta-init; returns its dn.

    Otherwise the replicator would have to add accounts that the lab seeded before it and that have long been replicated. That would stop it
    for another reason.
    """
    ((account, attributes), *_) = await lab.ufds.query(master, USERS, "sub", "(login=poseidon)")
    below = [each for each in await lab.ufds.query(master, account, "sub") if each[0] != account]
    await lab.ufds.delete(master, account, subtree=True)
    made = {str(kind): values for kind, values in attributes.items() if kind in PERSON}
    await lab.ufds.add(master, account, made | {"userpassword": ["s3cret-of-poseidon0"]})
    for key, entry in below:
        await lab.ufds.add(master, key, entry)
    await others_follow(lab)
    return account
