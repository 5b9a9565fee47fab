"""Chapter: cloudapi and adminui.  Restart what runs and does not answer; read what Triton's own checks say."""

from __future__ import annotations

from evidence.subjects import Zone
from remediate.lookup import fmris, headnode
from remediate.registry import Advised, remedy
from remediate.shell import zone_service
from remediate.steps import RESTARTS, Note, Step

_NOT_TO_RESTART = ("config-agent", "registrar", "ufds-replicator")


@remedy("cloudapi-answers")
def restart_cloudapi(cloudapi: Zone) -> Advised:
    """500 is still starting, 503 says that haproxy has no process left (facts "cloudapi, adminui, muskie")."""
    ping = cloudapi.ping
    said = {500: "still starting: it waits for its own and the master's UFDS", 503: "all its processes are down"}
    why = said.get(ping.status) or ping.error or f"HTTP {ping.status}"
    yield _restart(cloudapi, "cloudapi-answers", fmris(cloudapi, "/application/cloudapi:", "haproxy"), why)
    yield Note("It is away for half a minute. If it stays so, its log names the UFDS that it cannot use.")


@remedy("adminui-answers")
def restart_adminui(adminui: Zone) -> Advised:
    """It hangs while it has no UFDS at all; a restart connects anew."""
    ping = adminui.ping
    why = ping.error or (f"HTTP {ping.status}" if ping.status != 200 else "it is connected to no UFDS")
    yield _restart(adminui, "adminui-answers", fmris(adminui, "/application/adminui:"), why)


@remedy("core-services-are-healthy")
def ask_what_is_unhealthy(zone: Zone) -> Advised:
    """Comes last, and only when no other check explains it: read the reason, then restart the zone's services."""
    uuid = zone.vm.uuid
    said = [error for row in zone.datacenter.check_health if row.instance == uuid for error in row.errors]
    rows = [row for row in zone.datacenter.healthcheck if row.role == zone.role and row.status != "online"]
    said += [f"sdc-healthcheck says {row.status}" for row in rows]
    yield Note(
        f"Ask again first, on the head node of {zone.datacenter.name}: sdcadm check-health {zone.role}, and "
        f"sdc-healthcheck -p. They said: {'; '.join(said) or 'no reason'}. After a while without use its first answer"
        " can be wrong."
    )
    if zone.role == "cloudapi" and any(row.status == "error" for row in rows):
        yield Note(
            "sdc-healthcheck signs its request with the datacenter's own key: on a replica it says error until that "
            "key is one of admin's keys on the master, however good the routes are."
        )
    own = tuple(f for f in fmris(zone, "/application/") if not any(part in f for part in _NOT_TO_RESTART))
    if own:
        yield _restart(zone, "core-services-are-healthy", own, "if it is still unhealthy when asked again")


def _restart(zone: Zone, check: str, services: tuple[str, ...], why: str) -> Step:
    return Step(
        on=headnode(zone.datacenter),
        run=zone_service("restart", zone.vm.uuid, *services),
        risk=RESTARTS,
        why=why,
        proof=(f"{check}[{zone.id}]",),
    )
