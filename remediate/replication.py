"""Chapter: replication.  Get a replica's replicator going again, and add the entries that it lacks."""

from __future__ import annotations

import hashlib
from functools import partial

from evidence.model import Checkpoint
from evidence.subjects.datacenter import Datacenter
from evidence.subjects.triton import CLOUDAPI_CONFIG, REPLICATOR
from evidence.subjects.zone import Zone
from remediate import afar, typed
from remediate.actions.ldap import Resend
from remediate.actions.smf import Smf
from remediate.hindered import MOVES_ON, checkpoint_at, cleared, without_checkpoint
from remediate.ldif import copied
from remediate.lookup import application, headnode, service_step, state_of
from remediate.registry import Advised, remedy
from remediate.rendering import rewritten
from remediate.shell import in_zone, quote, smf_log
from remediate.ssh import over_ssh
from remediate.steps import OPERATOR, OVERWRITES, RESTARTS, SAFE, Note, Step, acting
from remediate.ufds import point_the_replica_at_the_master

_TAIL = f"tail {smf_log(REPLICATOR)}"
UPDATE_UFDS = "sdcadm self-update --latest && sdcadm update ufds"


@remedy("master-password-is-known")
def tell_the_password(replica: Datacenter, master: Datacenter) -> Advised:
    """Copy the password from one SAPI to the other through pipes: it is in no command line, no file and no report."""
    sdc = application(replica)
    read = "sdc-sapi --no-headers '/applications?name=sdc' | json -j 0.metadata.ufds_ldap_root_pw"
    yield Step(
        on=OPERATOR,
        # No part of a failed answer goes on: without a string in JSON, the replica is not even asked.
        run=f"{over_ssh(master.declared.headnode, read)} | (\n"
        '    read -r password && [[ $password == \\"?*\\" ]] &&\n'
        '        printf \'{"metadata":{"ufds_remote_ldap_root_pw":%s}}\' "$password" |\n'
        f"        {over_ssh(replica.declared.headnode, f'sapiadm update {typed.uuid(sdc.uuid)}', stdin=True)} )",
        risk=RESTARTS,
        why=f"{replica.name} asks the master's UFDS with another password than {master.name} has. config-agent renders the "
        "right one within three minutes and restarts the replicator, cloudapi and adminui",
        undo_note="put the old password into ufds_remote_ldap_root_pw of application sdc in the same way",
    )
    for cloudapi in replica.zones("cloudapi"):
        down = tuple(s.fmri for s in cloudapi.services if s.state == "maintenance")
        if down:
            yield acting(
                headnode(replica),
                rewritten(cloudapi, CLOUDAPI_CONFIG),
                Smf(cloudapi.vm.uuid, "clear", down),
                risk=RESTARTS,
                why=f"{cloudapi.alias} exited because the master refused it, and SMF starts it again only when told to",
            )


@remedy("replicator-runs")
def start_the_replicator(replica: Datacenter) -> Advised:
    """Start it according to its state.  Before a change that cannot be applied, it would only exit again."""
    for ufds in replica.zones("ufds"):
        state, uuid = state_of(ufds, REPLICATOR), ufds.vm.uuid
        if state is None:
            manifest = "/opt/smartdc/ufds/smf/manifests/ufds-replicator.xml"
            yield Note(
                f"{ufds} has no ufds-replicator, so sdc-ufds-m2s did not finish. It would do this next: "
                f"cp {manifest}.in {manifest} and svccfg import {manifest}, both in the zone."
            )
        elif state == "disabled":
            enable = Smf(uuid, "enable", (REPLICATOR,))
            yield acting(headnode(replica), enable, risk=RESTARTS, why="somebody disabled it")
        elif state != "online":
            why = (
                f"SMF put it into maintenance; it continues at the change that failed. Its log: {in_zone(uuid, _TAIL)}"
            )
            yield from cleared(replica, ufds, why)


