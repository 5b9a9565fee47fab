"""Chapter: the directory.  Every replica holds what it must hold: entries, groups, keys, probes, registrations."""

from checks.replication import needs_master
from evidence.comparison import KEYS, WHICH, Comparison, EntryDifference
from evidence.fact import Missing, OutOfSight, graver
from evidence.subjects.datacenter import OLDER, Datacenter
from evidence.subjects.m2s import SAVED
from evidence.subjects.poseidon import hindrances
from evidence.subjects.spec import Kind
from evidence.subjects.zone import Zone
from fixtures.check import BOTH, CRITICAL, POSTCHANGE, WARNING, After, check
from fixtures.outcomes import Finding


@check(BOTH, CRITICAL, after=["admin-uuid-agrees", "ufds-answers"])
def test_master_has_admin_and_operators(master: Datacenter) -> None:
    """The master's UFDS has the account admin and the groups operators and readers, with admin among the operators.

    admin has the master's own key, too (SDC_KEY_ID).  Every replica gets this from here.  What the master lacks, no replica can have, and
    sdc-ufds-m2s waits for it when it has deleted the candidate's.  Source: sdc-ufds:data/bootstrap.ldif.in.
    """
    for ufds in master.zones("ufds"):
        lacks = lacking(ufds) + ([] if own_key_is_known(ufds) else [f"the key of {master}"])
        assert lacks == [], f"what {ufds} lacks{_m2s_was_there(master)}"


def _m2s_was_there(master: Datacenter) -> str:
    left = master.evidence.leftovers.value if master.evidence.leftovers is not None else None
    saved = [path for path in SAVED if path in (left or ())]
    return f"; sdc-ufds-m2s was typed on its head node, where it left {', '.join(saved)}" if saved else ""


@check(POSTCHANGE, CRITICAL, after=["admin-uuid-agrees", "ufds-answers"])
def test_admin_is_enabled(master: Datacenter) -> None:
    """The master's account admin is not disabled.

    cloudapi refuses what a disabled account signs, in every datacenter, because replication brings that to all.  mahi and muskie do not
    look at it.  Source: sdc-cloudapi:lib/auth.js assertAuthenticated; sdc-ufds:schema/sdcperson.js.
    """
    for ufds in master.zones("ufds"):
        if ufds.directory.admin and ufds.directory.admin_disabled is None:
            raise OutOfSight(ufds.id, "whether admin is disabled", "ldapsearch", OLDER)
        if ufds.directory.admin_disabled:
            raise Finding(expected="enabled", observed=f"disabled (admin in {ufds})")


@check(
    POSTCHANGE,
    CRITICAL,
    after=[
        "admin-uuid-agrees", "replicator-is-caught-up", "replicator-moves", "replicator-runs", "ufds-answers",
        After("master-has-admin-and-operators", at="master"),
    ],
)  # fmt: skip
def test_admin_and_operators_are_there(replica: Datacenter) -> None:
    """A replica's UFDS has the account admin and the groups operators and readers, with admin among the operators.

    sdc-ufds-m2s deletes them and relies on replication to bring them back.  Without them nobody can operate the datacenter.
    Source: facts "The thing itself".
    """
    for ufds in replica.zones("ufds"):
        assert lacking(ufds) == [], f"what {ufds} lacks"


def lacking(ufds: Zone) -> list[str]:
    """What is missing of admin and the groups, which sdc-ufds-m2s deletes."""
    held = ufds.directory
    there = {
        "account admin": held.admin,
        "group operators": held.operators is not None,
        "group readers": held.readers,
        "admin in operators": _admin(ufds.datacenter) in (held.operators or ()),
    }
    return [what for what, is_there in there.items() if not is_there]


def own_key_is_known(ufds: Zone) -> bool:
    """Whether admin has the key with which this datacenter signs; true where its SAPI names none."""
    own = str(ufds.datacenter.sdc_metadata.values.get("SDC_KEY_ID") or "").removeprefix("MD5:")
    return not own or not ufds.directory.admin or own in {key.fingerprint for key in ufds.directory.keys}


def _admin(datacenter: Datacenter) -> str:
    return str(datacenter.sdc_metadata.values.get("ufds_admin_uuid") or "")


