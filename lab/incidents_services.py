"""Faults of servers and head nodes that answer, but not as they should: late, half, nonsense, with an old certificate."""

# ruff: noqa: ARG001  all plantings have one signature

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lab import data, roots, tls
from lab.faults import Target, Undo, UnknownFaultError, fault
from lab.machine import Machine

if TYPE_CHECKING:
    from lab.daemon import Lab

SLOW = 400.0  # seconds on the lab's clock: longer than somebody who waits for one answer likes to wait
HEADNODE_SLOW = 200.0
CLOCK_OFF = 900  # seconds; cloudapi and adminui refuse signatures that are off by more than 300
HTTP_ROLES = ("sapi", "cloudapi", "adminui", "fwapi", "napi", "imgapi", "cnapi", "vmapi", "mahi")
MISBEHAVING = ("ufds", "binder", "moray", *HTTP_ROLES)
HOSTILE = "x\x1b[31m\x07<script>alert(1)</script>\"'`id`$(touch /tmp/owned); &amp; \u202e\\"
UFDS_MODES = {"freeze": "hang"}


async def misbehave(lab: Lab, target: Target, how: str) -> Undo:
    """Makes the server of a zone misbehave.  A restart of the service ends it, except before cloudapi: that is its
    haproxy, which restarts with the zone only."""
    zone, shared = target.machine.zone, lab.shared[target.site.datacenter.name]
    delay = SLOW * lab.clock.factor
    if zone.role == "ufds":
        await lab.ufds.mode(zone.id, UFDS_MODES.get(how, how), delay)
        return lambda: lab.ufds.mode(zone.id, "normal")
    if zone.role not in MISBEHAVING:
        raise UnknownFaultError(f"{zone.id}: none of {', '.join(MISBEHAVING)}")
    if zone.role == "binder" and how == "endless":
        raise UnknownFaultError(f"{zone.id}: a DNS answer says how long it is, and so it ends")
    # moray has a process for each port; the others' one server is known by the zone.
    servers: list[Any] = [server for name, server in shared.servers.items() if f"{name}.".startswith(f"{zone.id}.")]
    if zone.role == "cloudapi":
        servers = [shared.servers[zone.id]]
    for server in servers:
        server.misbehaviour = how
        getattr(server, "http", server).slow_seconds = delay

    async def undo() -> None:
        for server in servers:
            server.misbehaviour = None

    return undo


@fault("service-hangs", "zone", "my-dc-1.napi0")
async def service_hangs(lab: Lab, target: Target) -> Undo:
    """The service (sapi, cloudapi, adminui, napi, ufds, moray, binder) accepts requests and answers none: a process that is stopped, or
    waits for ever for another one."""
    return await misbehave(lab, target, "freeze")


@fault("service-slow", "zone", "my-dc-1.napi0")
async def service_slow(lab: Lab, target: Target) -> Undo:
    """The service (sapi, cloudapi, adminui, napi, ufds, moray, binder) answers rightly, but after seconds: its moray has lost an index,
    or the head node swaps."""
    return await misbehave(lab, target, "slow")


@fault("service-cut", "zone", "my-dc-1.sapi0")
async def service_cut(lab: Lab, target: Target) -> Undo:
    """The service (sapi, cloudapi, adminui, napi, ufds, moray, binder) closes the connection in the middle of each answer: a process
    that dies of memory and is started again, a proxy with too short a timeout."""
    return await misbehave(lab, target, "cut")


@fault("service-garbage", "zone", "my-dc-1.sapi0")
async def service_garbage(lab: Lab, target: Target) -> Undo:
    """What listens on the port of the service (sapi, cloudapi, adminui, napi, ufds, moray, binder) speaks another protocol: a port that
    was forwarded wrongly, another program on the address."""
    return await misbehave(lab, target, "garbage")


@fault("service-endless", "zone", "my-dc-1.adminui0")
async def service_endless(lab: Lab, target: Target) -> Undo:
    """The answers of the service (sapi, cloudapi, adminui, napi, ufds, moray) never end: a loop in paging, a broken proxy.
    Whoever reads to the end reads for ever."""
    return await misbehave(lab, target, "endless")


