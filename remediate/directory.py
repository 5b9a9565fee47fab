"""Chapter: what a directory must hold.  Entries that sdc-ufds-m2s left out, and entries in which a replica differs from its master."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from evidence.accounts import Account
from evidence.comparison import DIFFERENT, EXTRA, PASSWORD, EntryDifference
from evidence.subjects.datacenter import Datacenter
from evidence.subjects.poseidon import Hindrance, application, fingerprint, hindrances
from remediate import typed
from remediate.actions.key import AddKey
from remediate.actions.ldap import Attributes, LdapAdd, LdapModify, Resend, Scope
from remediate.copies import entries_loaded
from remediate.lookup import headnode
from remediate.registry import Advised, proved_by, remedy
from remediate.removal import file_kept, file_removed, without
from remediate.steps import OPENS, OVERWRITES, SAFE, Note, Step, acting
from remediate.stopped import admin_from_a_replica, what_it_saved_back

OPERATORS, READERS = "cn=operators, ou=groups, o=smartdc", "cn=readers, ou=groups, o=smartdc"
MOST_DELETED = MOST_NAMED = 20
"""Deletions of so many entries are printed at once: each takes a human's decision. So many accounts are named in a sentence."""
SAVED_PROBES = "/var/tmp/restore.ldif"  # noqa: S108  on the head node
"""Where sdc-ufds-m2s keeps the probes while it deletes admin."""


@remedy("master-has-admin-and-operators")
def give_the_master_its_operators(master: Datacenter) -> Advised:
    """Add on the master what its setup made (sdc-ufds:data/bootstrap.ldif.in); the replicas follow.  Nobody can make up an account."""
    admin = f"uuid={typed.uuid(str(master.sdc_metadata.values.get('ufds_admin_uuid') or ''))}, ou=users, o=smartdc"
    for ufds in master.zones("ufds"):
        held = ufds.directory
        if not held.admin:
            yield from admin_from_a_replica(master, admin)
            return
        if held.operators is None:
            yield _group(master, OPERATORS, admin)
        elif master.sdc_metadata.values.get("ufds_admin_uuid") not in held.operators:
            yield acting(
                headnode(master),
                LdapModify(OPERATORS, "add", "uniquemember", (admin,)),
                risk=SAFE,
                why="admin operates every datacenter by this group; replication brings it from the master to all",
            )
        if not held.readers:
            yield _group(master, READERS, admin)
        values = master.sdc_metadata.values
        if str(values.get("SDC_KEY_ID") or "").removeprefix("MD5:") not in {
            "",
            *(key.fingerprint for key in held.keys),
        }:
            yield from _key_told(master, master)

    yield from what_it_saved_back(master, master.leftovers)


@remedy("admin-is-enabled")
def enable_admin(master: Datacenter) -> Advised:
    """Take the mark away at the master; the replicas follow."""
    admin = f"uuid={typed.uuid(str(master.sdc_metadata.values.get('ufds_admin_uuid') or ''))}, ou=users, o=smartdc"
    yield _enabled(master, admin, "cloudapi refuses everything that admin signs")


def _enabled(master: Datacenter, dn: str, why: str) -> Step:
    return acting(
        headnode(master),
        LdapModify(dn, "delete", "disabled", ("true",)),
        risk=OPENS,
        why=f"{why}. Whoever disabled it may have meant it. Replication brings this from the master to all",
    )


def _group(master: Datacenter, dn: str, member: str) -> Step:
    entry: Attributes = {
        "cn": (dn.split(",")[0].removeprefix("cn="),),
        "uniquemember": (member,),
        "objectclass": ("groupofuniquenames",),
    }
    why = f"the setup of a datacenter makes {dn}; replication brings it from the master to all"
    return acting(headnode(master), LdapAdd(dn, entry), risk=SAFE, why=why)


@remedy("admin-and-operators-are-there")
def send_admin_again(replica: Datacenter, master: Datacenter) -> Advised:
    """Make the master send again what a replica lacks.  The replicator adds an entry that was modified (facts "UFDS")."""
    admin = str(replica.sdc_metadata.values.get("ufds_admin_uuid") or "")
    for ufds in replica.zones("ufds"):
        held = ufds.directory
        lacks: dict[str, tuple[Scope, str]] = {}
        if not held.admin:
            lacks[f"uuid={typed.uuid(admin)}, ou=users, o=smartdc"] = ("sub", "objectclass")
        if admin not in (held.operators or ()):
            lacks[OPERATORS] = ("base", "uniquemember")
        if not held.readers:
            lacks[READERS] = ("base", "objectclass")
        for dn, (scope, attribute) in lacks.items():
            yield acting(
                headnode(master),
                Resend(dn, scope, attribute),
                risk=OVERWRITES,
                why=f"{replica.name} lacks {dn}; a change that changes nothing makes the master send it again",
                undo_note="none is needed: nothing is changed",
            )


