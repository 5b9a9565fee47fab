"""Chapter: before coupling.  Repairs before sdc-ufds-m2s is started, because it deletes first and asks later."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial

from evidence.accounts import Account
from evidence.subjects.claims import follows, ufds_addresses
from evidence.subjects.datacenter import Datacenter
from evidence.subjects.staying import its_own
from evidence.subjects.triton import CONFIG_AGENT
from remediate import typed
from remediate.actions.files import FilesGone
from remediate.actions.smf import Smf
from remediate.copies import PLACE, named
from remediate.lookup import application, changed_metadata, headnode, state_of, usbkey_steps
from remediate.registry import Advised, remedy
from remediate.removal import USERS, file_kept, file_removed, is_admin, kept, removed, without
from remediate.replication import without_leftover
from remediate.shell import sapi_delete
from remediate.steps import DISRUPTIVE, RESTARTS, SAFE, Note, Step, acting
from remediate.stopped import restored, seen_to_replicate, what_it_saved_kept, where_it_ended, without_own_replicator

REMOTE = ("ufds_remote_ip", "ufds_remote_ldap_root_pw")


@remedy("candidate-is-not-coupled-yet")
def take_the_coupling_back(candidate: Datacenter) -> Advised:
    """If SAPI says replica, set it back: config-agent then has something to render when sdc-ufds-m2s sets it again."""
    left = candidate.evidence.leftovers
    yield from what_it_saved_kept(candidate, (left.value or ()) if left is not None else ())
    sdc = application(candidate)
    metadata = sdc.metadata.values
    remote = str(metadata.get("ufds_remote_ip") or "")
    if remote in ufds_addresses(candidate):
        yield from without_own_replicator(candidate)
    elif remote and (follows(candidate, remote) or seen_to_replicate(candidate)):
        yield Note(
            f"No step is given: the UFDS of {candidate.name} has a replicator, or a checkpoint for {remote}. So the datacenter was "
            "coupled, or sdc-ufds-m2s has got as far as that. Setting the values back would break what works, and sdc-ufds-m2s typed "
            "again would delete what has replicated, and then wait for ever. The way on is that of a replica: remove its `state: "
            "candidate` from the inventory, and run the checks again. They print what sdc-ufds-m2s did not do."
        )
        yield from where_it_ended(candidate)
        return
    yield from where_it_ended(candidate)
    if str(metadata.get("ufds_is_master")).lower() != "true":
        wanted = True if isinstance(metadata.get("ufds_is_master"), bool) else "true"
        yield changed_metadata(
            candidate,
            sdc,
            {"ufds_is_master": wanted},
            risk=DISRUPTIVE,
            why="SAPI says that the datacenter is a replica; its services restart as those of a master",
            by_hand=True,
        )
    if metadata.get("ufds_remote_ip"):
        yield Step(
            on=headnode(candidate),
            run=sapi_delete(sdc.uuid, REMOTE),
            risk=DISRUPTIVE,
            why=f"it names another UFDS, {metadata['ufds_remote_ip']}, as its master",
            undo_note="sdc-ufds-m2s sets both again; the password is not in the evidence",
            applied_by_suite=False,
        )
    yield from usbkey_steps(candidate, {"ufds_is_master": "true", "ufds_remote_ip": ""})
    yield Note(
        "If the datacenter is coupled after all, the inventory is wrong: remove its `state: candidate`. If sdc-ufds-m2s was aborted, run "
        "the checks again after these steps: candidate-is-still-whole says what is gone, and prints the way on. What was saved is in the "
        f"copies below {PLACE}."
    )


@remedy("candidate-is-still-whole")
def make_it_whole(candidate: Datacenter) -> Advised:
    """Restore the groups. There is no way back for admin itself: UFDS hands out no password, so no copy has it."""
    yield from where_it_ended(candidate)
    yield from what_it_saved_kept(candidate, candidate.leftovers)
    yield from restored(candidate)


@remedy("candidate-has-no-checkpoint")
def forget_the_former_coupling(candidate: Datacenter) -> Advised:
    """Delete what the former coupling left. Whoever sees that the datacenter is coupled after all leaves it."""
    for ufds in candidate.zones("ufds"):
        yield from typed.each(candidate.world, ufds.directory.checkpoints, partial(without_leftover, candidate))
    yield Note(
        f"If {candidate.name} is coupled after all, the inventory is wrong: remove its `state: candidate`, type nothing, and run the "
        "checks again."
    )


@remedy("candidate-has-no-accounts-to-lose")
def empty_the_candidate(candidate: Datacenter) -> Advised:
    """Makes a copy and says how to delete an account, a group or a region.  Only the operator knows who the accounts belong to."""
    yield from _copy(candidate)
    for zone in candidate.zones("ufds"):
        seen, colliding = zone.accounts, zone.evidence.collisions
        others = {one.account for one in colliding.value.first} if colliding is not None and colliding.value else set()
        yield from _without(candidate, [one for one in seen.first if one not in others])
        if seen.count > len(seen.first):
            yield Note(f"Only {len(seen.first)} of its {seen.count} accounts are named. Then run the checks again.")
        if seen.besides is not None:
            yield from typed.each(candidate.world, its_own(zone), partial(_without_its_own, candidate))
    yield Note(
        "Create every account and group that must stay again on the master (sdc-useradm create), with its keys. The new account has a new "
        "uuid, so it no longer owns its machines: a machine belongs to a uuid (owner_uuid in VMAPI)."
    )


@remedy("candidate-collides-with-nothing")
def remove_what_collides(candidate: Datacenter) -> Advised:
    """The master's account stays.  The candidate's account would stop replication for everybody."""
    yield from _copy(candidate)
    for zone in candidate.zones("ufds"):
        seen = zone.collisions
        yield from _without(candidate, [one.account for one in seen.first])
        if seen.count > len(seen.first):
            yield Note(f"Only {len(seen.first)} of {seen.count} accounts are named. Then run the checks again.")
    yield Note(
        "What an account of the master had earlier is in its changelog, which is replayed from its beginning: only the candidate's account "
        "can change. If two people share a login by chance, give one of them a new account instead: a login cannot be changed. An e-mail "
        "address can be changed (sdc-useradm replace-attr LOGIN email VALUE)."
    )


def _without_its_own(candidate: Datacenter, dn: str) -> Advised:
    yield from without(candidate, typed.dn(dn), "", f"what sdc-ufds-m2s would leave in {candidate.name} alone")


def _subject(candidate: Datacenter) -> str:
    return f"accounts-of-{typed.name(candidate.name)}"


def _copy(candidate: Datacenter) -> Advised:
    why = "a copy of all accounts, keys and probes; UFDS does not hand out passwords"
    yield kept(candidate, _subject(candidate), USERS, why)


def _without(candidate: Datacenter, accounts: Sequence[Account]) -> Advised:
    named_ones: list[Account] = []

    def look_at(one: Account) -> Advised:
        typed.uuid(one.uuid)
        if is_admin(candidate.world, one.uuid, one.login):
            yield Note(f"The account {one.login!r} ({one.uuid}) is admin. It stays: sdc-ufds-m2s deals with it.")
        else:
            named_ones.append(one)

    yield from typed.each(candidate.world, accounts, look_at)
    if not named_ones:
        return
    yield from removed(
        candidate,
        _subject(candidate),
        [f"uuid={one.uuid}, {USERS}" for one in named_ones],
        f"deletes accounts of {candidate.name} ({', '.join(one.login for one in named_ones)}) and the entries below them. First "
        "look which of them own machines there (sdc-vmapi '/vms?owner_uuid=UUID&state=active')",
        f"in {named(_subject(candidate))}, put a line userpassword: into their entries (UFDS wants one, and the old one is "
        "gone); then add the entries with sdc-ldap add -f",
    )


@remedy("candidate-ufds-has-a-routable-nic")
def give_ufds_a_nic(candidate: Datacenter) -> Advised:
    """Runs Triton's own script.  The zone's default gateway moves to the new NIC (facts "What the linked-data-centers guide asks")."""
    zones = candidate.zones("ufds")
    if len(zones) != 1:
        names = ", ".join(zone.alias for zone in zones)
        yield Note(f"sdc-ufds-m2s wants exactly one ufds zone on the head node. There are {names}: remove all but one.")
        return
    yield Step(
        on=headnode(candidate),
        run=f"/usbkey/scripts/add_external_nic.sh {typed.uuid(zones[0].vm.uuid)}",
        risk=DISRUPTIVE,
        why="adds a NIC on the network external and makes it the primary one. The zone's default gateway moves there, and "
        "UFDS can be reached from outside unless a firewall prevents it",
        undo_note="sdc-vmapi '/vms/UUID?action=remove_nics' with the new NIC's mac",
        applied_by_suite=False,
    )


@remedy("candidate-knows-the-password")
def pass_the_password_on(candidate: Datacenter, master: Datacenter) -> Advised:
    """Newer tools ask for the password.  A new password for a master that has replicas needs many changes by hand."""
    here, there = (dc.sdc_metadata.fingerprints.get("ufds_ldap_root_pw") for dc in (candidate, master))
    if here != there and not candidate.m2s_asks_password:
        yield _newer_tools(candidate, "newer versions of sdc-ufds-m2s ask for the master's root password")
    if "ufds_ldap_root_pw" in master.sdc_metadata.fragile:
        yield Note(
            f"No command can be given. {master.name} needs another ufds_ldap_root_pw, of letters and digits, in its SAPI and in "
            "both copies of /usbkey/config. Every coupled replica needs the same password as ufds_remote_ldap_root_pw. "
            "No log-in works between the first of these changes and the last. Triton has no tool for it."
        )


def _newer_tools(candidate: Datacenter, why: str) -> Step:
    return Step(
        on=headnode(candidate),
        run="sdcadm experimental update-gz-tools --latest",
        risk=SAFE,
        why=why,
        undo_note="the same with the old image's uuid",
        applied_by_suite=False,
    )


@remedy("candidate-tools-can-couple")
def bring_newer_tools(candidate: Datacenter) -> Advised:
    """sdc-ufds-m2s comes with the global zone's tools, ufds-reconcile-data with the image of ufds."""
    tools = candidate.coupling_tools
    if not tools.takes_addresses:
        yield _newer_tools(candidate, "newer versions of sdc-ufds-m2s can read an address again (TRITON-2331)")
    if not tools.reconcile_has_password:
        yield Step(
            on=headnode(candidate),
            run="sdcadm update -y ufds",
            risk=DISRUPTIVE,
            why="newer images of ufds have a ufds-reconcile-data that uses the master's password (TRITON-127). No log-in works in "
            f"{candidate.name} while ufds is updated",
            undo_note="sdcadm rollback, or sdcadm update ufds@OLD-IMAGE",
            applied_by_suite=False,
        )


