"""Chapter: the steps ahead.  What sdc-ufds-m2s will need is put right before it is started."""

from __future__ import annotations

from functools import partial

from evidence.model import Registered, SapiObject
from evidence.subjects.datacenter import Datacenter
from evidence.subjects.m2s import SAVED, SET_IN_SAPI, TAKEN_FROM_USBKEY
from evidence.subjects.triton import CONFIGURED
from remediate import typed
from remediate.copies import application_removed
from remediate.lookup import headnode, service, usbkey_steps, without_metadata
from remediate.registry import Advised, remedy
from remediate.removal import file_kept, file_removed, kept, removed
from remediate.steps import DESTROYS, RESTARTS, Note, Step

SECRETS = ("ufds_ldap_root_pw", "ufds_remote_ldap_root_pw")


@remedy("candidate-usbkey-names-what-is-deleted")
def name_the_right_entries(candidate: Datacenter) -> Advised:
    """SAPI's values are those that its services work with."""
    usbkey, sapi = candidate.usbkey.of_coupling, candidate.sdc_metadata.of_coupling
    apart = [key for key in TAKEN_FROM_USBKEY if usbkey[key] != sapi[key]]
    yield from usbkey_steps(candidate, {key: sapi[key] for key in apart if key not in SECRETS and sapi[key]})
    if any(key in SECRETS for key in apart):
        yield Note(
            "The root password in /usbkey/config is another one than SAPI's, so sdc-ldap deletes nothing, and sdc-ufds-m2s goes on. "
            "No command is printed for a password: write the one of SAPI's metadata of `sdc` into both copies of the file by hand."
        )


@remedy("candidate-settings-take-effect")
def let_them_take_effect(candidate: Datacenter) -> Advised:
    """Take the settings out of the services. Those of the application `sdc` hold then."""
    for role in CONFIGURED:
        if role not in candidate.evidence.services.get():
            continue
        target = service(candidate, role)
        gone = tuple(key for key in SET_IN_SAPI if key in target.metadata.values)
        if gone:
            yield without_metadata(
                candidate,
                target,
                gone,
                risk=RESTARTS,
                why=f"the service {role} would hide what sdc-ufds-m2s sets in the application `sdc`",
            )
        if any(key in target.metadata.fingerprints for key in SET_IN_SAPI):
            yield Note(
                f"The service {role} has ufds_remote_ldap_root_pw, too. It is a secret: take it out by hand (sapiadm update)."
            )


@remedy("candidate-can-be-registered")
def say_how_it_is_registered(candidate: Datacenter) -> Advised:
    """No value is right for the tool where there are several binders; the registration can be added afterwards."""
    yield Note(
        f"If {candidate.name} has several binders, start sdc-ufds-m2s all the same, and accept this finding with a waiver: "
        "ufds-reconcile-data registers no resolver, and after the coupling datacenters-are-registered prints the commands that add one for "
        "each binder. If a value is just wrong, put it right in SAPI's metadata of `sdc` and in both copies of /usbkey/config."
    )


@remedy("candidate-is-not-registered-yet")
def forget_the_registration(candidate: Datacenter, master: Datacenter) -> Advised:
    """Delete on the master what it has of the candidate; sdc-ufds-m2s adds it again."""
    left = [
        each
        for ufds in master.zones("ufds")
        for each in ufds.directory.datacenters
        if each.datacenter == candidate.name
    ]
    yield from typed.each(candidate.world, left, partial(_unregistered, candidate, master))


def _unregistered(candidate: Datacenter, master: Datacenter, each: Registered) -> Advised:
    dn = f"datacenter={typed.name(candidate.name)}, region={typed.name(each.region)}, o=smartdc"
    subject = f"registration-of-{typed.name(candidate.name)}"
    yield kept(master, subject, dn, f"a copy of what {master.name} has of {candidate.name}")
    why = (
        f"{master.name} has {candidate.name} registered with addresses that are not its binders'; with the entry there, "
        "ufds-reconcile-data adds no other"
    )
    yield from removed(master, subject, [dn], why, "sdc-ldap add -f with the copy")


@remedy("candidate-has-no-manta")
def keep_the_mantas_apart(candidate: Datacenter) -> Advised:
    """Nobody merges two Mantas. One that was never deployed can go, with a copy of what SAPI says of it."""
    yield from typed.each(candidate.world, candidate.manta_applications, partial(_without_manta, candidate))
    yield Note(
        "The step deletes only what has no instances. If objects are stored in this Manta, the datacenter cannot join a region that has "
        "a Manta, or is to have one. Its account poseidon has to go before the coupling, too: candidate-has-no-accounts-to-lose."
    )


def _without_manta(candidate: Datacenter, each: SapiObject) -> Advised:
    yield Step(
        on=headnode(candidate),
        run=application_removed(each.uuid),
        risk=DESTROYS,
        why="an application manta of the candidate's own; it goes only if no zone of it is deployed",
        undo_note="SAPI's objects are in the copies below /var/az-copies",
        applied_by_suite=False,
    )


@remedy("candidate-has-no-saved-data-left")
def put_the_saved_data_aside(candidate: Datacenter) -> Advised:
    """Keep copies, and make room for the next run."""
    paths = [path for path in candidate.leftovers if path in SAVED]
    why = "what sdc-ufds-m2s saved when it was run before; the next run overwrites the files, and they may be the only copy"
    yield file_kept(candidate, paths, why)
    yield file_removed(candidate, paths, "removes the files, of which identical copies are kept")
