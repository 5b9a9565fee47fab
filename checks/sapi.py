"""Chapter: SAPI across datacenters.  Every SAPI answers, and all but the master's ask the master's moray."""

import pytest

from evidence.fact import Missing, untouched
from evidence.inventory.model import CANDIDATE, same_name
from evidence.subjects.datacenter import Datacenter, of_each
from evidence.subjects.needs import needs_no_master
from evidence.subjects.network.routes import address_in
from evidence.subjects.triton import SAPI_MASTER_CONFIG
from evidence.subjects.world import Region
from evidence.subjects.zone import Zone
from fixtures.check import BOTH, CRITICAL, POSTCHANGE, WARNING, After, check
from fixtures.outcomes import Finding


@check(BOTH, CRITICAL, answers=True, after=["services-run", After("services-run", at="moray")])
def test_sapi_answers(sapi: Zone) -> None:
    """SAPI answers `/ping` with 200, and its storage (the local moray) is available.

    Even when moray is down, SAPI answers list requests with 200 from local files.  Only /ping shows the truth.  Source: facts
    "How a real SAPI answers".
    """
    ping = sapi.ping
    assert ping.status == 200, ping.error or f"storAvailable {ping.body.get('storAvailable')}"
    assert ping.body.get("storAvailable") is True, "storAvailable"


@check(BOTH, CRITICAL, after=["sapi-answers"])
def test_one_sdc_application(datacenter: Datacenter) -> None:
    """SAPI holds one application called `sdc`.

    Triton's tools ask for it by name, and take the first one, or all.  sdc-ufds-m2s writes to both uuids at once, which is none: it has
    deleted by then, and waits for a file that is never rendered.  Source: sdc-headnode:tools/bin/sdc-ufds-m2s.
    """
    others = [
        each.uuid
        for name, each in datacenter.evidence.applications.get().items()
        if name != "sdc" and each.name == "sdc"
    ]
    assert others == [], "further applications called sdc"


@check(POSTCHANGE, WARNING, after=["sapi-answers"])
def test_sapi_master_is_ufds_master(region: Region) -> None:
    """The SAPI master of a region, whose moray its SAPIs use, is the datacenter that has the UFDS master.

    Manta's tools run where the SAPI master is, and make accounts where the UFDS master is.  The SAPI master is the one that most
    SAPIs agree on.  sapi-points-at-master-moray names those that differ.  Source: SAPI-283; facts "SAPI".
    """
    master = region.world.master
    if master not in region.datacenters:
        pytest.skip(f"the UFDS master is in another region, and SAPI reaches no further than {region.name}")
    seen, unknown = of_each((dc for dc in region.datacenters if dc.state != CANDIDATE), _sapi_master)
    told = [name for name in seen.values() if name != master.name]
    most = max(sorted(set(told)), key=told.count, default="")
    if len(seen) > 1 and 2 * told.count(most) > len(seen):
        raise Finding(
            expected=f"SAPI master: {master.name}, which has the UFDS master",
            observed=f"SAPI master: {most}",
            culprits=[name for name, each in seen.items() if each == most],
        )
    if unknown is not None:
        raise unknown


def _sapi_master(datacenter: Datacenter) -> str:
    """Whose moray a SAPI asks: a datacenter's name (its own if it names none), or what it names if that is nobody's."""
    told = str(datacenter.service_metadata("sapi").values.get("MASTER_MORAY_IP") or "")
    if not told:
        return datacenter.name
    for other in datacenter.world.datacenters:
        if same_name(told, f"moray.{other.name}.{datacenter.dns_domain}"):
            return other.name
    for other in datacenter.world.datacenters:
        if told in {nic.ip for moray in other.zones("moray") for nic in moray.vm.nics}:
            return other.name
    return told


@check(BOTH, CRITICAL, after=["sapi-answers"])
def test_sapi_is_in_full_mode(datacenter: Datacenter) -> None:
    """SAPI works in full mode.

    A head node is set up in proto mode.  In that mode SAPI knows only its own files: no moray, so no master's moray either.
    Source: sdc-sapi:docs/index.md "Modes".
    """
    for sapi in datacenter.zones("sapi"):
        ping = sapi.ping
        if "mode" not in ping.body:
            raise Missing(
                sapi.id, "its mode", "GET /ping", ping.error or f"HTTP {ping.status}, and no mode in the answer"
            )
        assert ping.body["mode"] == "full", f"the mode of {sapi.alias}"


