"""Chapter: replication.  Every replica follows the master's changelog, and holds what it must hold."""

from evidence.comparison import Comparison, EntryDifference
from evidence.facts import Missing
from evidence.model import Progress
from evidence.subjects import Coupling, Datacenter, Region, Zone, of_each
from fixtures.check import CRITICAL, POSTCHANGE, PREFLIGHT, WARNING, check
from fixtures.outcomes import Disagreement

REPLICATOR = "svc:/smartdc/application/ufds-replicator:default"
UFDS_CONFIG = "/opt/smartdc/ufds/etc/config.json"
PASSWORD, REMOTE_PASSWORD = "ufds_ldap_root_pw", "ufds_remote_ldap_root_pw"


@check(POSTCHANGE, CRITICAL, after=["sapi-answers"])
def test_master_password_is_known(replica: Datacenter, master: Datacenter) -> None:
    """The root password with which a replica asks the master's UFDS is the master's.

    It is ufds_remote_ldap_root_pw, or where that is not set ufds_ldap_root_pw.  With another one the replicator tries for
    ever while SMF calls it online, and cloudapi and adminui are refused.  Source: facts, hazard 5, "Head node configuration".
    """
    wanted = master.sdc_metadata.fingerprints.get(PASSWORD)
    if wanted is None:
        fact = master.evidence.applications
        raise Missing(fact.asked, fact.how, f"its metadata hold no {PASSWORD}")
    known = replica.sdc_metadata.fingerprints
    used = REMOTE_PASSWORD if REMOTE_PASSWORD in known else PASSWORD
    seen = "the master's password" if known.get(used) == wanted else f"another password in {used}"
    assert seen == "the master's password"


@check(
    POSTCHANGE,
    CRITICAL,
    after=[
        "one-poseidon", "master-password-is-known", "replica-points-at-master", "one-ufds-master", "ufds-answers",
        "services-run@ufds", "rendered-config-is-current@ufds",
    ],
)  # fmt: skip
def test_replicator_runs(replica: Datacenter) -> None:
    """ufds-replicator is online in the ufds zone of every replica, not in maintenance.

    On a change that violates a unique attribute (an account of the same login) it exits, and SMF gives it up: nothing is
    replicated any more.  Source: facts "SMF", "Replication".
    """
    for ufds in replica.zones("ufds"):
        state = next((service.state for service in ufds.services if service.fmri == REPLICATOR), "absent")
        assert state == "online", f"{REPLICATOR} of {ufds}{_next(ufds)}"


def _next(ufds: Zone) -> str:
    """The change that it is to deal with, as far as that is known."""
    try:
        progress = ufds.progress
    except Missing:
        return ""
    change = progress.next
    return f"; its next change is {change.number}, {change.kind} {change.dn}" if change is not None else ""


@check(
    POSTCHANGE,
    CRITICAL,
    after=[
        "replicator-runs",
        "replica-points-at-master",
        "ufds-answers",
        "ufds-reaches-master-ufds",
        "master-password-is-known",
    ],
)
def test_replicator_has_one_checkpoint(replica: Datacenter) -> None:
    """A replica has exactly one checkpoint for the url of its master.

    The checkpoint says which change comes next; of two the replicator takes any, and may leave out changes or apply them
    again.  Source: facts, hazard 12, "UFDS".
    """
    url = f"ldaps://{replica.sdc_metadata.values.get('ufds_remote_ip')}"
    for ufds in replica.zones("ufds"):
        found = [checkpoint for checkpoint in ufds.directory.checkpoints if checkpoint.url == url]
        assert len(found) == 1, f"checkpoints of {ufds} for {url}"


@check(
    POSTCHANGE,
    CRITICAL,
    after=[
        "replicator-runs", "replicator-has-one-checkpoint", "one-poseidon", "master-password-is-known",
        "ufds-reaches-master-ufds", "replica-points-at-master", "one-ufds-master", "ufds-answers",
    ],
)  # fmt: skip
def test_replicator_moves(replica: Datacenter, master: Datacenter) -> None:
    """A replica that is behind its master moves on: its checkpoint is not the same some seconds later.

    The process can be online and stand still for ever: at a change that it cannot apply, or before a gap in the master's
    changelog, which it takes for the end.  Source: facts "Replication".
    """
    _needs(master)
    stuck = {ufds.id: _why_stuck(ufds.progress) for ufds in replica.zones("ufds") if ufds.progress.stuck}
    assert stuck == {}


