"""Faults of accounts: what a manta-init in the wrong datacenter leaves behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab import plan
from lab.faults import Target, fault
from lab.incidents import until
from lab.incidents_directory import others_follow

if TYPE_CHECKING:
    from lab.daemon import Lab

OTHER_POSEIDON = "bbbbbbbb-0000-4000-8000-00000000000b"
USERS = "ou=users, o=smartdc"
PERSON = ("objectclass", "login", "email", "cn", "sn", "givenname", "uuid", "approved_for_provisioning")


@fault("second-poseidon", "datacenter", "my-dc-3", ("replica",))
async def second_poseidon(lab: Lab, target: Target) -> None:
    """manta-init ran on a replica before the account had replicated, and made a poseidon of its own: the master's
    violates uniqueness, and the replicator goes to maintenance.  The seed: start Manta's setup in the master's AZ."""
    name, master = target.site.datacenter.name, lab.plan.master.name
    replicator = target.site.zones["ufds0"].services.get(plan.REPLICATOR)
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
    """Makes the master's poseidon the youngest account, as it is right after manta-init: what the lab seeded before it
    has long been replicated, and adding that again would stop a replicator for another reason.  Returns its dn."""
    ((account, attributes), *_) = await lab.ufds.query(master, USERS, "sub", "(login=poseidon)")
    below = [each for each in await lab.ufds.query(master, account, "sub") if each[0] != account]
    await lab.ufds.delete(master, account, subtree=True)
    made = {str(kind): values for kind, values in attributes.items() if kind in PERSON}
    await lab.ufds.add(master, account, made | {"userpassword": ["s3cret-of-poseidon0"]})
    for key, entry in below:
        await lab.ufds.add(master, key, entry)
    await others_follow(lab)
    return account