@check(
    POSTCHANGE,
    CRITICAL,
    after=["sapi-answers", "sapi-master-is-ufds-master", After("rendered-files-are-usable", at="sapi")],
)
def test_sapi_points_at_master_moray(replica: Datacenter, master: Datacenter) -> None:
    """The sapi service of every non-master names the master's moray, by DNS name or address, and port 2020.

    Without it manta-init on a replica creates a second poseidon and a second manta application.  Outside the master's region
    SAPI may name none, because SAPI and Manta reach only within a region; and where no Manta is expected, if no other replica of
    the region names one.  A name with a final dot or in capitals is the same name, if SAPI reaches its master by it.
    Source: seed; SAPI-283; RFC 4343.
    """
    _without_a_master(replica)
    metadata = replica.service_metadata("sapi").values
    name = f"moray.{master.name}.{master.dns_domain}"
    address = metadata.get("MASTER_MORAY_IP")
    is_address = address_in(str(address)) is not None
    held = is_address and address in [nic.ip for moray in master.zones("moray") for nic in moray.vm.nics]
    if not held and not _another_spelling(replica, address, name):
        assert address == name, "MASTER_MORAY_IP"
    assert str(metadata.get("MASTER_MORAY_PORT")) == "2020", "MASTER_MORAY_PORT"


def _another_spelling(replica: Datacenter, address: object, name: str) -> bool:
    """Whether it is the same name, and every SAPI of the replica reaches its master by it: binder takes capitals at home only."""
    if address == name or not same_name(address, name):
        return False
    with untouched():
        facts = [sapi.evidence.asks_master for sapi in replica.zones("sapi")]
    return all(
        fact is not None and fact.value is not None and fact.value.status == 200 and fact.value.body.get("found") == 0
        for fact in facts
    )


def _without_a_master(datacenter: Datacenter) -> None:
    """Skips if SAPI asks only its own moray, and needs no other: the master is in another region, or there is no Manta."""
    why = needs_no_master(datacenter)
    if why:
        pytest.skip(why)


@check(POSTCHANGE, CRITICAL, after=["sapi-answers", "sapi-master-is-ufds-master"])
def test_sapi_master_points_at_nobody(master: Datacenter) -> None:
    """The master's sapi service has no MASTER_MORAY_IP or MASTER_MORAY_PORT, or empty ones.

    Otherwise SAPI lists every object twice, manta-init stops at an assertion, and the hash ring cannot be made.  Source: facts
    "SAPI".
    """
    metadata = master.service_metadata("sapi").values
    keys = ("MASTER_MORAY_IP", "MASTER_MORAY_PORT")
    assert {key: metadata[key] for key in keys if metadata.get(key)} == {}


@check(
    POSTCHANGE,
    CRITICAL,
    after=["sapi-points-at-master-moray", "sapi-master-points-at-nobody", "rendered-config-is-current"],
)
def test_sapi_loaded_its_master(sapi: Zone) -> None:
    """SAPI was started after sapi-master.config.json was last written.  It reads only at its start who the master is.

    Otherwise it uses the old master, or none, and silently answers local objects.  rendered-config-is-current judges the content
    of the file.  Source: facts "Rendered config files", "How a real SAPI answers".
    """
    if sapi.file(SAPI_MASTER_CONFIG).differs:
        why = "it differs from the metadata, so it does not matter when SAPI read it"
        raise Missing(sapi.id, SAPI_MASTER_CONFIG, "cat (by zlogin)", why)
    assert sapi.began_before(SAPI_MASTER_CONFIG) == (), f"started before {SAPI_MASTER_CONFIG} was written"


@check(
    POSTCHANGE,
    CRITICAL,
    after=[
        "sapi-answers",
        "sapi-points-at-master-moray",
        "sapi-reaches-master-moray",
        "sapi-loaded-its-master",
        "binder-answers-other-datacenters",
        After("settings-are-not-overridden", at="sapi"),
    ],
)
def test_sapi_reaches_its_master(replica: Datacenter, master: Datacenter) -> None:
    """Each SAPI of a replica answers "none" in time when it is asked, with include_master, for a service that does not exist.

    Only that answer proves that it reaches the master's moray.  For a service that it knows it silently answers local objects.
    Then manta-init makes a second Manta.  Source: facts "How a real SAPI answers"; SAPI-283.
    """
    _without_a_master(replica)
    for sapi in replica.zones("sapi"):
        answer = sapi.asks_master
        message = answer.body.get("message", "")
        if answer.error or answer.status != 200 or message:
            _storages_of(sapi, master)
            said = answer.error or f"HTTP {answer.status} {message}".strip()
            raise Finding(
                expected="HTTP 200",
                observed=f"{said} ({sapi}, asked for a service that only the master's moray can know)",
            )
        assert answer.body.get("found") == 0, f"services that {sapi} finds by a name that does not exist"


def _storages_of(sapi: Zone, master: Datacenter) -> None:
    """Raises Missing if the local moray or the master's is down: then nobody can say which side is at fault."""
    for each in (sapi, *master.zones("sapi")):
        if each.ping.status != 200:
            raise Missing(each.id, f"whether {sapi} reaches its master", "sapi-answers", "its storage does not answer")