def _needs(master: Datacenter) -> None:
    """Raises Missing about the master, where what is known of a replica had to be compared with it."""
    for ufds in master.zones("ufds"):
        assert ufds.directory.latest >= 0


def _why_stuck(progress: Progress) -> str:
    change = progress.next
    said = f"stands still at change {progress.after}, {progress.behind} to come"
    if change is None:
        return f"{said}; a gap: the master's changelog holds none of the 50 numbers from there, so it takes that for the end"
    said += f"; next is {change.number}, {change.kind} {change.dn}"
    if progress.conflict:
        return f"{said}, whose login or address {progress.conflict} has here already"
    return f"{said}, whose parent is missing here" if progress.parentless else said


@check(
    POSTCHANGE,
    CRITICAL,
    after=["replicator-moves", "replicator-has-one-checkpoint", "replicator-runs", "ufds-answers"],
)
def test_replicator_is_caught_up(replica: Datacenter, master: Datacenter) -> None:
    """No change of the master's waits longer for a replica than expect.replication_lag.

    Until it is applied, the replica refuses log-ins with a new key, or takes those of an account that was deleted.
    Source: facts "Replication" (normally a second or two).
    """
    _needs(master)
    allowed = replica.world.inventory.expect.replication_lag
    for ufds in replica.zones("ufds"):
        progress = ufds.progress
        if progress.behind and (progress.next is None or not progress.next.at):
            why = f"when the oldest of {progress.behind} changes to come was made is not known"
            raise Missing(f"{ufds}: for how long its replicator is behind", "ldapsearch cn=changelog", why)
        if progress.behind:
            assert progress.waiting <= allowed, f"seconds that the oldest of {progress.behind} changes waits for {ufds}"


@check(
    POSTCHANGE,
    CRITICAL,
    after=["admin-uuid-agrees", "replicator-is-caught-up", "replicator-moves", "replicator-runs", "ufds-answers"],
)
def test_admin_and_operators_are_there(replica: Datacenter) -> None:
    """A replica's UFDS has the account admin and the groups operators and readers, with admin among the operators.

    sdc-ufds-m2s deletes them, and counts on replication to bring them back; without them nobody operates the datacenter.
    Source: facts "The thing itself".
    """
    for ufds in replica.zones("ufds"):
        assert lacking(ufds) == [], f"what {ufds} lacks"


def lacking(ufds: Zone) -> list[str]:
    """What sdc-ufds-m2s deletes of admin and the groups, and is not there."""
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
    """Of what is replicated, a replica's directory holds what the master's holds: nothing missing, nothing besides, nothing other.

    An entry that was changed on a replica stays so until the master's changes, and may stop replication then.  Passwords
    are compared by the time of their change.  The head node's own key, which ufds-reconcile-data gives admin in the local UFDS
    alone, and temporary access keys that have expired are not compared.  Source: facts "UFDS" (what the replicator copies),
    "Replication"; sdc-ufds:data/bootstrap.ldif.in.
    """
    _needs(master)
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
    """The master's UFDS has, below the region, every coupled datacenter with its network and a resolver at least.

    Binder learns from there whom to ask for another datacenter's names.  Source: facts "UFDS" (Tree); sdc-ufds-m2s.
    """
    master = region.world.master
    coupled = {dc.name for dc in region.datacenters if dc.state != "candidate"}
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
        raise Disagreement(
            expected=f"entries below region={region.name} on {master.name} for {', '.join(sorted(coupled))}",
            observed="; ".join(f"{name} lacks {what}" for name, what in sorted(lacks.items())),
            culprits=lacks,
        )


