"""Chapter: replication.  Every replica follows the master's changelog."""

from evidence.fact import Missing, need
from evidence.model import Progress
from evidence.subjects.datacenter import Datacenter
from evidence.subjects.triton import REPLICATOR, UFDS_CONFIG
from evidence.subjects.zone import Zone
from fixtures.check import CRITICAL, POSTCHANGE, PREFLIGHT, After, check
from fixtures.outcomes import Finding

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
        raise Missing(fact.subject, fact.asked, fact.how, f"its metadata hold no {PASSWORD}")
    known = replica.sdc_metadata.fingerprints
    used = REMOTE_PASSWORD if REMOTE_PASSWORD in known else PASSWORD
    if known.get(used) != wanted:
        raise Finding(expected="the master's password", observed=f"another password in {used}")


@check(
    POSTCHANGE,
    CRITICAL,
    after=[
        "one-poseidon", "master-password-is-known", "replica-points-at-master", "one-ufds-master", "ufds-answers",
        After("services-run", at="ufds"), After("rendered-config-is-current", at="ufds"),
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
    needs_master(master)
    stuck = {ufds.id: _why_stuck(ufds.progress) for ufds in replica.zones("ufds") if ufds.progress.stuck}
    assert stuck == {}


def needs_master(master: Datacenter) -> None:
    """Raises Missing about the master, where what is known of a replica had to be compared with it."""
    for ufds in master.zones("ufds"):
        need(ufds.directory)


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
    needs_master(master)
    allowed = replica.world.inventory.expect.replication_lag
    for ufds in replica.zones("ufds"):
        progress = ufds.progress
        if progress.behind and (progress.next is None or not progress.next.at):
            why = f"when the oldest of {progress.behind} changes to come was made is not known"
            raise Missing(ufds.id, "for how long its replicator is behind", "ldapsearch cn=changelog", why)
        if progress.behind:
            assert progress.waiting <= allowed, f"seconds that the oldest of {progress.behind} changes waits for {ufds}"


@check(PREFLIGHT, CRITICAL, after=["ufds-answers"])
def test_master_changelog_has_no_gap(candidate: Datacenter, master: Datacenter) -> None:
    """The numbers of the master's changelog have no gap of more than 50, from 1 on.

    The first synchronisation would stand still before it without a word, when sdc-ufds-m2s has deleted the candidate's
    data already.  Source: facts "Replication".
    """
    gaps = [gap for ufds in master.zones("ufds") for gap in ufds.gaps]
    if gaps:
        missing = ", ".join(f"{first} to {last} missing" for first, last in gaps)
        raise Finding(expected=(), observed=f"{missing} (what {candidate} could not pass on {master})")


@check(
    PREFLIGHT,
    CRITICAL,
    after=["ufds-answers", After("services-run", at="ufds"), After("rendered-config-is-current", at="ufds")],
)
def test_ufds_schema_is_not_older(candidate: Datacenter, master: Datacenter) -> None:
    """A candidate's ufds knows the schema version of the master's directory.

    The replicator refuses entries of a newer schema, and stands still.  Source: sdc-ufds:lib/ufds-replicator; facts (logs).
    """
    versions = [ufds.directory.version for ufds in master.zones("ufds") if ufds.directory.version is not None]
    if not versions:
        raise Missing(master.id, "the version of its schema", "ldapsearch cn=version", "its UFDS has no such entry")
    for ufds in candidate.zones("ufds"):
        known = ufds.file(UFDS_CONFIG).settings.get("moray.version")
        if isinstance(known, bool) or not isinstance(known, int):
            raise Missing(
                ufds.id, f"moray.version in {UFDS_CONFIG}", "cat (by zlogin)", "it is not there, or no number"
            )
        assert known >= max(versions), f"schema version that {ufds} knows"
