"""Chapter: SAPI across datacenters.  Point every SAPI except the master's at the master's moray."""

from __future__ import annotations

from evidence.inventory.model import REPLICA
from evidence.model import SapiObject
from evidence.subjects.datacenter import Datacenter
from evidence.subjects.world import Region
from evidence.subjects.zone import Zone
from remediate import typed
from remediate.copies import application_removed
from remediate.lookup import application, changed_metadata, fmris, headnode, service, service_step
from remediate.registry import Advised, proved_by, remedy
from remediate.steps import DESTROYS, DISRUPTIVE, RESTARTS, Note, Step

_RENDERED = "config-agent renders it within three minutes and restarts SAPI"


@remedy("sapi-answers")
def get_sapi_to_answer(sapi: Zone) -> Advised:
    """500 with storAvailable false: restart the local moray.  No answer: moray or SAPI.  Otherwise: SAPI (facts "How a real
    SAPI answers").
    """
    ping = sapi.ping
    without_storage = bool(ping.status) and ping.body.get("storAvailable") is False
    if without_storage or ping.status == 0:
        said = (
            "SAPI answers, but cannot use its storage"
            if without_storage
            else "SAPI hangs, as it does while its storage hangs"
        )
        for moray in sapi.datacenter.zones("moray"):
            why = f"{said}, the local moray ({moray.alias})"
            yield service_step(moray, "restart", why, *fmris(moray, "/application/moray:"))
    if without_storage:
        yield Note("If this does not help, look at the database below moray: manatee-adm show in a manatee zone.")
        return
    why = f"SAPI does not answer ({ping.error or f'HTTP {ping.status}'}), though its service runs"
    yield service_step(sapi, "restart", why, *fmris(sapi, "/application/sapi:"))


@remedy("one-sdc-application")
def leave_one_sdc(datacenter: Datacenter) -> Advised:
    """Delete the applications that no service belongs to. SAPI keeps nothing of them, so the command does."""
    others = [
        each for name, each in datacenter.evidence.applications.get().items() if name != "sdc" and each.name == "sdc"
    ]

    def without(other: SapiObject) -> Advised:
        yield Step(
            on=headnode(datacenter),
            run=application_removed(other.uuid),
            risk=DESTROYS,
            why=f"{application(datacenter).uuid} has more of the settings of `sdc`; the other one goes only if it has no instances",
            undo_note="what SAPI said of it is in the copies below /var/az-copies",
            applied_by_suite=False,
        )

    yield from typed.each(datacenter.world, others, without)
    yield Note(
        "Look at both first (sdc-sapi '/applications?name=sdc'). What the other one has, and this one lacks, may be meant."
    )


@remedy("sapi-is-in-full-mode")
def leave_proto_mode(datacenter: Datacenter) -> Advised:
    """Set full mode, as a head node's setup does at its end (sdc-headnode:scripts/headnode.sh)."""
    yield Step(
        on=headnode(datacenter),
        run="sdc-sapi '/mode?mode=full' -X POST --fail",
        risk=DISRUPTIVE,
        why="SAPI writes its objects from files into moray, and works with moray from then on",
        undo_note="none: SAPI does not go back to proto mode",
        applied_by_suite=False,
    )


@remedy("sapi-points-at-master-moray")
def point_sapi_at_master_moray(replica: Datacenter, master: Datacenter) -> Advised:
    """Set the DNS name of the master's moray, as recommended, with port 2020 (facts "SAPI"; SAPI-283)."""
    yield changed_metadata(
        replica,
        service(replica, "sapi"),
        {"MASTER_MORAY_IP": typed.dns_name(f"moray.{master.name}.{master.dns_domain}"), "MASTER_MORAY_PORT": "2020"},
        risk=RESTARTS,
        why=f"SAPI of {replica.name} then reads Manta's application from {master.name}; {_RENDERED}",
    )


@remedy("sapi-master-points-at-nobody")
def point_the_master_at_nobody(master: Datacenter) -> Advised:
    """Set empty values: they count as unset in SAPI's template (facts "SAPI")."""
    yield changed_metadata(
        master,
        service(master, "sapi"),
        {"MASTER_MORAY_IP": "", "MASTER_MORAY_PORT": ""},
        risk=RESTARTS,
        why=f"{master.name} is the master: its SAPI asks itself again and shows every object twice; {_RENDERED}",
    )


@remedy("sapi-master-is-ufds-master")
def move_the_sapi_master(region: Region) -> Advised:
    """Change the metadata, before Manta is deployed.  No tool moves a SAPI master afterwards (facts "SAPI")."""
    master = region.world.master
    for datacenter in region.datacenters:
        if datacenter.state == REPLICA:
            steps = point_sapi_at_master_moray(datacenter, master)
            yield from proved_by(steps, f"sapi-points-at-master-moray[{datacenter.id}]")
    yield from proved_by(point_the_master_at_nobody(master), f"sapi-master-points-at-nobody[{master.id}]")
    yield Note(
        "If a Manta is already deployed, its objects are in the moray of the present SAPI master, and no tool moves them. "
        "Then type none of these steps, and waive this warning."
    )


@remedy("sapi-loaded-its-master")
def have_sapi_load_its_master(sapi: Zone) -> Advised:
    """Restart SAPI: it reads its file only at its start (facts "Rendered config files")."""
    yield _restart(sapi, "it still runs with the old file")


@remedy("sapi-reaches-its-master")
def get_sapi_to_its_master(replica: Datacenter) -> Advised:
    """Restart SAPI.  The way is open (else a link would be the cause), so SAPI's connection or the master's moray is stuck."""
    for sapi in replica.zones("sapi"):
        answer = sapi.asks_master
        if answer.error or answer.status != 200:
            said = answer.error or f"HTTP {answer.status}"
            yield _restart(sapi, f"it does not answer when asked for objects of the master ({said})")
    yield Note(
        f"If this does not help, look at moray in {replica.master}: it listens, but may not answer. The SAPI there would be slow too."
    )


def _restart(sapi: Zone, why: str) -> Step:
    told = f"{why}; at its start SAPI in {sapi.alias} reads who the master is, and connects again"
    return service_step(sapi, "restart", told, *fmris(sapi, "/application/sapi:"))