@check(POSTCHANGE, CRITICAL, after=["sapi-answers", "ufds-answers"])
def test_replica_key_is_known_to_master(replica: Datacenter, master: Datacenter) -> None:
    """A replica's own public key (SDC_KEY_ID) is one of admin's keys on the master.

    sdc-ufds-m2s deletes it with admin; without it cloudapi refuses what the replica signs, and sdc-healthcheck says error.
    Source: seed; facts "UFDS" (sdc-useradm add-key).
    """
    known = {key.fingerprint for ufds in master.zones("ufds") for key in ufds.directory.keys}
    own = replica.sdc_metadata.values.get("SDC_KEY_ID")
    seen = "known" if str(own).removeprefix("MD5:") in known else "not known"
    assert seen == "known", f"{replica}'s key {own} among admin's keys on {master}"


@check(POSTCHANGE, WARNING, after=["admin-and-operators-are-there", "ufds-answers"])
def test_amon_probes_are_back(replica: Datacenter) -> None:
    """A replica's UFDS holds amon probes of admin, which are its own and are not replicated.

    sdc-ufds-m2s saves and restores them; an aborted one leaves the datacenter without alarms.  Source: sdc-ufds-m2s.
    """
    for ufds in replica.zones("ufds"):
        assert ufds.directory.probes > 0, f"amon probes and groups of admin in {ufds}"


@check(
    POSTCHANGE,
    CRITICAL,
    after=[
        "one-poseidon", "admin-and-operators-are-there", "replicator-is-caught-up", "replicator-moves", "replicator-runs",
        "ufds-answers",
    ],
)  # fmt: skip
def test_poseidon_is_operator(coupling: Coupling) -> None:
    """Wherever there is an account poseidon, it is in the group operators.

    Manta's tools act as poseidon, and create zones and networks for it.  Source: sdc-manta:cmd/manta-init.js.
    """
    seen, unknown = of_each(coupling.coupled, _not_operators)
    lacks = {name: uuids for name, uuids in seen.items() if uuids}
    if lacks:
        raise Disagreement(
            expected="poseidon in the group operators",
            observed="; ".join(f"{name}: {uuids} is not" for name, uuids in sorted(lacks.items())),
            culprits=lacks,
        )
    if unknown is not None:
        raise unknown


def _not_operators(datacenter: Datacenter) -> str:
    """The uuids of its accounts poseidon that are not in its group operators."""
    found = [
        account.uuid
        for ufds in datacenter.zones("ufds")
        for account in ufds.poseidons
        if account.uuid not in (ufds.directory.operators or ())
    ]
    return ", ".join(found)


@check(PREFLIGHT, CRITICAL, after=["ufds-answers"])
def test_master_changelog_has_no_gap(candidate: Datacenter, master: Datacenter) -> None:
    """The numbers of the master's changelog have no gap of more than 50, from 1 on.

    The first synchronisation would stand still before it without a word, when sdc-ufds-m2s has deleted the candidate's
    data already.  Source: facts "Replication".
    """
    gaps = [gap for ufds in master.zones("ufds") for gap in ufds.gaps]
    assert [f"{first} to {last} missing" for first, last in gaps] == [], f"what {candidate} could not pass on {master}"


@check(PREFLIGHT, CRITICAL, after=["ufds-answers", "services-run@ufds", "rendered-config-is-current@ufds"])
def test_ufds_schema_is_not_older(candidate: Datacenter, master: Datacenter) -> None:
    """A candidate's ufds knows the schema version of the master's directory.

    The replicator refuses entries of a newer schema, and stands still.  Source: sdc-ufds:lib/ufds-replicator; facts (logs).
    """
    versions = [ufds.directory.version for ufds in master.zones("ufds") if ufds.directory.version is not None]
    if not versions:
        raise Missing(f"{master}: the version of its schema", "ldapsearch cn=version", "its UFDS has no such entry")
    for ufds in candidate.zones("ufds"):
        known = ufds.file(UFDS_CONFIG).settings.get("moray.version")
        if isinstance(known, bool) or not isinstance(known, int):
            raise Missing(f"{ufds}: moray.version in {UFDS_CONFIG}", "cat (by zlogin)", "it is not there, or no number")
        assert known >= max(versions), f"schema version that {ufds} knows"