@remedy("replicator-has-one-checkpoint")
def leave_one_checkpoint(replica: Datacenter) -> Advised:
    """Keep the replicator's own checkpoint, which is named after the MD5 of the url (facts "Replication").

    Where there are only those of other addresses, the address was changed: a restart would begin at change 0 (facts, hazard 12).
    """
    url = f"ldaps://{replica.sdc_metadata.values.get('ufds_remote_ip')}"
    former = sorted({each.url for ufds in replica.zones("ufds") for each in ufds.directory.checkpoints})
    if former and url not in former:
        yield Note(
            f"{replica.name} follows {url}, and has checkpoints only for {', '.join(former)}: its address was changed. A checkpoint "
            "belongs to its url. With another one the replicator begins at change 0, meets entries that exist already, and ends in "
            "maintenance. So do not restart it there. The steps give it the address back that it has a checkpoint for, if that is one "
            "of the master's. An address can be changed only with a checkpoint for the new url, at the change that the old one had "
            "reached; Triton has no tool for that."
        )
        yield from point_the_replica_at_the_master(replica)
        return
    own = f"uid={hashlib.md5(url.encode(), usedforsecurity=False).hexdigest()}, "
    for ufds in replica.zones("ufds"):
        found = [each for each in ufds.directory.checkpoints if each.url == url]
        keeps = next((each for each in found if each.dn.startswith(own)), None)
        if keeps is not None:
            others = [each for each in found if each is not keeps]
            yield from typed.each(replica.world, others, partial(_without_checkpoint, replica, keeps))
        if len(found) > 1 and keeps is None:
            yield Note(f"None of the checkpoints of {ufds} is named after its url. Decide by hand which one stays.")
        why = "the replicator reads its checkpoint when it starts, and makes one if there is none"
        yield service_step(ufds, "restart", why, REPLICATOR)


def _without_checkpoint(replica: Datacenter, keeps: Checkpoint, extra: Checkpoint) -> Advised:
    yield without_checkpoint(replica, extra, f"the replicator made {keeps.dn} for this url, so that one stays")


def without_leftover(candidate: Datacenter, left: Checkpoint) -> Advised:
    """Delete a candidate's checkpoint, after somebody has looked at it."""
    why = "with it sdc-ufds-m2s would wait for ever, after it has deleted"
    yield without_checkpoint(candidate, left, why, by_hand=True)


@remedy("replicator-moves")
def move_the_replicator(replica: Datacenter, master: Datacenter) -> Advised:
    """Move it over a gap, or add a missing parent entry.  Otherwise restart it."""
    for ufds in replica.zones("ufds"):
        progress = ufds.progress
        if not progress.stuck:
            continue
        if replica.declared.endpoints:
            yield from afar.moved(replica, ufds)
            continue
        change, url = progress.next, f"ldaps://{replica.sdc_metadata.values.get('ufds_remote_ip')}"
        checkpoint = next((each for each in ufds.directory.checkpoints if each.url == url), None)
        if change is None and progress.resumes and checkpoint is not None:
            yield acting(
                headnode(replica),
                checkpoint_at(checkpoint.dn, progress.after, progress.resumes),
                Smf(ufds.vm.uuid, "restart", (REPLICATOR,)),
                between=" && ",
                risk=RESTARTS,
                why=f"the master's changelog has no change from {progress.after} to {progress.resumes - 1}, so nothing is "
                "skipped; the replicator reads its checkpoint when it starts",
                undo="",
                undo_note=MOVES_ON,
            )
        elif change is not None and progress.parentless:
            yield from _with_parent(replica, master, change.dn)
        else:
            why = f"after a restart its log says why it does not continue: {in_zone(ufds.vm.uuid, _TAIL)}"
            yield service_step(ufds, "restart", why, REPLICATOR)
            if change is not None and change.dn == "cn=version, o=smartdc":
                yield Note(f"The master's schema is newer. Update UFDS of {replica.name} first: {UPDATE_UFDS}")


