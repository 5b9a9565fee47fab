"""Chapter: Manta.  One Manta over the datacenters of a region: one application, one hash ring, and it knows that it is spread."""

from collections.abc import Iterable

import pytest

from evidence.fact import Missing
from evidence.inventory.model import CANDIDATE
from evidence.model import SapiObject
from evidence.subjects.datacenter import Datacenter, of_each
from evidence.subjects.manta import MULTI_DC, application, overrides, poseidon
from evidence.subjects.triton import MUSKIE_CONFIG
from evidence.subjects.world import Region
from evidence.subjects.zone import Zone
from fixtures.check import BOTH, CRITICAL, POSTCHANGE, WARNING, After, check
from fixtures.outcomes import Finding
from fixtures.shown import show

NETWORKS = ("admin", "manta")


def coupled(region: Region) -> list[Datacenter]:
    """The datacenters over which Manta is spread, without candidates."""
    return [dc for dc in region.with_manta if dc.state != CANDIDATE]


def one_only(region: Region) -> None:
    """Skips in a region of one datacenter, where nothing has to be spread."""
    if len(coupled(region)) < 2:
        pytest.skip(f"{region.name} has one datacenter only")


def at_fault(region: Region, expected: object, observed: object, culprits: Iterable[Datacenter] = ()) -> Finding:
    """A finding about the application.  Without `culprits` it blames all datacenters: each zone of Manta is rendered from it."""
    names = [dc.name for dc in (tuple(culprits) or coupled(region))]
    return Finding(expected=expected, observed=observed, culprits=names)


@check(BOTH, WARNING, after=["registrations-are-known"])
def test_manta_spans_an_odd_number(manta_region: Region) -> None:
    """Manta spans an odd number of datacenters, all of one region.

    Its consensus (ZooKeeper, manatee) needs a majority.  If an even number of datacenters is cut in two halves, neither half has
    a majority.  Source: seed; Manta's operator guide (multi-datacenter deployments).
    """
    names = [dc.name for dc in manta_region.with_manta]
    if len(names) % 2 == 0:
        raise Finding(
            expected="an odd number of datacenters", observed=f"{len(names)}: {', '.join(names)}", culprits=names
        )


@check(
    POSTCHANGE,
    CRITICAL,
    after=[
        "one-poseidon",
        "sapi-answers",
        "sapi-points-at-master-moray",
        "sapi-loaded-its-master",
        "sapi-reaches-its-master",
    ],
)
def test_one_manta_application(manta_region: Region) -> None:
    """All SAPIs together hold one application manta.  It is in the master's moray, owned by poseidon, and names poseidon's uuid.

    manta-init makes a second one if it finds another poseidon, or if SAPI does not ask the master.  Then manta-deploy stops at
    an assertion, and the hash ring cannot be saved.  Source: seed; sdc-manta:lib/common.js getMantaApplication.
    """
    master = manta_region.world.master
    right = poseidon(master)
    seen, unknown = of_each(coupled(manta_region), lambda dc: dc.manta_applications)
    wrong = []
    for name, applications in seen.items():
        found = [(each.owner_uuid, each.metadata.values.get("POSEIDON_UUID")) for each in applications]
        if found != ([(right, right)] if name == master.name else []):
            wrong.append(master.world.datacenter(name))
    if wrong:
        raise at_fault(
            manta_region,
            f"{master.name}: one application manta, with poseidon ({right}) as owner and as POSEIDON_UUID",
            {name: [_described(each) for each in applications] for name, applications in seen.items()},
            wrong,
        )
    if unknown is not None:
        raise unknown


def _described(found: SapiObject) -> str:
    return (
        f"{found.uuid} of {found.owner_uuid}, POSEIDON_UUID {found.metadata.values.get('POSEIDON_UUID') or 'not set'}"
    )


@check(POSTCHANGE, CRITICAL, after=["one-poseidon", After("internal-apis-answer", at="napi")])
def test_manta_networks_belong_to_poseidon(manta_datacenter: Datacenter, master: Datacenter) -> None:
    """poseidon may provision on the networks admin and manta, and no other poseidon may.

    manta-init enters the poseidon that it finds.  If it found the wrong one, no zone of Manta can be deployed in the
    datacenter.  Source: seed; sdc-manta:cmd/manta-init.js.
    """
    right = poseidon(master)
    others = {account.uuid for ufds in manta_datacenter.zones("ufds") for account in ufds.poseidons} - {right}
    networks = manta_datacenter.networks.values()
    owners = {network.name: network.owner_uuids for network in networks if network.name in NETWORKS}
    if len(owners) < len(NETWORKS):
        manta_datacenter.need_all_networks()
    assert tuple(sorted(set(owners) & set(NETWORKS))) == NETWORKS, "networks that NAPI knows"
    closed = {name: found for name, found in owners.items() if found and right not in found}
    assert closed == {}, f"owner_uuids without poseidon, {right}"
    foreign = {name: sorted(others.intersection(found)) for name, found in owners.items() if others.intersection(found)}
    assert foreign == {}, "owner_uuids with another poseidon"


