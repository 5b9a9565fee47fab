"""Chapter: Manta.  Set what Manta's application lacks at the master, and make every muskie run with it."""

from __future__ import annotations

from functools import partial
from typing import Any

from evidence.fact import Missing
from evidence.inventory.model import CANDIDATE
from evidence.model import SapiObject
from evidence.subjects.datacenter import Datacenter
from evidence.subjects.manta import STORAGE
from evidence.subjects.triton import CONFIG_AGENT, MUSKIE_CONFIG, is_uuid
from evidence.subjects.world import Region
from evidence.subjects.zone import Zone
from remediate import typed
from remediate.actions import Action
from remediate.actions.network import NapiOwners
from remediate.actions.smf import Smf
from remediate.actions.wait import Rendered
from remediate.copies import PLACE, application_removed
from remediate.lookup import changed_metadata, fmris, headnode
from remediate.registry import Advised, in_each, proved_by, remedy
from remediate.shell import compact, quote
from remediate.steps import DESTROYS, DISRUPTIVE, RESTARTS, SAFE, Note, Risk, Step, acting

AT_START = "muskie reads its file only at its start"
MULTI_DC = ("MUSKIE_MULTI_DC", "BUCKETS_API_MULTI_DC")
IN_MUSKIES_FILE = {"MUSKIE_MULTI_DC": "storage.multiDC", STORAGE: "storage.moray.srvDomain"}
ELSEWHERE = (
    "These steps leave out Manta's zones on servers other than the head node. For those, type in every datacenter: "
    "manta-oneach -s webapi 'svcadm restart \"*muskie*\"'"
)


def _poseidon(master: Datacenter) -> str:
    uuids = {account.uuid for ufds in master.zones("ufds") for account in ufds.poseidons}
    if len(uuids) != 1:
        raise Missing(master.name, "the account poseidon", "ldapsearch login=poseidon", f"there are {len(uuids)}")
    return typed.uuid(uuids.pop())


def application_of(region: Region) -> SapiObject:
    right = _poseidon(region.world.master)
    for found in region.world.master.manta_applications:
        if found.owner_uuid == right:
            return found
    raise Missing(region.name, "Manta's application", "sdc-sapi '/applications?name=manta'", "poseidon has none")


def _set(region: Region, wanted: dict[str, Any], why: str, *, risk: Risk = RESTARTS) -> Step:
    return changed_metadata(region.world.master, application_of(region), wanted, risk=risk, why=why)


def _restart(webapi: Zone, why: str, key: str = "", value: str = "") -> Step:
    """Restarts the muskies of a zone.  If a value is given, first waits until the file is rendered with it."""
    uuid, patience = webapi.vm.uuid, webapi.datacenter.world.inventory.expect.patience
    render: tuple[Action, ...] = (
        (Smf(uuid, "restart", (CONFIG_AGENT,)), Rendered(uuid, MUSKIE_CONFIG, key, value, patience)) if key else ()
    )
    return acting(
        headnode(webapi.datacenter),
        *render,
        Smf(uuid, "restart", fmris(webapi, "/application/muskie:")),
        risk=RESTARTS,
        why=f"{why}; clients of this zone are cut off for seconds, so restart one zone after the other",
    )


def with_setting(webapi: Zone, setting: str, value: Any) -> Step:
    """Restarts the muskies of a zone, when their file has been rendered with a setting's value if it is known where that stands."""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return _restart(webapi, AT_START, IN_MUSKIES_FILE.get(setting, ""), text)


def muskies_restarted(region: Region, check: str, key: str, value: str) -> Advised:
    """Restarts every muskie of the region.  Proofs: that muskie's own check, and the region's check."""

    def in_datacenter(datacenter: Datacenter) -> Advised:
        for webapi in datacenter.zones("webapi"):
            steps = [_restart(webapi, AT_START, key, value)]
            yield from proved_by(steps, f"{check}[{region.id}]", f"muskie-was-restarted[{webapi.id}]")

    yield from in_each(region.with_manta, in_datacenter)
    yield Note(ELSEWHERE)


