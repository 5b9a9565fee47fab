"""Chapter: UFDS.  One master, replicas that point at it, one poseidon.  The suite prints steps that destroy data, never applies them."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import Any

from evidence.fact import Missing
from evidence.inventory.model import CANDIDATE, MASTER
from evidence.subjects.datacenter import Datacenter, of_each
from evidence.subjects.followed import address_to_follow
from evidence.subjects.network.routes import between
from evidence.subjects.strays import checkpoints, replicators
from evidence.subjects.triton import CONFIG_AGENT, REPLICATOR
from evidence.subjects.world import Coupling
from evidence.subjects.zone import Zone
from remediate import typed
from remediate.actions.ldap import LdapModify
from remediate.actions.smf import Smf
from remediate.copies import named
from remediate.following import follow_the_file, what_a_change_means
from remediate.hindered import without_checkpoint
from remediate.lookup import application, changed_metadata, fmris, headnode, service_step, state_of, usbkey_steps
from remediate.misplaced import made_elsewhere, without_application
from remediate.registry import Advised, in_each, remedy
from remediate.removal import USERS, is_admin, kept, removed
from remediate.shell import zone_service
from remediate.steps import DISRUPTIVE, RESTARTS, SAFE, UNSUPPORTED, Note, Step, acting


@remedy("ufds-answers")
def get_ufds_to_answer(ufds: Zone) -> Advised:
    """Restart UFDS.  It hangs, or it has not read a password that SAPI changed (facts, result codes)."""
    said = ufds.bind.detail
    if "49" in said or "redential" in said:
        why = "UFDS refuses the root password that SAPI hands out; this writes its configuration again from SAPI"
        yield service_step(ufds, "restart", why, CONFIG_AGENT)
    yield acting(
        headnode(ufds.datacenter),
        Smf(ufds.vm.uuid, "restart", fmris(ufds, "/application/ufds-master:", "haproxy")),
        risk=DISRUPTIVE,
        why=f"the processes run but do not answer properly ({said or 'no answer'}); log-ins of the datacenter "
        "wait for some seconds",
    )


def _flag(datacenter: Datacenter, value: bool) -> Any:
    """ufds_is_master in its present type: a string, as sdc-ufds-m2s writes it, or a boolean."""
    present = datacenter.sdc_metadata.values.get("ufds_is_master")
    return value if isinstance(present, bool) else str(value).lower()


@remedy("one-ufds-master")
def leave_one_master(coupling: Coupling) -> Advised:
    """Take the flag from every datacenter that is not the inventory's master.  Triton does not support promoting one (facts)."""
    yield from in_each(coupling.coupled, _take_or_give_the_flag)
    yield from _without_strays(coupling.world.master)


def _without_strays(master: Datacenter) -> Advised:
    """Stop the replicator that sdc-ufds-m2s made on the master, and forget where it stands."""
    for ufds in replicators(master):
        why = "sdc-ufds-m2s was typed on the master's head node and made it; a master follows nobody"
        stop = Smf(ufds.vm.uuid, "disable", (REPLICATOR,))
        yield acting(headnode(master), stop, risk=RESTARTS, why=why, by_hand=True)
    why = "the master's replicator made it; a master follows nobody"
    yield from typed.each(
        master.world, checkpoints(master), lambda each: iter([without_checkpoint(master, each, why, by_hand=True)])
    )
    if replicators(master) or checkpoints(master):
        yield Note(
            f"sdc-ufds-m2s was typed on the head node of {master.name}, the master. What it deleted there, replication has deleted in "
            "every replica: groups, perhaps admin and its keys, the region. master-has-admin-and-operators and datacenters-are-registered "
            f"say what is gone. What it saved is in /var/tmp of {master.declared.headnode}: leave it until all is back."
        )


def _take_or_give_the_flag(datacenter: Datacenter) -> Advised:
    is_master = str(datacenter.sdc_metadata.values.get("ufds_is_master")).lower() == "true"
    meant = datacenter.state == MASTER
    if is_master == meant:
        return
    if not meant and not datacenter.sdc_metadata.values.get("ufds_remote_ip"):
        yield from point_the_replica_at_the_master(datacenter)
        return
    wanted = {"ufds_is_master": _flag(datacenter, meant)}
    why = f"{datacenter.name} calls itself a {'replica' if meant else 'master'}; the inventory says otherwise"
    risk = UNSUPPORTED if meant else DISRUPTIVE
    yield changed_metadata(datacenter, application(datacenter), wanted, risk=risk, why=why)
    if meant:
        yield Note(
            f"Unsupported: Triton has no tool to promote a datacenter. First make sure that {datacenter.name} has "
            "always been the master, and that only the setting was changed. Otherwise the inventory is wrong."
        )
    yield from usbkey_steps(datacenter, {"ufds_is_master": str(meant).lower()})


