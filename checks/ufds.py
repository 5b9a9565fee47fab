"""Chapter: UFDS.  There is one master, all replicas point at it, and all of them have the same poseidon."""

import re

from evidence.fact import Missing
from evidence.inventory.model import MASTER
from evidence.subjects.claims import follows_well, standing, ufds_addresses
from evidence.subjects.datacenter import Datacenter, of_each
from evidence.subjects.followed import address_to_follow
from evidence.subjects.replicated import unasked
from evidence.subjects.strays import tells_of_m2s
from evidence.subjects.triton import REPLICATOR_CONFIG
from evidence.subjects.world import Coupling
from evidence.subjects.zone import Zone
from fixtures.check import BOTH, CRITICAL, POSTCHANGE, After, check
from fixtures.outcomes import Finding

REGION = re.compile(r"region=([^,?)]+)")


@check(
    BOTH,
    CRITICAL,
    answers=True,
    after=["services-run", After("services-run", at="moray"), "rendered-config-is-current"],
)
def test_ufds_answers(ufds: Zone) -> None:
    """Each ufds zone answers on 636: the root bind works with the password that SAPI hands out, and so does a search.

    An SMF service can be online and still not answer.  Source: facts "How a real UFDS answers".
    """
    assert ufds.bind.ok, ufds.bind.detail


@check(BOTH, CRITICAL, after=["sapi-answers", "settings-have-their-form"])
def test_one_ufds_master(coupling: Coupling) -> None:
    """Exactly one of the coupled datacenters is UFDS master, and it is the inventory's.

    Two masters accept writes that never come together.  The master follows nobody: it has no ufds-replicator that runs, and no checkpoint.
    Those are left where sdc-ufds-m2s was typed on its head node by mistake.  A datacenter that cannot be seen does not hide a finding
    about the others.  Source: seed ("only one master"); facts "Head node configuration"; sdc-headnode:tools/bin/sdc-ufds-m2s.
    """
    seen, unknown = of_each(coupling.coupled, lambda dc: str(dc.sdc_metadata.values.get("ufds_is_master")).lower())
    wanted = {dc.name: "true" if dc.state == MASTER else "false" for dc in coupling.coupled}
    culprits = [name for name in seen if seen[name] != wanted[name]]
    left = tells_of_m2s(coupling.world.master)
    if culprits or left:
        observed = _masters(seen) + (f"; {left}" if left else "")
        culprits += [coupling.world.master.name] if left else []
        raise Finding(expected=_masters(wanted), observed=observed, culprits=culprits)
    if unknown is not None:
        raise unknown


def _masters(flags: dict[str, str]) -> str:
    names = sorted(name for name, flag in flags.items() if flag == "true")
    return f"UFDS master: {', '.join(names) or 'none'}"


@check(
    POSTCHANGE,
    CRITICAL,
    after=[
        After("rendered-config-is-current", at="ufds"),
        After("settings-are-not-overridden", at="ufds"),
        After("rendered-files-are-usable", at="ufds"),
        "region-name-agrees",
        "one-ufds-master",
        "settings-have-their-form",
    ],
)
def test_replica_points_at_master(replica: Datacenter, master: Datacenter) -> None:
    """A replica's ufds_remote_ip is the master's UFDS, and its replicator.json says so, with all queries, and those of its own region.

    Any address of the master's ufds zones is right, and so is any other by which the replica is seen to follow the master (NAT).
    But a checkpoint belongs to an address: who does not follow must name that by which it came furthest.  With an empty
    ufds_remote_ip, cloudapi and adminui believe that they run on the master.  Source: facts, hazards 3 and 12; what sdc-ufds-m2s sets.
    """
    metadata = replica.sdc_metadata.values
    assert str(metadata.get("ufds_is_master")).lower() == "false", "ufds_is_master"
    remote = metadata.get("ufds_remote_ip")
    if remote not in ufds_addresses(master) and not (isinstance(remote, str) and _by_another_way(replica)):
        assert remote == master.ufds_address, "ufds_remote_ip"
    if remote in ufds_addresses(master) and (came := _came_by(replica)) is not None:
        assert remote == came, "ufds_remote_ip, and the master's address for which the replica has its checkpoint"
    for ufds in replica.zones("ufds"):
        settings = ufds.file(REPLICATOR_CONFIG).settings
        assert settings.get("remotes.0.url") == f"ldaps://{remote}", f"the remote url in {ufds}:{REPLICATOR_CONFIG}"
        queries = settings.get("remotes.0.queries")
        regions = (
            {name for query in queries for name in REGION.findall(str(query))} if isinstance(queries, list) else set()
        )
        assert regions == {replica.declared.region}, f"regions in the queries of {ufds}:{REPLICATOR_CONFIG}"
        missed = unasked(queries, replica.declared.region) if isinstance(queries, list) else ()
        assert missed == (), f"what {ufds}:{REPLICATOR_CONFIG} does not ask the master for"


def _came_by(replica: Datacenter) -> str | None:
    """The master's address by which the replica came where it is; None if nobody can see that."""
    try:
        return address_to_follow(replica)
    except Missing:
        return None


def _by_another_way(replica: Datacenter) -> bool:
    """Whether the replica follows the master by an address that no datacenter of the coupling has."""
    place = standing(replica)
    others = (dc for dc in replica.world.datacenters if dc.name != replica.master.name)
    known = {address for dc in others for address in ufds_addresses(dc)}
    return place is not None and place.follows not in known and follows_well(replica)


@check(BOTH, CRITICAL, after=["ufds-answers"])
def test_one_poseidon(coupling: Coupling) -> None:
    """All UFDS together know at most one uuid for login poseidon, and no replica has a poseidon that the master lacks.

    manta-init on a replica makes a second one if the account has not been replicated yet.  Then replication stops at it, and the
    hash ring cannot be saved.  Without the master's UFDS nobody knows which one is right.  Without another UFDS, the rest is
    still judged.  Source: seed; sdc-manta:cmd/manta-init.js.
    """
    seen, unknown = of_each(coupling.datacenters, poseidons)
    master = coupling.world.master.name
    if unknown is not None and master not in seen:
        raise unknown
    right = set(seen[master])
    culprits = [name for name, uuids in seen.items() if set(uuids) - right and name != master]
    if len(right) > 1:
        culprits.append(master)
    if culprits:
        raise Finding(
            expected=f"one uuid for login poseidon, the master's: {', '.join(seen[master]) or 'none yet'}",
            observed={name: ", ".join(found) or "none" for name, found in seen.items()},
            culprits=culprits,
        )
    if unknown is not None:
        raise unknown


def poseidons(datacenter: Datacenter) -> list[str]:
    """The uuids of the accounts with login poseidon that a datacenter's UFDS has."""
    return sorted({account.uuid for ufds in datacenter.zones("ufds") for account in ufds.poseidons})