@remedy("manta-spans-an-odd-number")
def add_or_take_away_a_datacenter(manta_region: Region) -> Advised:
    """No command can add a datacenter."""
    names = ", ".join(datacenter.name for datacenter in manta_region.with_manta)
    yield Note(
        f"The inventory lists {names}. If one is missing there, declare it. No command can add one. A third datacenter can be "
        "a small one that only votes. If Manta must grow from an odd number, add two datacenters, not one."
    )


@remedy("one-manta-application")
def leave_oneapplication_of(manta_region: Region) -> Advised:
    """Delete every application that is not poseidon's at the master, if nothing was deployed from it."""
    master = manta_region.world.master
    right = _poseidon(master)

    def leave_the_right_one(datacenter: Datacenter) -> Advised:
        yield from typed.each(manta_region.world, datacenter.manta_applications, partial(leave_or_delete, datacenter))

    def leave_or_delete(datacenter: Datacenter, found: SapiObject) -> Advised:
        if datacenter.name != master.name or found.owner_uuid != right:
            yield _without(datacenter, found)
        elif found.metadata.values.get("POSEIDON_UUID") != right:
            wanted = {"POSEIDON_UUID": right}
            yield _set(manta_region, wanted, "the application names another poseidon than its owner")

    yield from in_each((dc for dc in manta_region.with_manta if dc.state != CANDIDATE), leave_the_right_one)
    if not any(found.owner_uuid == right for found in master.manta_applications):
        yield Note(
            f"{master.name} has no application of poseidon ({right}). Run manta-init there, in the manta zone, before any "
            "other datacenter. An application of another owner cannot be given to poseidon: SAPI's services and images depend on it."
        )


def _without(datacenter: Datacenter, application: SapiObject) -> Step:
    return Step(
        on=headnode(datacenter),
        run=application_removed(application.uuid),
        risk=DESTROYS,
        why=f"this application manta belongs to {application.owner_uuid} and is in the moray of {datacenter.name}. The step "
        f"deletes it and its services if nothing was deployed from them, and keeps a copy of each in {PLACE}",
        undo_note="none: a new object gets a new uuid",
        applied_by_suite=False,
    )


@remedy("manta-networks-belong-to-poseidon")
def give_the_networks_to_poseidon(manta_datacenter: Datacenter, master: Datacenter) -> Advised:
    """Add poseidon to owner_uuids.  A PUT replaces them as a whole, so the command first reads those that stay."""
    right, own = _poseidon(master), manta_datacenter.zones("ufds")
    others = {account.uuid for ufds in own for account in ufds.poseidons} - {right}
    for name in ("admin", "manta"):
        network = next((each for each in manta_datacenter.networks.values() if each.name == name), None)
        if network is None:
            yield Note(f"NAPI of {manta_datacenter.name} has no network {name}: manta-net.sh creates Manta's networks.")
            continue
        after = sorted({owner for owner in network.owner_uuids if owner not in others} | {right})
        added, gone = set(after) - set(network.owner_uuids), set(network.owner_uuids) - set(after)
        if not all(map(is_uuid, (network.uuid, *added, *gone))):
            yield Note(f"No command is given for the owners of network {name}: not all of them are uuids.")
        elif network.owner_uuids and (added or gone):
            yield acting(
                headnode(manta_datacenter),
                NapiOwners(network.uuid, tuple(sorted(added)), tuple(sorted(gone))),
                risk=SAFE,
                why=f"manta-adm provisions as poseidon ({right}) on {name}; the step leaves owners that nobody knows",
            )