@fault("certificate-expired", "zone", "my-dc-3.cloudapi0")
async def certificate_expired(lab: Lab, target: Target) -> Undo:
    """The certificate of cloudapi, adminui or ufds has expired a day ago: it was made at setup, and nobody renewed it.  Triton's
    own clients verify nothing and go on; browsers and the CLI of the customers do not."""
    zone, shared = target.machine.zone, lab.shared[target.site.datacenter.name]
    folder = roots.RUN / "tls"
    expired = tls.make_certificate(folder, f"{zone.id}-expired", expired=True)
    good = (folder / "server.crt", folder / "server.key")
    if zone.role == "ufds":
        front = shared.ufds[zone.alias]
        await front.use_certificate(*expired)
        return lambda: front.use_certificate(*good)
    if zone.role not in ("cloudapi", "adminui"):
        raise UnknownFaultError(f"{zone.id}: certificates of cloudapi, adminui and ufds only")
    server: Any = shared.servers[zone.id]
    await server.use_tls(tls.server_context(*expired))
    return lambda: server.use_tls(tls.server_context(*good))


# ---- head nodes


@fault("headnode-slow", "datacenter", "my-dc-3")
async def headnode_slow(lab: Lab, target: Target) -> Undo:
    """Whatever is typed into the head node begins after seconds only: it swaps, or sshd waits for a DNS server that is
    gone."""
    server = lab.ssh[target.site.datacenter.name]
    server.delay = HEADNODE_SLOW

    async def undo() -> None:
        server.delay = 0.0

    return undo


@fault("clock-off", "datacenter", "my-dc-3")
async def clock_off(lab: Lab, target: Target) -> Undo:
    """The head node's clock, which is that of its zones too, is a quarter of an hour ahead, as `date` says: NTP lost its
    servers.  Signatures that are off by five minutes are refused by the other datacenters."""
    for machine in target.site.machines:
        _date(machine).unlink()
        _date(machine).write_text(
            "#!/usr/bin/bash\n# A clock that is off; the kernel's cannot be, it is the host's.\n"
            f'exec /.lab/bin/date -d "@$(( $(/.lab/bin/date +%s) + {CLOCK_OFF} ))" "$@"\n',
            encoding="utf-8",
        )
        _date(machine).chmod(0o755)

    async def undo() -> None:
        for machine in target.site.machines:
            _date(machine).unlink()
            _date(machine).symlink_to("/.lab/bin/date")

    return undo


def _date(machine: Machine) -> Any:
    return machine.root / "usr/bin/date"


# ---- hostile strings


@fault("hostile-alias", "zone", "my-dc-1.moray0")
async def hostile_alias(lab: Lab, target: Target) -> Undo:
    """The zone's alias, in vmadm and in SAPI, holds terminal escapes, HTML, quotes and `$()`: SmartOS checks nothing, and
    a report that prints it as it is belongs to whoever chose it."""
    machine = target.machine
    instances = lab.shared[target.site.datacenter.name].store.bucket("instances")
    params = instances[machine.zone.uuid]["params"]
    machine.alias = params["alias"] = HOSTILE

    async def undo() -> None:
        machine.alias = params["alias"] = machine.zone.alias

    return undo


@fault("hostile-metadata", "datacenter", "my-dc-1")
async def hostile_metadata(lab: Lab, target: Target) -> None:
    """Metadata of application `sdc` and of service `cloudapi` holds terminal escapes, HTML, quotes and `$()`, in a value
    and in a key: SAPI takes any string, and whoever may write it is not always the operator."""
    metadata = lab.sdc(target.site.datacenter.name)["metadata"]
    metadata["datacenter_company_name"] = metadata[HOSTILE] = HOSTILE
    uuid = data.service_uuid(target.site.datacenter, "cloudapi")
    services = lab.shared[target.site.datacenter.name].store.bucket("services")
    services[uuid]["metadata"]["DC_NOTE"] = HOSTILE


@fault("sdcadm-config", "datacenter", "my-dc-3")
async def sdcadm_config(lab: Lab, target: Target) -> None:
    """sdcadm's own settings were edited by hand and are no JSON any more: none of its commands works."""
    settings = target.machine.root / "var/sdcadm/sdcadm.conf"
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text('{"updatesServerUrl": "https://updates.example.com",}\n', encoding="utf-8")