@check(
    POSTCHANGE,
    CRITICAL,
    after=[
        *(After(f"replicator-{each}", unless=Kind.OWN) for each in ("is-caught-up", "moves", "runs", "has-one-checkpoint")),
        "one-poseidon", "admin-and-operators-are-there", "region-name-agrees", "ufds-answers",
        After("admin-uuid-agrees", at="master"),
    ],
)  # fmt: skip
def test_directory_entries_agree(replica: Datacenter, master: Datacenter) -> None:
    """A replica's directory holds the same replicated entries as the master's: none missing, none extra, none different.

    If somebody changed an entry on a replica, it stays changed until the master's entry changes, and may stop replication then.
    Hashed passwords are compared too, in memory alone: a password that was set on a replica changes nothing else.  Two things are
    not: the head node's own key, which ufds-reconcile-data gives admin only in the local UFDS, and temporary access keys that have
    expired.  An extra entry that no replicator brought does not come of one that stands still.  With --compare=keys only accounts and
    their keys are compared: then what differs is a finding, and that nothing differs is no pass.  Source: facts "UFDS" (what the
    replicator copies), "Replication"; sdc-ufds:data/bootstrap.ldif.in.
    """
    needs_master(master)
    unknown: Missing | None = None
    for ufds in replica.zones("ufds"):
        seen = ufds.comparison
        found = {
            kind: count
            for kind, count in (("missing", seen.missing), ("extra", seen.extra), ("different", seen.different))
            if count
        }
        if found and _made_here(ufds, seen):
            told = ", ".join(f"{kind}: {count}" for kind, count in found.items())
            observed = f"{told} (of {_compared(ufds, seen)}: {_named(seen)})"
            raise Finding(expected={}, observed=observed, kind=Kind.OWN)
        assert found == {}, f"of {_compared(ufds, seen)}: {_named(seen)}"
        if seen.unread:
            asked = f"whether all its {WHICH[seen.extent]} are the master's (of {seen.compared} they are)"
            unknown = graver(unknown, Missing(ufds.id, asked, "ldapsearch", seen.unread))
        elif seen.extent == KEYS:
            why = f"all {seen.compared} accounts and keys are the master's, and nothing else was compared (--compare keys)"
            unknown = graver(
                unknown, OutOfSight(ufds.id, "whether its other entries are the master's", "ldapsearch", why)
            )
    if unknown is not None:
        raise unknown


def _compared(ufds: Zone, seen: Comparison) -> str:
    rest = "; nothing else was compared" if seen.extent == KEYS else ""
    return f"{seen.compared} {WHICH[seen.extent]} of {ufds}{rest}"


def _made_here(ufds: Zone, seen: Comparison) -> bool:
    """Whether somebody made an extra entry on the replica itself, other than the one that stops its replicator."""
    fact = ufds.evidence.progress
    stops = fact.value.conflict if fact is not None and fact.value is not None else ""
    return any(each.own and not (stops and f", {each.dn}".endswith(f", {stops}")) for each in seen.first)


def _named(seen: Comparison) -> str:
    words = [_difference(each) for each in seen.first[:5]]
    rest = seen.missing + seen.extra + seen.different - len(words)
    return "; ".join(words) + (f"; and {rest} more" if rest > 0 else "")


def _difference(seen: EntryDifference) -> str:
    whose = f" ({seen.login})" if seen.login else ""
    return f"{seen.kind} {seen.dn}{whose}" + (f" in {', '.join(seen.attributes)}" if seen.attributes else "")


@check(POSTCHANGE, CRITICAL, after=["sapi-answers", "ufds-answers", After("admin-uuid-agrees", at="master")])
def test_replica_key_is_known_to_master(replica: Datacenter, master: Datacenter) -> None:
    """A replica's own public key (SDC_KEY_ID) is one of admin's keys on the master.

    sdc-ufds-m2s deletes the key together with admin.  Without it cloudapi refuses what the replica signs, and sdc-healthcheck
    says error.  Source: seed; facts "UFDS" (sdc-useradm add-key).
    """
    known = {key.fingerprint for ufds in master.zones("ufds") for key in ufds.directory.keys}
    own = replica.sdc_metadata.values.get("SDC_KEY_ID")
    if str(own).removeprefix("MD5:") not in known:
        raise Finding(expected="known", observed=f"not known ({replica}'s key {own} among admin's keys on {master})")


@check(POSTCHANGE, WARNING, after=["admin-and-operators-are-there", "ufds-answers"])
def test_amon_probes_are_back(replica: Datacenter) -> None:
    """A replica's UFDS holds amon probes of admin.  They are the replica's own and are not replicated.

    sdc-ufds-m2s saves and restores them.  An aborted run leaves the datacenter without alarms.  Source: sdc-ufds-m2s.
    """
    for ufds in replica.zones("ufds"):
        assert ufds.directory.probes > 0, f"amon probes and groups of admin in {ufds}"


@check(POSTCHANGE, CRITICAL, after=["one-poseidon", "master-has-admin-and-operators", "ufds-answers"])
def test_poseidon_is_operator(master: Datacenter) -> None:
    """The master's account poseidon is an operator.  Where Manta is expected, it is not disabled, and has the key with which Manta signs.

    The replicas get all of this from here.  muskie lets poseidon do everything because it is an operator, Manta's zones store their logs
    with the key (ADMIN_KEY_ID), and cloudapi refuses a disabled account.  mahi and muskie do not look at that.
    Source: sdc-manta:cmd/manta-init.js; sdc-cloudapi:lib/auth.js; manta-muskie:lib/auth.js; facts "UFDS", "Manta".
    """
    found = hindrances(master)
    if found:
        told = "; ".join(f"{hindrance} ({account.login} {account.uuid})" for account, hindrance in found)
        raise Finding(expected="poseidon enabled, an operator, and with its key", observed=told)
    if master.world.inventory.expect.manta:
        _need_to_know_all(master)


def _need_to_know_all(master: Datacenter) -> None:
    """Raises OutOfSight if the evidence is of a version that did not ask whether poseidon is disabled, and for its keys."""
    for ufds in master.zones("ufds"):
        if ufds.poseidons and (ufds.evidence.poseidon_keys is None or ufds.poseidons[0].disabled is None):
            raise OutOfSight(ufds.id, "poseidon's keys", "ldapsearch", OLDER)