def _with_parent(replica: Datacenter, master: Datacenter, dn: str) -> Advised:
    parent = dn.partition(", ")[2]
    yield Step(
        on=OPERATOR,
        run=copied(master.declared.headnode, replica.declared.headnode, parent),
        risk=SAFE,
        why=f"{replica.name} lacks {parent}, and without that {dn} cannot be added. The step copies the entry with its hashed "
        "password, through a pipe. The replicator tries again every second",
        undo_note=f"sdc-ldap delete {quote(typed.dn(parent))} on {replica.name}, as long as nothing is below it",
    )
    yield acting(
        headnode(master),
        Resend(parent, "sub"),
        risk=OVERWRITES,
        why="other entries below it may be missing there too; a change that changes nothing sends each entry again",
        undo_note="none is needed: nothing is changed",
    )


@remedy("replicator-is-caught-up")
def wait_for_the_replicator(replica: Datacenter) -> Advised:
    """Wait while it moves. A checkpoint beyond the master's last change is set to what comes next there."""
    for ufds in replica.zones("ufds"):
        progress = ufds.progress
        if progress.beyond:
            yield from _set_back(replica, ufds)
            continue
        yield Note(
            f"The replicator of {ufds} moves, with {progress.behind} changes to come (a healthy one applies about 50 a second). "
            f"No command makes it faster. Look at the load of {replica.name}'s ufds, moray and postgres zones, and at the way to "
            "the master. Then run the checks again."
        )


def _set_back(replica: Datacenter, ufds: Zone) -> Advised:
    """Follow the master from its next change on. What it lost, or changed meanwhile, directory-entries-agree then names."""
    if replica.declared.endpoints:
        why = "the checkpoint is beyond the master's last change. Changes that it made since it was restored are not sent again"
        yield from afar.goes_on_at(replica, ufds, ufds.progress.latest + 1, OVERWRITES, why)
        return
    progress, url = ufds.progress, f"ldaps://{replica.sdc_metadata.values.get('ufds_remote_ip')}"
    for checkpoint in ufds.directory.checkpoints:
        if checkpoint.url == url:
            yield acting(
                headnode(replica),
                checkpoint_at(checkpoint.dn, checkpoint.changenumber, progress.latest + 1),
                Smf(ufds.vm.uuid, "restart", (REPLICATOR,)),
                between=" && ",
                risk=OVERWRITES,
                why=f"the checkpoint {checkpoint.changenumber} is beyond the master's last change {progress.latest}; the replicator reads "
                "it when it starts. Changes that the master made since it was restored are not sent again: see directory-entries-agree",
                undo="",
                undo_note=MOVES_ON,
            )


@remedy("master-changelog-has-no-gap")
def know_the_gaps(candidate: Datacenter, master: Datacenter) -> Advised:
    """Triton has no tool that closes a gap: only UFDS writes a changelog."""
    for ufds in master.zones("ufds"):
        for first, last in ufds.gaps:
            yield Note(
                f"No command closes the gap from {first} to {last} in the changelog of {ufds}. If you still couple {candidate.name}, "
                f"watch the first synchronisation. When its checkpoint stands at {first}, set the attribute changenumber of "
                f"the checkpoint (sdc-ldap search '(objectclass=sdcreplcheckpoint)') to {last + 1} with sdc-ldap modify, and restart "
                "ufds-replicator. This skips nothing, because the gap holds no change."
            )


@remedy("ufds-schema-is-not-older")
def update_ufds(candidate: Datacenter) -> Advised:
    """Update UFDS: the linked-data-centers guide asks for the same version on both sides (facts)."""
    yield Step(
        on=headnode(candidate),
        run=UPDATE_UFDS,
        risk=RESTARTS,
        why="the replicator refuses entries of a newer schema than its own UFDS knows",
        undo_note="sdcadm rollback, with the plan in /var/sdcadm/updates",
        applied_by_suite=False,
    )
