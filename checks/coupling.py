"""Chapter: before coupling.  May sdc-ufds-m2s be started on a candidate's head node now, and will it come to its end?

It has no undo.  It deletes first, and finds out only afterwards whether it has what it needs.
"""

import re

from checks.directory import lacking
from evidence.fact import Missing
from evidence.model import Configuration
from evidence.subjects.datacenter import Datacenter
from evidence.subjects.staying import its_own
from evidence.subjects.triton import CONFIG_AGENT
from evidence.subjects.zone import Zone
from fixtures.check import CRITICAL, POSTCHANGE, PREFLIGHT, WARNING, After, check

SECRET = "ufds_ldap_root_pw"  # noqa: S105  its name
BUILT = re.compile(r"[0-9]{8}T[0-9]{6}Z")
"""When an image was built, in its version: release-20251120-20251120T061402Z-g1a2b3c4."""


@check(PREFLIGHT, CRITICAL, after=["sapi-answers"])
def test_candidate_is_not_coupled_yet(candidate: Datacenter) -> None:
    """A candidate is its own UFDS master, and knows no other master, in SAPI's metadata and in /usbkey/config.

    Otherwise sdc-ufds-m2s refuses to start.  After an aborted run, SAPI already says replica, /usbkey/config does not yet, and
    the data that it had deleted are gone.  Source: sdc-headnode:tools/bin/sdc-ufds-m2s.
    """
    _own_master("SAPI", candidate.sdc_metadata)  # first: endpoints show nothing else
    _own_master("/usbkey/config", candidate.usbkey)


def _own_master(where: str, settings: Configuration) -> None:
    assert str(settings.values.get("ufds_is_master")).lower() == "true", f"ufds_is_master in {where}"
    assert (settings.values.get("ufds_remote_ip") or "") == "", f"ufds_remote_ip in {where}"


@check(PREFLIGHT, CRITICAL, after=["ufds-answers", "admin-uuid-agrees", "candidate-is-not-coupled-yet"])
def test_candidate_is_still_whole(candidate: Datacenter) -> None:
    """A candidate's UFDS has the account admin and the groups operators and readers, with admin among the operators.

    If not, sdc-ufds-m2s was started once and stopped while it deleted.  The next run saves only what is left, and overwrites
    its files of admin's data and probes.  Data that only these files held are then lost.  Source:
    sdc-headnode:tools/bin/sdc-ufds-m2s.
    """
    for ufds in candidate.zones("ufds"):
        assert lacking(ufds) == [], f"what {ufds} lacks"


@check(PREFLIGHT, CRITICAL, after=["ufds-answers", "candidate-is-not-coupled-yet"])
def test_candidate_has_no_checkpoint(candidate: Datacenter) -> None:
    """A candidate's UFDS has no checkpoint of a former coupling.

    The replicator goes on at a checkpoint that it finds.  So sdc-ufds-m2s deletes, and then waits for the admin account for ever: the
    changes that would bring it lie before the checkpoint.  Source: sdc-headnode:tools/bin/sdc-ufds-m2s; facts "Replication".
    """
    for ufds in candidate.zones("ufds"):
        left = [f"{each.url} at {each.changenumber}" for each in ufds.directory.checkpoints]
        assert left == [], f"checkpoints in {ufds}"


@check(PREFLIGHT, CRITICAL, after=["ufds-answers", "candidate-is-not-coupled-yet", "admin-uuid-agrees"])
def test_candidate_has_no_accounts_to_lose(candidate: Datacenter) -> None:
    """A candidate's UFDS has no account but admin (and those of candidate-collides-with-nothing), no group or region of its own.

    sdc-ufds-m2s deletes admin with its keys and sub-users, the groups operators and readers, and the region.  Any other
    account stays: not replicated, in no group, and unknown in all other datacenters.  So does any other group, region, or blacklist of
    e-mail addresses; if the master has one of that name, replication ends there.  Source: sdc-headnode:tools/bin/sdc-ufds-m2s; facts
    "Replication".
    """
    for ufds in candidate.zones("ufds"):
        seen, colliding = ufds.accounts, ufds.evidence.collisions
        known = colliding.value if colliding is not None else None
        count = seen.count - (known.count if known else 0)
        others = {one.account for one in known.first} if known else set()
        names = ", ".join(one.login for one in seen.first if one not in others)
        assert count == 0, f"accounts other than admin: {names or 'many'}; sdc-ufds-m2s would delete {_deleted(ufds)}"
        assert its_own(ufds) == [], f"groups, regions and the like of {ufds} that sdc-ufds-m2s does not delete"


