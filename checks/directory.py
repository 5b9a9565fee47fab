"""Chapter: the directory.  Every replica holds what it must hold: entries, groups, keys, probes, registrations."""

from checks.replication import needs_master
from evidence.comparison import Comparison, EntryDifference
from evidence.inventory.model import CANDIDATE
from evidence.subjects.datacenter import Datacenter, of_each
from evidence.subjects.world import Coupling, Region
from evidence.subjects.zone import Zone
from fixtures.check import BOTH, CRITICAL, POSTCHANGE, WARNING, After, check
from fixtures.outcomes import Finding


@check(BOTH, CRITICAL, after=["admin-uuid-agrees", "ufds-answers"])
def test_master_has_admin_and_operators(master: Datacenter) -> None:
    """The master's UFDS has the account admin and the groups operators and readers, with admin among the operators.

    Every replica gets them from here.  What the master lacks, no replica can have, and sdc-ufds-m2s waits for it when it has deleted the
    candidate's.  Source: sdc-ufds:data/bootstrap.ldif.in.
    """
    for ufds in master.zones("ufds"):
        assert lacking(ufds) == [], f"what {ufds} lacks"


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


def _admin(datacenter: Datacenter) -> str:
    return str(datacenter.sdc_metadata.values.get("ufds_admin_uuid") or "")


@check(
    POSTCHANGE,
    CRITICAL,
    after=[
        "replicator-is-caught-up", "replicator-moves", "replicator-runs", "replicator-has-one-checkpoint", "one-poseidon",
        "admin-and-operators-are-there", "region-name-agrees", "ufds-answers",
    ],
)  # fmt: skip
def test_directory_entries_agree(replica: Datacenter, master: Datacenter) -> None:
    """A replica's directory holds the same replicated entries as the master's: none missing, none extra, none different.

    If somebody changed an entry on a replica, it stays changed until the master's entry changes, and may stop replication then.
    Passwords are compared by the time of their change.  Two things are not compared: the head node's own key, which
    ufds-reconcile-data gives admin only in the local UFDS, and temporary access keys that have expired.  Source: facts "UFDS"
    (what the replicator copies), "Replication"; sdc-ufds:data/bootstrap.ldif.in.
    """
    needs_master(master)
    for ufds in replica.zones("ufds"):
        seen = ufds.comparison
        found = {
            kind: count
            for kind, count in (("missing", seen.missing), ("extra", seen.extra), ("different", seen.different))
            if count
        }
        assert found == {}, f"of {seen.compared} entries of {ufds}: {_named(seen)}"


def _named(seen: Comparison) -> str:
    words = [_difference(each) for each in seen.first[:5]]
    rest = seen.missing + seen.extra + seen.different - len(words)
    return "; ".join(words) + (f"; and {rest} more" if rest > 0 else "")


def _difference(seen: EntryDifference) -> str:
    whose = f" ({seen.login})" if seen.login else ""
    return f"{seen.kind} {seen.dn}{whose}" + (f" in {', '.join(seen.attributes)}" if seen.attributes else "")


@check(POSTCHANGE, CRITICAL, after=["ufds-answers"])
def test_datacenters_are_registered(region: Region) -> None:
    """The master's UFDS has, below the region, every coupled datacenter with its network and at least one resolver.

    binder reads there whom to ask for another datacenter's names.  Source: facts "UFDS" (Tree); sdc-ufds-m2s.
    """
    master = region.world.master
    coupled = {dc.name for dc in region.datacenters if dc.state != CANDIDATE}
    lacks: dict[str, str] = {}
    for ufds in master.zones("ufds"):
        found = {each.datacenter: each for each in ufds.directory.datacenters if each.region == region.name}
        for name in coupled:
            entry = found.get(name)
            absent = ["datacenter"] if entry is None else []
            absent += ["network"] if entry is None or not entry.network else []
            absent += ["resolver"] if entry is None or not entry.resolvers else []
            if absent:
                lacks[name] = ", ".join(absent)
    if lacks:
        raise Finding(
            expected=f"entries below region={region.name} on {master.name} for {', '.join(sorted(coupled))}",
            observed="; ".join(f"{name} lacks {what}" for name, what in sorted(lacks.items())),
            culprits=lacks,
        )


@check(POSTCHANGE, CRITICAL, after=["sapi-answers", "ufds-answers"])
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


@check(
    POSTCHANGE,
    CRITICAL,
    after=[
        "one-poseidon", "master-has-admin-and-operators", "admin-and-operators-are-there", "replicator-is-caught-up",
        "replicator-moves", "replicator-runs", "ufds-answers",
    ],
)  # fmt: skip
def test_poseidon_is_operator(coupling: Coupling) -> None:
    """In every datacenter with an account poseidon, poseidon is in the group operators.

    Manta's tools act as poseidon, and create zones and networks for it.  Source: sdc-manta:cmd/manta-init.js.
    """
    seen, unknown = of_each(coupling.coupled, _not_operators)
    lacks = {name: uuids for name, uuids in seen.items() if uuids}
    if lacks:
        raise Finding(
            expected="poseidon in the group operators",
            observed="; ".join(f"{name}: {uuids} is not" for name, uuids in sorted(lacks.items())),
            culprits=lacks,
        )
    if unknown is not None:
        raise unknown


def _not_operators(datacenter: Datacenter) -> str:
    """The uuids of a datacenter's accounts poseidon that are not in its group operators."""
    found = [
        account.uuid
        for ufds in datacenter.zones("ufds")
        for account in ufds.poseidons
        if account.uuid not in (ufds.directory.operators or ())
    ]
    return ", ".join(found)