@check(
    POSTCHANGE,
    CRITICAL,
    after=["one-manta-application", "one-poseidon", "sapi-answers", After("internal-apis-answer", at="imgapi")],
)
def test_manta_hash_ring_is_stored(manta_region: Region) -> None:
    """HASH_RING_IMAGE names an image that the IMGAPI of HASH_RING_IMGAPI_SERVICE has.

    `manta-adm create-topology` stores the image, and gives up if it finds two applications.  electric-moray loads the image when
    its zone is set up, and does not start without it.  Source: seed; sdc-manta:cmd/manta-adm.js; electric-moray:boot/setup.sh.
    """
    values = application(manta_region).metadata.values
    image, service = values.get("HASH_RING_IMAGE"), str(values.get("HASH_RING_IMGAPI_SERVICE") or "")
    holder = ring_holder(manta_region, service)
    if not image or holder is None or (image not in holder.known_ring_images and image not in holder.ring_images):
        held = f"images there: {', '.join(holder.ring_images) or 'none'}" if holder else "no IMGAPI of the region"
        raise at_fault(
            manta_region,
            "HASH_RING_IMAGE, and that image in the IMGAPI of HASH_RING_IMGAPI_SERVICE",
            {"HASH_RING_IMAGE": image, "HASH_RING_IMGAPI_SERVICE": f"{service or '(not set)'} ({held})"},
        )


def ring_holder(region: Region, service: str) -> Datacenter | None:
    """The datacenter whose IMGAPI a URL names, by DNS name or address."""
    host = service.removeprefix("http://").partition("/")[0].partition(":")[0]
    for dc in coupled(region):
        if host == f"imgapi.{dc.suffix}" or host in [nic.ip for zone in dc.zones("imgapi") for nic in zone.vm.nics]:
            return dc
    return None


@check(
    POSTCHANGE, CRITICAL, after=["one-manta-application", "one-poseidon", "sapi-answers", "settings-have-their-form"]
)
def test_muskie_multi_dc_is_set(manta_region: Region) -> None:
    """MUSKIE_MULTI_DC is true in Manta's application at the master, and so is BUCKETS_API_MULTI_DC if it is set.

    manta-init sets false.  Then both copies of an object may be in one datacenter, and are lost with it.  Source: seed;
    Manta's operator guide (multi-datacenter deployments).
    """
    one_only(manta_region)
    values = application(manta_region).metadata.values
    seen = {"MUSKIE_MULTI_DC": values.get("MUSKIE_MULTI_DC")}
    seen |= {key: values[key] for key in ("BUCKETS_API_MULTI_DC",) if key in values}
    if not all(value is True or value == "true" for value in seen.values()):
        raise at_fault(manta_region, dict.fromkeys(seen, True), seen)


@check(
    POSTCHANGE,
    CRITICAL,
    after=[
        "manta-settings-are-not-overridden",
        "muskie-multi-dc-is-set",
        "one-manta-application",
        "rendered-config-is-current",
        "sapi-reaches-its-master",
        After("settings-have-their-form", at="master"),
    ],
)
def test_muskie_is_rendered_multi_dc(webapi: Zone) -> None:
    """storage.multiDC is true in muskie's config.json, in every webapi zone of every datacenter (absent counts as true).

    Metadata of the service webapi, or of one instance, override the application's.  Source: facts "cloudapi, adminui, muskie".
    """
    one_only(Region(webapi.datacenter.world, webapi.datacenter.declared.region))
    file = webapi.file(MUSKIE_CONFIG)
    assert file.broken == "", MUSKIE_CONFIG
    found = file.settings.get("storage.multiDC", True)
    assert found is True, f"storage.multiDC in {MUSKIE_CONFIG}{_set_by(webapi)}"


def _set_by(webapi: Zone) -> str:
    """Which object of SAPI gives the zone a MUSKIE_MULTI_DC of its own, if that is known."""
    try:
        found = overrides(Region(webapi.datacenter.world, webapi.datacenter.declared.region))
    except Missing:
        return ""
    own = (each for each in found if each.key == MULTI_DC and each.target.uuid == webapi.vm.uuid)
    return "".join(f": the {each.level} {each.target.uuid} sets {each.key}: {show(each.value)}" for each in own)


@check(
    POSTCHANGE,
    CRITICAL,
    after=[
        "muskie-is-rendered-multi-dc",
        "muskie-multi-dc-is-set",
        "manta-shards-are-assigned",
        "manta-shards-are-served",
        "one-manta-application",
        "rendered-config-is-current",
        After("settings-have-their-form", at="master"),
    ],
)
def test_muskie_was_restarted(webapi: Zone) -> None:
    """Every muskie process was started after its config.json was last written.

    Rendering restarts nothing.  Until a restart, muskie puts both copies into one datacenter.  No restart is needed if
    MUSKIE_MULTI_DC was set before muskie was deployed.  Source: seed (`manta-oneach -s webapi 'svcadm restart "*muskie*"'`).
    """
    assert webapi.began_before(MUSKIE_CONFIG) == (), f"started before {MUSKIE_CONFIG} was written"


@check(
    POSTCHANGE,
    CRITICAL,
    answers=True,
    after=[
        "services-run",
        "manta-shards-are-assigned",
        "manta-shards-are-served",
        "manta-settings-are-not-overridden",
        After("settings-have-their-form", at="master"),
    ],
)
def test_muskie_answers(webapi: Zone) -> None:
    """muskie answers `/ping` with 200.

    503 means that muskie has no storage picker: it finds no moray of STORAGE_MORAY_SHARD, or too few storage nodes.  Source:
    facts "cloudapi, adminui, muskie"; manta-muskie:lib.
    """
    ping = webapi.ping
    assert ping.status == 200, ping.error or "unexpected answer"