@remedy("replica-points-at-master")
def point_the_replica_at_the_master(replica: Datacenter) -> Advised:
    """Set what sdc-ufds-m2s sets: SAPI, the head node's configuration, and through SAPI replicator.json."""
    address = address_to_follow(replica)
    if address is None:
        yield Note(what_a_change_means(replica))
        return
    wanted = {"ufds_is_master": _flag(replica, False), "ufds_remote_ip": address}
    present = replica.sdc_metadata.values
    differ = {key: value for key, value in wanted.items() if present.get(key) != value}
    if differ:
        yield changed_metadata(
            replica,
            application(replica),
            differ,
            risk=DISRUPTIVE,
            why=f"{replica.name} has followed the master at {address} and still has the checkpoint, so it continues where it stopped. "
            "config-agent renders the address within three minutes and restarts ufds, cloudapi and adminui",
        )
    for zone in replica.zones("ufds"):
        if state_of(zone, REPLICATOR) is not None:
            yield from follow_the_file(replica, zone, address)
    yield from usbkey_steps(replica, {"ufds_is_master": "false", "ufds_remote_ip": address})


@remedy("one-poseidon")
def leave_one_poseidon(coupling: Coupling) -> Advised:
    """Delete the others, children first: this was seen to work (facts "Replication").  The master's poseidon stays, if it has one."""
    master = coupling.world.master
    right = {account.uuid for zone in master.zones("ufds") for account in zone.poseidons}
    if len(right) > 1:
        yield Note(
            f"The master {master.name} has {len(right)} poseidons, which a UFDS does not allow. Find out by hand which one "
            "is right."
        )
        return

    seen, unknown = of_each(coupling.datacenters, _poseidons)
    places = Counter(uuid for uuids in seen.values() for uuid in uuids)
    owners = _owners(master)

    def without_others(datacenter: Datacenter) -> Advised:
        for zone in datacenter.zones("ufds"):
            for uuid in sorted({account.uuid for account in zone.poseidons} - right):
                made = made_elsewhere(master, uuid)
                if not right and places[uuid] == 1 and unknown is None and made:
                    yield from typed.each(coupling.world, made, partial(without_application, datacenter, master))
                    yield from typed.each(coupling.world, [uuid], partial(_without_poseidon, datacenter, zone))
                elif not right and (places[uuid] > 1 or uuid in owners):
                    whose = (
                        "and so has another datacenter"
                        if places[uuid] > 1
                        else f"which owns Manta's application or networks in {master.name}"
                    )
                    yield Note(
                        f"{zone.id} has the poseidon {uuid}, {whose}. So it came from the master "
                        f"{master.name}, which has lost it. Bring it back there from a backup."
                    )
                elif not right and unknown is not None:
                    yield Note(
                        f"{zone.id} has the poseidon {uuid}, and {master.name} has none. No step deletes it, because the suite does not "
                        f"know whether another datacenter has it too ({unknown}): it may be the one that "
                        f"{master.name} has lost."
                    )
                else:
                    yield from typed.each(coupling.world, [uuid], partial(_without_poseidon, datacenter, zone))

    yield from in_each((dc for dc in coupling.datacenters if dc.name != master.name), without_others)
    yield Note(
        "Before you delete: if a Manta was deployed with the wrong account, objects belong to that account's uuid (application "
        "manta, owner_uuids of the networks admin and manta). Nothing in this plan moves them."
    )
    if not right and max(places.values(), default=0) < 2:
        yield Note(f"The master {master.name} has no poseidon. When the others are gone, run manta-init there first.")


def _poseidons(datacenter: Datacenter) -> set[str]:
    return {account.uuid for zone in datacenter.zones("ufds") for account in zone.poseidons}


def _owners(master: Datacenter) -> set[str]:
    """The owners of Manta's application and of the networks between datacenters at the master, as far as they were seen."""
    found: set[str] = set()
    try:
        found |= {owner for net in master.networks.values() if between(net) for owner in net.owner_uuids}
        found |= {application.owner_uuid for application in master.manta_applications}
    except Missing:
        pass
    return found - {""}


def _without_poseidon(datacenter: Datacenter, zone: Zone, uuid: str) -> Advised:
    base, subject = f"uuid={typed.uuid(uuid)}, {USERS}", f"poseidon-{uuid}"
    if is_admin(datacenter.world, uuid):
        yield Note(f"{uuid}, called poseidon in {zone.id}, is admin's uuid. No step deletes it. Look at it by hand.")
        return
    why = "a copy of the wrong account and its keys, to look at later; UFDS does not hand out its password"
    yield kept(datacenter, subject, base, f"{why} ({uuid} of {datacenter.name})")
    held = zone.evidence.directory
    if held is not None and held.value is not None and uuid in (held.value.operators or ()):
        group = "cn=operators, ou=groups, o=smartdc"
        yield acting(
            headnode(datacenter),
            LdapModify(group, "delete", "uniquemember", (base,)),
            risk=SAFE,
            why=f"takes the wrong account out of the operators of {datacenter.name}; else the group would differ from the master's",
            by_hand=True,
        )
    yield from removed(
        datacenter,
        subject,
        [base],
        f"deletes the poseidon that only {datacenter.name} knows, its keys first; then the master's poseidon is replicated",
        f"put a line userpassword: into {named(subject)} (UFDS wants one, and the old one is gone); then add the file "
        "with sdc-ldap add -f",
    )
    if datacenter.state == CANDIDATE or state_of(zone, REPLICATOR) is None:
        return
    restart, clear = (zone_service(verb, zone.vm.uuid, REPLICATOR) for verb in ("restart", "clear"))
    yield Step(
        on=headnode(datacenter),
        run=f"{clear} || {restart}",
        risk=RESTARTS,
        why="the replicator stopped at the conflict; it continues at the change that failed",
        applied_by_suite=False,
    )