@remedy("candidate-config-agent-runs")
def start_config_agent(candidate: Datacenter) -> Advised:
    """Enable or clear it in every ufds zone."""
    for ufds in candidate.zones("ufds"):
        state = state_of(ufds, CONFIG_AGENT)
        if state in ("online", None):
            continue
        yield acting(
            headnode(candidate),
            Smf(ufds.vm.uuid, "clear" if state == "maintenance" else "enable", (CONFIG_AGENT,)),
            risk=RESTARTS,
            why=f"config-agent of {ufds.alias} is {state}; once it runs, it renders what it has missed, and restarts UFDS",
        )


@remedy("candidate-usbkey-mounts")
def find_the_usb_key(candidate: Datacenter) -> Advised:
    """No command puts a key in: somebody has to go there."""
    yield Note(
        f"No disk of {candidate.declared.headnode} has the file system of a USB key, and it was not booted from a pool. Put the "
        "key in (or a copy of it); no command does this. Then try sdc-usbkey mount and sdc-usbkey unmount."
    )


@remedy("versions-agree")
def update_the_candidate(candidate: Datacenter, master: Datacenter) -> Advised:
    """Update sdcadm itself first, then the zones whose image is older."""
    for role in ("sapi", "ufds"):
        here, there = (
            sorted((each.version for each in dc.instances if each.service == role), key=_built)
            for dc in (candidate, master)
        )
        if here and there and _built(here[0]) < _built(there[-1]):
            yield Step(
                on=headnode(candidate),
                run=f"sdcadm update -y {role}",
                risk=DISRUPTIVE,
                why=f"{role} is {here[0]}, the master's is {there[-1]}; the zone is provisioned again and is away for minutes",
                undo_note=f"sdcadm rollback {role}, with the plan that the update left in /var/sdcadm/updates",
                applied_by_suite=False,
            )
    yield Note("Update sdcadm itself first: sdcadm self-update --latest.")


def _built(version: str) -> str:
    """When an image was built, as its version says.  The branch name before it does not matter."""
    found = re.search("[0-9]{8}T[0-9]{6}Z", version)
    return found[0] if found is not None else ""


@remedy("no-password-left-behind")
def remove_what_was_left(datacenter: Datacenter) -> Advised:
    """Delete the files with passwords.  Keep the copies of UFDS's data: they may be the only ones."""
    copies = tuple(path for path in datacenter.leftovers if path.endswith(".ldif"))
    secret = tuple(path for path in datacenter.leftovers if path not in copies)
    if secret:
        yield acting(
            headnode(datacenter),
            FilesGone(secret),
            risk=SAFE,
            why="these files hold passwords, and sdc-ufds-m2s does not need them after it has ended",
            undo_note="none is needed",
        )
    if copies:
        why = "the data that UFDS held below admin before the coupling may be nowhere else; they stay in a copy that only root can read"
        yield file_kept(datacenter, copies, why)
        why = (
            "deletes only files that have an identical copy. If amon-probes-are-back has a finding, load the probes first "
            "(sdc-ldap add -f /var/tmp/restore.ldif)"
        )
        yield file_removed(datacenter, copies, why)