@remedy("manta-hash-ring-is-stored")
def store_the_ring(manta_region: Region) -> Advised:
    """Name the image if it is there.  A lost image comes back only from a backup."""
    master = manta_region.world.master
    image = application_of(manta_region).metadata.values.get("HASH_RING_IMAGE")
    kept = [
        (datacenter, each)
        for datacenter in manta_region.with_manta
        if datacenter.state != CANDIDATE
        for each in datacenter.ring_images
        if image in (None, "", each)
    ]
    if len(kept) == 1:
        ((holder, only),) = kept
        yield _set(
            manta_region,
            {
                "HASH_RING_IMAGE": typed.uuid(only),
                "HASH_RING_IMGAPI_SERVICE": f"http://imgapi.{typed.dns_name(holder.suffix)}",
            },
            f"the only hash ring is in the IMGAPI of {holder.name}, and the application does not name it",
            risk=DISRUPTIVE,
        )
        return
    if len(kept) > 1:
        names = ", ".join(f"{each} in {datacenter.name}" for datacenter, each in kept)
        yield Note(
            f"Several images could be the hash ring: {names}. Only the people who made them know which. Compare owner and published_at."
        )
        return
    yield Note(
        f"No IMGAPI of the region has the hash ring. If no object was stored yet, make a ring in the manta zone of {master.name}: "
        "manta-adm create-topology -v 1000000 -p 2020 (with -f if SAPI names one). If objects were stored, do not make a new ring: "
        "it would look for them in other places, and so lose them. Every electric-moray zone still has its copy below "
        "/electric-moray/chash. Save that first, and restore the image (sdc-imgadm import) from your backup."
    )


@remedy("muskie-multi-dc-is-set")
def set_multi_dc(manta_region: Region) -> Advised:
    """Set it as a JSON boolean at the master, then restart every muskie (seed; facts "Manta")."""
    values = application_of(manta_region).metadata.values
    wanted = dict.fromkeys((key for key in MULTI_DC if key == MULTI_DC[0] or key in values), True)
    why = "new objects then get their copies in two datacenters; objects that were stored before stay where they are"
    yield _set(manta_region, wanted, why)
    yield from muskies_restarted(manta_region, "muskie-multi-dc-is-set", "storage.multiDC", "true")


@remedy("muskie-is-rendered-multi-dc")
def take_away_what_hides_it(webapi: Zone) -> Advised:
    """Delete the value that hides the application's true.  The instance or the service webapi has it."""
    region = Region(webapi.datacenter.world, webapi.datacenter.declared.region)
    query = f"/services?name=webapi&application_uuid={typed.uuid(application_of(region).uuid)}"
    service = f'"$(sdc-sapi --no-headers {quote(query)} | json -a uuid)"'
    body = quote(compact({"action": "delete", "metadata": {MULTI_DC[0]: ""}}))
    own = typed.uuid(webapi.vm.uuid)
    # The uuid comes from another datacenter. An instance that the master's SAPI does not know is left alone.
    guard = f"[[ $(sdc-sapi --no-headers /instances/{own} | json uuid) == {own} ]] &&\n    "
    for what, uuid, only in (("the instance", own, guard), ("the service webapi", service, "")):
        yield Step(
            on=headnode(webapi.datacenter.master),
            run=f"{only}echo {body} | sapiadm update {uuid}",
            risk=SAFE,
            why=f"a {MULTI_DC[0]} of {what} hides that of the application; if there is none, nothing changes",
            undo=f"echo {quote(compact({'metadata': {MULTI_DC[0]: False}}))} | sapiadm update {uuid}",
            undo_note="only if there was one",
        )
    yield _restart(webapi, AT_START, "storage.multiDC", "true")


@remedy("muskie-was-restarted")
def restart_muskie(webapi: Zone) -> Advised:
    """Restart muskie, as the seed does: `manta-oneach -s webapi 'svcadm restart "*muskie*"'`."""
    yield _restart(webapi, "muskie still runs with the old file")
    yield Note(ELSEWHERE)


@remedy("muskie-answers")
def get_muskie_to_answer(webapi: Zone) -> Advised:
    """Restart muskie.  503 means that it has no storage picker (facts "cloudapi, adminui, muskie")."""
    ping = webapi.ping
    said = ping.error or f"HTTP {ping.status}"
    yield _restart(webapi, f"muskie does not answer ({said}), though its service runs")
    yield Note(
        "If it still answers 503, it finds no moray of STORAGE_MORAY_SHARD, or fewer storage nodes than it needs (with "
        "MUSKIE_MULTI_DC, in two datacenters). Look for the picker in /var/log/muskie.log in the zone."
    )
