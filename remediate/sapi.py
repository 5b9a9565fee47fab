"""Chapter: SAPI across datacenters.  Point every SAPI but the master's at the master's moray."""

from __future__ import annotations

from evidence.subjects import Datacenter, Zone
from remediate.lookup import changed_metadata, fmris, headnode, service
from remediate.registry import Advised, remedy
from remediate.shell import zone_service
from remediate.steps import RESTARTS, Note, Step

_RENDERED = "config-agent renders it within three minutes and restarts SAPI"


@remedy("sapi-answers")
def get_sapi_to_answer(sapi: Zone) -> Advised:
    """500 with storAvailable false is the local moray; anything else SAPI itself (facts "How a real SAPI answers")."""
    proof, on = (f"sapi-answers[{sapi.id}]",), headnode(sapi.datacenter)
    ping = sapi.ping
    if ping.status and ping.body.get("storAvailable") is False:
        for moray in sapi.datacenter.zones("moray"):
            yield Step(
                on=on,
                run=zone_service("restart", moray.vm.uuid, *fmris(moray, "/application/moray:")),
                risk=RESTARTS,
                why=f"SAPI answers, but cannot use its storage, the local moray ({moray.alias})",
                proof=proof,
            )
        yield Note("If that does not help, look at the database below moray: manatee-adm show in a manatee zone.")
        return
    yield Step(
        on=on,
        run=zone_service("restart", sapi.vm.uuid, *fmris(sapi, "/application/sapi:")),
        risk=RESTARTS,
        why=f"SAPI does not answer ({ping.error or f'HTTP {ping.status}'}), though its service runs",
        proof=proof,
    )


@remedy("sapi-points-at-master-moray")
def point_sapi_at_master_moray(replica: Datacenter, master: Datacenter) -> Advised:
    """A DNS name is recommended, and the port must be 2020 then (facts "SAPI"; SAPI-283)."""
    yield changed_metadata(
        replica,
        service(replica, "sapi"),
        {"MASTER_MORAY_IP": f"moray.{master.name}.{master.dns_domain}", "MASTER_MORAY_PORT": "2020"},
        risk=RESTARTS,
        why=f"SAPI of {replica.name} then reads Manta's application from {master.name}; {_RENDERED}",
        proof=(f"sapi-points-at-master-moray[{replica.id}]",),
    )


@remedy("sapi-master-points-at-nobody")
def point_the_master_at_nobody(master: Datacenter) -> Advised:
    """Empty values count as unset in SAPI's template (facts "SAPI")."""
    yield changed_metadata(
        master,
        service(master, "sapi"),
        {"MASTER_MORAY_IP": "", "MASTER_MORAY_PORT": ""},
        risk=RESTARTS,
        why=f"{master.name} is the master: asking itself again, its SAPI shows every object twice; {_RENDERED}",
        proof=(f"sapi-master-points-at-nobody[{master.id}]",),
    )
