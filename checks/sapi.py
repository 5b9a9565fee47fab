"""Chapter: SAPI across datacenters.  Every SAPI answers, and all but the master's ask the master's moray."""

from evidence.subjects import Datacenter, Zone
from fixtures.check import BOTH, CRITICAL, POSTCHANGE, check


@check(BOTH, CRITICAL, after=["services-run", "services-run@moray"])
def test_sapi_answers(sapi: Zone) -> None:
    """SAPI answers `/ping` with 200, and its storage (the local moray) is available.

    Lists answer 200 from local files even when moray is down: only /ping tells.  Source: facts "How a real SAPI answers".
    """
    ping = sapi.ping
    assert ping.status == 200, ping.error or f"storAvailable {ping.body.get('storAvailable')}"
    assert ping.body.get("storAvailable") is True, "storAvailable"


@check(POSTCHANGE, CRITICAL, after=["sapi-answers"])
def test_sapi_points_at_master_moray(replica: Datacenter, master: Datacenter) -> None:
    """The sapi service of every non-master names the master's moray, by DNS name or address, and port 2020.

    Without it manta-init on a replica creates a second poseidon and a second manta application.  Source: seed; SAPI-283.
    """
    metadata = replica.service_metadata("sapi").values
    name = f"moray.{master.name}.{master.dns_domain}"
    accepted = {*(nic.ip for moray in master.zones("moray") for nic in moray.vm.nics)}
    address = metadata.get("MASTER_MORAY_IP")
    if address not in accepted:
        assert address == name, "MASTER_MORAY_IP"
    assert str(metadata.get("MASTER_MORAY_PORT")) == "2020", "MASTER_MORAY_PORT"


@check(POSTCHANGE, CRITICAL, after=["sapi-answers"])
def test_sapi_master_points_at_nobody(master: Datacenter) -> None:
    """The master's sapi service has no MASTER_MORAY_IP or MASTER_MORAY_PORT, or empty ones.

    Otherwise every object comes twice, manta-init asserts, and the hash ring cannot be made.  Source: facts "SAPI".
    """
    metadata = master.service_metadata("sapi").values
    keys = ("MASTER_MORAY_IP", "MASTER_MORAY_PORT")
    assert {key: metadata[key] for key in keys if metadata.get(key)} == {}