@remedy("directory-entries-agree")
def make_the_entries_agree(replica: Datacenter, master: Datacenter) -> Advised:
    """Make the master send again what is missing or different.  The suite names extra entries, but never deletes them."""
    for ufds in replica.zones("ufds"):
        seen = ufds.comparison
        unnamed = [each for each in seen.first if each.kind == DIFFERENT and not each.attributes]
        yield from _sent_again(
            replica, master, [each for each in seen.first if each.kind != EXTRA and each not in unnamed]
        )
        yield from _looked_at(replica, master, unnamed)
        extra = [each for each in seen.first if each.kind == EXTRA]
        known = {each.dn for each in extra}
        highest = [each for each in extra if not known & set(_above(each.dn))]
        yield from typed.each(replica.world, highest[:MOST_DELETED], lambda entry: _deleting(replica, entry))
        if seen.missing + seen.extra + seen.different > len(seen.first) or len(highest) > MOST_DELETED:
            yield Note(f"{ufds} differs in more entries than those named here. Run the checks again after these steps.")


def _above(dn: str) -> Iterator[str]:
    while dn := dn.partition(", ")[2]:
        yield dn


def _sent_again(replica: Datacenter, master: Datacenter, entries: Sequence[EntryDifference]) -> Advised:
    """One step for each attribute, whatever the number of entries, parents first; all of an entry that is missing."""
    again: dict[str, list[str]] = {}

    def wanted(what: tuple[str, str]) -> Advised:
        dn, name = typed.dn(what[0]), typed.shown_attribute(what[1])
        again.setdefault(name, []).append(dn)
        yield from ()

    every = [(each.dn, name) for each in entries for name in each.attributes or ("objectclass",) if name != PASSWORD]
    yield from typed.each(replica.world, every, wanted)
    yield from _anew([each for each in entries if PASSWORD in each.attributes])
    for name, dns in again.items():
        these, them = ("it", "it") if len(dns) == 1 else (f"{len(dns)} entries", "them")
        yield acting(
            headnode(master),
            Resend(dns[0], "base", name, tuple(dns[1:])),
            risk=OVERWRITES,
            why=f"{replica.name} has {these} differently, or not at all. A change that changes nothing makes the master send {them} "
            f"again, and the replicator sets or adds {them}",
            undo_note="none is needed: nothing is changed",
        )


def _anew(entries: Sequence[EntryDifference]) -> Iterator[Note]:
    """UFDS sends a password again only if it is another one: what it keeps to itself cannot be replaced by itself."""
    if not entries:
        return
    whose = ", ".join(each.login or each.dn for each in entries[:MOST_NAMED])
    rest = f" and {len(entries) - MOST_NAMED} more" if len(entries) > MOST_NAMED else ""
    yield Note(
        f"The password of {whose}{rest} is not the same on both sides. No command copies it: have it set anew on the master "
        "(in its AdminUI, or sdc-useradm replace-attr LOGIN userpassword PASSWORD), and replication brings it to every replica. "
        "If it may have been changed by a stranger, look at cn=changelog of the replica's UFDS first."
    )


def _looked_at(replica: Datacenter, master: Datacenter, entries: Sequence[EntryDifference]) -> Iterator[Note]:
    """Of directories that were listed apart, digests alone were compared."""
    if not entries:
        return
    which = (
        f"{entries[0].dn} differs" if len(entries) == 1 else f"{len(entries)} entries ({entries[0].dn} is one) differ"
    )
    yield Note(
        f"In which attributes {which} on {replica.name} is not known: the directories were listed apart. "
        f"Where both head nodes are reached, az-checks compare REGION.yaml {master.name} {replica.name} tells it, and a run what to do."
    )


def _deleting(replica: Datacenter, entry: EntryDifference) -> Advised:
    whose = f" ({entry.login})" if entry.login else ""
    steps = list(without(replica, entry.dn, entry.login, f"what only {replica.name} knows{whose}"))
    yield Note(
        f"{entry.dn}{whose} exists only on {replica.name}. It belongs on the master: delete it here, and create it there. "
        "It must not exist on both: the same login or address on the master would stop replication."
    )
    yield from steps


