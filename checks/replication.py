"""Chapter: replication.  Every replica follows the master's changelog."""

from evidence.fact import Missing, need
from evidence.model import Progress
from evidence.subjects.datacenter import Datacenter
from evidence.subjects.spec import Kind
from evidence.subjects.triton import REPLICATOR, UFDS_CONFIG
from evidence.subjects.zone import Zone
from fixtures.check import CRITICAL, POSTCHANGE, PREFLIGHT, After, check
from fixtures.outcomes import Finding

READ_OTHERWISE = (After("settings-are-not-overridden", at="ufds"), After("services-have-read-their-files", at="ufds"))
"""What makes a replicator follow another file than the one that is there, or that SAPI's application asks for."""
PASSWORD, REMOTE_PASSWORD = "ufds_ldap_root_pw", "ufds_remote_ldap_root_pw"


@check(POSTCHANGE, CRITICAL, after=["sapi-answers"])
def test_master_password_is_known(replica: Datacenter, master: Datacenter) -> None:
    """A replica asks the master's UFDS with the master's root password.

    The replica takes it from ufds_remote_ldap_root_pw, or from ufds_ldap_root_pw if that is not set.  With a wrong password the
    replicator retries for ever while SMF calls it online, and UFDS refuses cloudapi and adminui.  Source: facts, hazard 5,
    "Head node configuration".
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
        After("one-poseidon", when=Kind.MAINTENANCE), "master-password-is-known", "replica-points-at-master", "one-ufds-master",
        "ufds-answers", After("rendered-config-is-current", at="ufds"), *READ_OTHERWISE,
        After("services-run", at="ufds"),
    ],
)  # fmt: skip
def test_replicator_runs(replica: Datacenter) -> None:
    """ufds-replicator is online in the ufds zone of every replica, not in maintenance.

    It exits at a change that violates a unique attribute (an account with the same login).  Then SMF puts it into maintenance,
    and nothing is replicated any more.  Source: facts "SMF", "Replication".
    """
    for ufds in replica.zones("ufds"):
        state = ufds.service_state(REPLICATOR)
        if state != "online":
            kind = Kind(state) if state in tuple(Kind) else None
            raise Finding(
                expected="online", observed=f"{state} ({REPLICATOR} of {ufds}{_said(ufds)}{_next(ufds)})", kind=kind
            )


def _said(ufds: Zone) -> str:
    """What its log tells of why it does not run."""
    found = [word for service in ufds.known_services if service.fmri == REPLICATOR for word in service.said]
    return f"; its log: {', '.join(found)}" if found else ""


def _next(ufds: Zone) -> str:
    """The change that comes next for the replicator, if it is known."""
    try:
        progress = ufds.progress
    except Missing:
        return ""
    change = progress.next
    if change is None:
        return ""
    said = f"; its next change is {change.number}, {change.kind} {change.dn}"
    if progress.conflict == change.dn:
        return f"{said}, and an entry of that name is here already"
    return f"{said}, and {progress.conflict} has its login or address here" if progress.conflict else said


@check(
    POSTCHANGE,
    CRITICAL,
    after=[
        "replicator-runs",
        "replica-points-at-master",
        "ufds-answers",
        "ufds-reaches-master-ufds",
        "master-password-is-known",
        "settings-have-their-form",
        *READ_OTHERWISE,
    ],
)
def test_replicator_has_one_checkpoint(replica: Datacenter) -> None:
    """A replica has exactly one checkpoint for the url of its master.

    The checkpoint says which change comes next.  If there are two, the replicator takes either, and may skip changes or apply
    them again.  Source: facts, hazard 12, "UFDS".
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
        "ufds-reaches-master-ufds", "replica-points-at-master", "one-ufds-master", "ufds-answers", *READ_OTHERWISE,
    ],
)  # fmt: skip
def test_replicator_moves(replica: Datacenter, master: Datacenter) -> None:
    """A replica that is behind its master moves on: its checkpoint has changed some seconds later.

    The process can be online and stand still for ever.  That happens at a change that it cannot apply, or before a gap in the
    master's changelog, because it takes the gap for the end.  Source: facts "Replication".
    """
    needs_master(master)
    stuck = {ufds.id: _why_stuck(ufds.progress) for ufds in replica.zones("ufds") if ufds.progress.stuck}
    assert stuck == {}


def needs_master(master: Datacenter) -> None:
    """Raises Missing about the master if its directory is unknown: the replica's evidence had to be compared with it."""
    for ufds in master.zones("ufds"):
        need(ufds.directory)


def _why_stuck(progress: Progress) -> str:
    change = progress.next
    said = f"stands still at change {progress.after}, {progress.behind} to come"
    if change is None:
        return f"{said}; the master's changelog lacks the next 50 numbers (a gap), and the replicator takes that for the end"
    said += f"; next is {change.number}, {change.kind} {change.dn}"
    if progress.conflict == change.dn:
        return f"{said}; an entry of that name is here already"
    if progress.conflict:
        return f"{said}; its login or address already belongs to {progress.conflict} here"
    return f"{said}; its parent is missing here" if progress.parentless else said


@check(
    POSTCHANGE,
    CRITICAL,
    after=["replicator-moves", "replicator-has-one-checkpoint", "replicator-runs", "ufds-answers", *READ_OTHERWISE],
)
def test_replicator_is_caught_up(replica: Datacenter, master: Datacenter) -> None:
    """No change of the master's waits longer for a replica than expect.replication_lag.

    Until the change is applied, the replica may refuse log-ins with a new key, or accept log-ins of a deleted account.  With a
    checkpoint beyond the master's last change it applies nothing at all until the master has as many changes.  Source: facts
    "Replication" (normally a second or two).
    """
    needs_master(master)
    allowed = replica.world.inventory.expect.replication_lag
    for ufds in replica.zones("ufds"):
        progress = ufds.progress
        if progress.beyond:
            observed = f"checkpoint of {ufds} at {progress.after}: the master's changelog ends before, as after a restore from a backup"
            raise Finding(expected=f"at most {progress.latest + 1}", observed=observed)
        if progress.behind and (progress.next is None or not progress.next.at):
            why = f"{progress.behind} changes are still to come, and the time of the oldest is not known"
            raise Missing(ufds.id, "for how long its replicator is behind", "ldapsearch cn=changelog", why)
        if progress.behind:
            assert progress.waiting <= allowed, (
                f"seconds that the oldest of {progress.behind} changes has waited for {ufds}"
            )


@check(PREFLIGHT, CRITICAL, after=["ufds-answers"])
def test_master_changelog_has_no_gap(candidate: Datacenter, master: Datacenter) -> None:
    """The numbers of the master's changelog have no gap of more than 50, from 1 on.

    The first synchronisation would stop before the gap without a message, after sdc-ufds-m2s has deleted the candidate's
    data.  Source: facts "Replication".
    """
    gaps = [gap for ufds in master.zones("ufds") for gap in ufds.gaps]
    if gaps:
        missing = ", ".join(f"{first} to {last} missing" for first, last in gaps)
        raise Finding(expected=(), observed=f"{missing} ({candidate} would stop there in the changelog of {master})")


@check(
    PREFLIGHT,
    CRITICAL,
    after=["ufds-answers", After("services-run", at="ufds"), After("rendered-config-is-current", at="ufds")],
)
def test_ufds_schema_is_not_older(candidate: Datacenter, master: Datacenter) -> None:
    """A candidate's ufds knows the schema version of the master's directory.

    The replicator refuses entries of a newer schema, and stops there.  Source: sdc-ufds:lib/ufds-replicator; facts (logs).
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
