"""Faults of a candidate: persons who would be lost in a coupling, or who stand in its way."""

from __future__ import annotations

from lab.faults.changes import USERS, others_follow
from lab.faults.registry import Target, Undo, fault
from lab.faults.ufds import OTHER_POSEIDON
from lab.plan.names import ADMIN_UUID
from lab.state.lab import Lab

ADMIN = f"uuid={ADMIN_UUID}, {USERS}"
EVE, OPS, READ = (f"cccccccc-0000-4000-8000-00000000000{number}" for number in (1, 2, 3))
JANA, JIM, KARL = (f"cccccccc-0000-4000-8000-00000000001{number}" for number in (1, 2, 3))
FORMER = "bruno.old@example.com"


def _person(uuid: str, login: str, email: str) -> dict[str, list[str]]:
    given = {"login": login, "email": email, "cn": login, "sn": "Test", "uuid": uuid, "userpassword": "s3cret-of-1"}
    return {"objectclass": ["sdcperson"]} | {kind: [value] for kind, value in given.items()}


def _sub_user(uuid: str, owner: str, alias: str) -> dict[str, list[str]]:
    entry = _person(uuid, f"{owner}/{alias}", f"{alias}@example.com")
    return entry | {"objectclass": ["sdcperson", "sdcaccountuser"], "alias": [alias], "account": [owner]}


@fault("admin-has-sub-users", "datacenter", "my-dc-3", ("candidate",))
async def admin_has_sub_users(lab: Lab, target: Target) -> Undo:
    """A candidate's admin has a sub-user (eve), a role and a policy, by which its operators use cloudapi. sdc-ufds-m2s deletes them."""
    name = target.site.datacenter.name
    made = {
        f"uuid={EVE}, {ADMIN}": _sub_user(EVE, ADMIN_UUID, "eve"),
        f"policy-uuid={READ}, {ADMIN}": {
            "objectclass": ["sdcaccountpolicy"], "name": ["reading"], "uuid": [READ], "account": [ADMIN_UUID], "rule": ["CAN getmachine"],
        },
        f"role-uuid={OPS}, {ADMIN}": {
            "objectclass": ["sdcaccountrole"], "name": ["ops"], "uuid": [OPS], "account": [ADMIN_UUID],
            "uniquemember": [f"uuid={EVE}, {ADMIN}"], "memberpolicy": [f"policy-uuid={READ}, {ADMIN}"],
        },
    }  # fmt: skip
    for dn, entry in made.items():
        await lab.ufds.add(name, dn, entry)

    async def undo() -> None:
        for dn in reversed(made):
            await lab.ufds.delete(name, dn, silent=True)

    return undo


@fault("candidate-sub-users", "datacenter", "my-dc-3", ("candidate",))
async def candidate_sub_users(lab: Lab, target: Target) -> None:
    """A candidate has a customer of its own (jana), who has a sub-user (jim): deleting her alone would be refused."""
    name = target.site.datacenter.name
    await lab.ufds.add(name, f"uuid={JANA}, {USERS}", _person(JANA, "jana", "jana@example.com"))
    await lab.ufds.add(name, f"uuid={JIM}, uuid={JANA}, {USERS}", _sub_user(JIM, JANA, "jim"))


@fault("candidate-former-address", "datacenter", "my-dc-3", ("candidate",))
async def candidate_former_address(lab: Lab, target: Target) -> None:
    """A candidate's account (karl) has an e-mail address that an account of the master (bruno) had earlier.

    Nobody has it there today. But the replicator plays all changes of the master again, and so meets the address.
    """
    master = lab.plan.master.name
    ((bruno, attributes), *_) = await lab.ufds.query(master, USERS, "sub", "(login=bruno)")
    for address in (FORMER, attributes["email"][0]):
        await lab.ufds.modify(master, bruno, [("replace", "email", [address])])
    await others_follow(lab)
    await lab.ufds.add(target.site.datacenter.name, f"uuid={KARL}, {USERS}", _person(KARL, "karl", FORMER))


@fault("candidate-poseidon", "datacenter", "my-dc-3", ("candidate",))
async def candidate_poseidon(lab: Lab, target: Target) -> None:
    """A candidate has a poseidon of its own: manta-init was tried there before the coupling. The master's cannot be added beside it."""
    entry = _person(OTHER_POSEIDON, "poseidon", "manta@example.net")
    await lab.ufds.add(target.site.datacenter.name, f"uuid={OTHER_POSEIDON}, {USERS}", entry)