def _deleted(ufds: Zone) -> str:
    """What sdc-ufds-m2s deletes, as far as it was seen."""
    fact = ufds.evidence.directory
    held = fact.value if fact is not None else None
    keys = ", ".join(key.name or key.fingerprint for key in held.keys) if held else ""
    operators = f" ({len(held.operators or ())} members)" if held else ""
    return f"admin with its keys ({keys or 'none seen'}), the groups operators{operators} and readers, and the region"


@check(
    PREFLIGHT,
    CRITICAL,
    after=["ufds-answers", "one-poseidon", "candidate-is-not-coupled-yet", "admin-uuid-agrees"],
)
def test_candidate_collides_with_nothing(candidate: Datacenter) -> None:
    """No account of a candidate has the login, e-mail address or uuid of an account of the master (except admin, which is deleted).

    All of them are unique within a UFDS.  So the replicator cannot add the master's account, and gives up.  It adds each account as it was
    made, so what an account of the master had earlier collides, too.  A spelling in other
    capitals is found only if the master's is in lower case.  Source: facts "Replication".
    """
    for ufds in candidate.zones("ufds"):
        seen = ufds.collisions
        names = "; ".join(f"{one.account.login} ({', '.join(one.taken)})" for one in seen.first)
        assert seen.count == 0, f"accounts of {candidate} that the master has too: {names}"


@check(PREFLIGHT, CRITICAL)
def test_candidate_ufds_has_a_routable_nic(candidate: Datacenter) -> None:
    """The head node has exactly one ufds zone, with a NIC on a network tagged internal or external.

    Otherwise sdc-ufds-m2s refuses to start.  Source: sdc-headnode:tools/bin/sdc-ufds-m2s.
    """
    zones = candidate.zones("ufds")
    assert [zone.alias for zone in zones] == [zones[0].alias], "the ufds zones of the head node"
    tags = {nic.nic_tag for nic in zones[0].vm.nics}
    assert any(re.search("(in|ex)ternal", tag) for tag in tags), (
        f"{zones[0]} has NICs tagged {', '.join(sorted(tags)) or 'nothing'}, none tagged internal or external"
    )


@check(PREFLIGHT, CRITICAL, after=["sapi-answers"])
def test_candidate_knows_the_password(candidate: Datacenter, master: Datacenter) -> None:
    """sdc-ufds-m2s can get the master's root password, and can pass it on.

    It writes the password unquoted into JSON and a shell command.  Characters other than letters, digits and _@%+=:,./^- break
    it.  Versions from before September 2019 do not ask for the password: then both datacenters must have the same one.  Source:
    sdc-headnode:tools/bin/sdc-ufds-m2s (CAPI-527).
    """
    metadata = master.sdc_metadata
    if SECRET not in metadata.fingerprints:
        raise Missing(master.id, f"{SECRET} in its SAPI", "sdc-sapi '/applications?name=sdc'", "it is not there")
    assert SECRET not in metadata.fragile, f"the master's {SECRET} holds characters that sdc-ufds-m2s cannot pass on"
    if not candidate.m2s_asks_password:
        here, there = (dc.sdc_metadata.fingerprints.get(SECRET) for dc in (candidate, master))
        assert here == there, f"fingerprints of {SECRET}: this sdc-ufds-m2s does not ask for the master's"