@remedy("replica-key-is-known-to-master")
def tell_the_key(replica: Datacenter, master: Datacenter) -> Advised:
    """Add the key on the master's head node (facts "UFDS": the sure way).  The key is public."""
    yield from _key_told(replica, master)


def _key_told(replica: Datacenter, master: Datacenter) -> Advised:
    """Gives admin the key of a datacenter, at the master."""
    values = replica.sdc_metadata.values
    key, name = values.get("SDC_PUBLIC_KEY"), f"{typed.name(replica.name)} sdc key"
    if not isinstance(key, str) or not key.strip():
        yield Note(
            f"SAPI of {replica.name} holds no SDC_PUBLIC_KEY. The key is in /root/.ssh/sdc.id_rsa.pub of its sdc zone."
        )
        return
    told = values.get("SDC_KEY_ID")
    adding = AddKey("admin", name, key.strip(), typed.fingerprint(str(told).removeprefix("MD5:")) if told else "")
    why = f"{replica.name} signs with this key; replication brings it from the master to all"
    if told:
        yield acting(headnode(master), adding, risk=OPENS, why=why)
        return
    yield Step(
        on=headnode(master),
        run=adding.command(),
        risk=OPENS,
        why=why,
        undo_note="sdc-useradm delete-key admin, with the key's fingerprint",
        applied_by_suite=False,
    )


@remedy("amon-probes-are-back")
def bring_the_probes_back(replica: Datacenter) -> Advised:
    """Load the probes that sdc-ufds-m2s saved before it deleted admin.  It would have loaded them near its end."""
    yield Step(
        on=headnode(replica),
        run=entries_loaded(SAVED_PROBES, "amonprobe"),
        risk=SAFE,
        why="sdc-ufds-m2s saved the probes there before it deleted admin, and was aborted before it loaded them again. If it was started "
        "twice, the file has none any more: then the copy that was made of it is taken",
        undo_note="sdc-ldap delete for each dn in the file",
    )
    left = replica.evidence.leftovers
    if left is not None and left.value is not None and SAVED_PROBES in left.value:
        yield from proved_by(_without_the_saved_probes(replica), f"no-password-left-behind[{replica.id}]")
    yield Note(
        "If the file is gone, create the probes again as after the setup of a datacenter: in AdminUI, or with amon's "
        "API and the probes of another datacenter as a model."
    )


def _without_the_saved_probes(replica: Datacenter) -> Advised:
    why = "if loading them failed in part, the probes may be nowhere else"
    yield file_kept(replica, (SAVED_PROBES,), why)
    why = "when the probes are loaded and amon-probes-are-back passes, nobody needs the file any more; the copy stays"
    yield file_removed(replica, (SAVED_PROBES,), why)


@remedy("poseidon-is-operator")
def make_poseidon_usable(master: Datacenter) -> Advised:
    """Put the account right at the master only: the replicas follow."""

    def mend(found: tuple[Account, Hindrance]) -> Advised:
        account, hindrance = found
        dn = f"uuid={typed.uuid(account.uuid)}, ou=users, o=smartdc"
        if hindrance == Hindrance.NO_OPERATOR:
            why = "Manta's tools act as poseidon; replication brings the membership from the master to all"
            yield acting(headnode(master), LdapModify(OPERATORS, "add", "uniquemember", (dn,)), risk=OPENS, why=why)
        elif hindrance == Hindrance.DISABLED:
            yield _enabled(master, dn, "cloudapi refuses a disabled account")
        else:
            yield from _poseidons_key(master, account)

    yield from typed.each(master.world, hindrances(master), mend)


def _poseidons_key(master: Datacenter, account: Account) -> Advised:
    """Give poseidon the key with which Manta signs.  It is public, and manta-init kept it in Manta's application."""
    found = application(master, account.uuid)
    key = str(found.metadata.values.get("ADMIN_PUBLIC_KEY") or "").strip() if found is not None else ""
    if not fingerprint(key):
        yield Note(
            "Manta's application holds no ADMIN_PUBLIC_KEY, so it is not known with which key Manta signs. manta-init makes one only where "
            "the application has no ADMIN_PRIVATE_KEY."
        )
        return
    yield acting(
        headnode(master),
        AddKey("poseidon", "poseidon_id_rsa", key, fingerprint(key)),
        risk=OPENS,
        why="Manta's zones sign with this key as poseidon; replication brings it from the master to all",
    )