@check(PREFLIGHT, CRITICAL, after=["sapi-answers"])
def test_candidate_tools_can_couple(candidate: Datacenter, master: Datacenter) -> None:
    """The candidate's sdc-ufds-m2s takes an address, and its ufds-reconcile-data uses the master's password where that is another one.

    sdc-ufds-m2s of 2021-10-21 to 2022-09-13 finds no address to be one, and asks for it for ever.  ufds-reconcile-data before
    2021-10-21 binds to the master with the candidate's password: sdc-ufds-m2s has deleted by then, and the datacenter is not
    registered.  Source: sdc-headnode:tools/bin/sdc-ufds-m2s (TRITON-2331); sdc-ufds:bin/ufds-reconcile-data (TRITON-127).
    """
    tools = candidate.coupling_tools
    assert tools.takes_addresses, "this sdc-ufds-m2s takes no address for one, and asks for ever"
    if not tools.reconcile_has_password:
        here, there = (dc.sdc_metadata.fingerprints.get(SECRET) for dc in (candidate, master))
        assert here == there, f"fingerprints of {SECRET}: this ufds-reconcile-data does not use the master's"


@check(PREFLIGHT, CRITICAL)
def test_candidate_config_agent_runs(candidate: Datacenter) -> None:
    """config-agent is online in the ufds zone.

    sdc-ufds-m2s first deletes the local data.  Then it waits three minutes for config-agent to render replicator.json, and gives
    up.  Source: sdc-headnode:tools/bin/sdc-ufds-m2s.
    """
    for ufds in candidate.zones("ufds"):
        assert ufds.service_state(CONFIG_AGENT) == "online", f"config-agent of {ufds}"


@check(PREFLIGHT, WARNING)
def test_candidate_usbkey_mounts(candidate: Datacenter) -> None:
    """The USB key (or the pool that the head node boots from) is there and can be mounted.

    sdc-ufds-m2s mounts it last.  Without it, /usbkey/config still says that the datacenter is a master.  The suite does not mount
    the key, so it cannot tell whether the key is whole.  Source: sdc-headnode:tools/lib/usbkey.js.
    """
    key = candidate.usbkey_mount
    there = key.ok or bool(key.bootpool) or key.devices > 0
    assert there, f"sdc-usbkey says: {key.status or 'nothing'}; no disk has a file system of the key's type, pcfs"


@check(PREFLIGHT, WARNING, after=["health-commands-answer", After("internal-apis-answer", at="imgapi")])
def test_versions_agree(candidate: Datacenter, master: Datacenter) -> None:
    """The candidate's sapi and ufds images are not older than the master's.

    "Ensure that the SAPI zone is up-to-date before proceeding", says sdc-ufds-m2s.  Source: seed; facts "What the
    linked-data-centers guide asks".
    """
    for role in ("sapi", "ufds"):
        here, there = min(_built(candidate, role)), max(_built(master, role))
        assert here >= there, f"when the image of {role} was built; the master's is newer"


def _built(datacenter: Datacenter, role: str) -> list[str]:
    """When the images of a role's instances were built."""
    versions = [instance.version for instance in datacenter.instances if instance.service == role]
    built = [found[0] for version in versions if (found := BUILT.search(version))]
    if not built or len(built) != len(versions):
        said = ", ".join(sorted(version or "none" for version in versions)) or "no instance"
        raise Missing(datacenter.id, f"the version of {role}", "sdcadm insts -j", f"no build time in it: {said}")
    return built


@check(POSTCHANGE, WARNING, after=["amon-probes-are-back"])
def test_no_password_left_behind(datacenter: Datacenter) -> None:
    """sdc-ufds-m2s has left no file with passwords, metadata or data of UFDS behind.

    It does not clean up, neither at its end nor when it is aborted.  As long as the amon probes are missing, its file of probes
    is still needed.  Source: sdc-headnode:tools/bin/sdc-ufds-m2s.
    """
    assert datacenter.leftovers == ()
