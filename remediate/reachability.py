"""Chapter: reachability.  Give the source its route, or the target its route back.  Otherwise say where to look."""

from __future__ import annotations

from evidence.fact import Missing
from evidence.subjects.links import LOST, STALLED, Link
from evidence.subjects.network.ground import router
from evidence.subjects.network.routes import address_in, covering, has_route, source_address
from evidence.subjects.triton import REPLICATOR
from evidence.subjects.zone import Zone
from remediate import napi
from remediate.actions.globalzone import GlobalRoute
from remediate.durable import destination, route_steps
from remediate.hindered import cleared
from remediate.lookup import headnode, state_of
from remediate.registry import Advised, remedy
from remediate.shell import quote
from remediate.steps import SAFE, Note, acting


@remedy("adminui-reaches-master-ufds")
def let_adminui_reach_the_master(link: Link) -> Advised:
    """Open the path.  adminui uses the master's UFDS as soon as it is connected; nothing must be restarted."""
    yield from open_the_path(link)


@remedy("cloudapi-reaches-master-ufds")
def let_cloudapi_reach_the_master(link: Link) -> Advised:
    """Open the path.  cloudapi's processes keep trying, and haproxy in front of them notices within half a minute (facts)."""
    yield from open_the_path(link)
    yield Note("cloudapi connects by itself, and answers within a minute. If it does not, the next run says so.")


@remedy("ufds-reaches-master-ufds")
def let_ufds_reach_the_master(link: Link) -> Advised:
    """Open the path.  The replicator tries again by itself within half a minute, unless SMF has put it into maintenance."""
    yield from open_the_path(link)
    if state_of(link.source, REPLICATOR) == "maintenance":
        why = "SMF put the replicator into maintenance while the master could not be reached"
        yield from cleared(link.source.datacenter, link.source, why)


@remedy("sapi-reaches-master-moray")
def let_sapi_reach_the_master(link: Link) -> Advised:
    """Open the path.  SAPI connects again by itself."""
    yield from open_the_path(link)


@remedy("binder-reaches-binder")
def let_binder_reach_binder(link: Link) -> Advised:
    """Open the path.  binder asks again for every name."""
    yield from open_the_path(link)


@remedy("electric-moray-reaches-ring-imgapi")
def let_electric_moray_reach_the_ring(link: Link) -> Advised:
    """Open the path.  The zone fetches the ring at its setup; a service in maintenance without a ring is another finding."""
    yield from open_the_path(link)


def open_the_path(link: Link) -> Advised:
    """Add the missing half of the path, forward or back. If both routes are there, say what else may be in the way."""
    host, source = link.host, link.source
    if address_in(host) is None:
        yield Note(
            f"{source.id} must reach {host!r}, which is not an IPv4 address. Is ufds_remote_ip (or the NIC) right?"
        )
        return
    if link.doubt:
        yield Note(link.doubt)
        return
    forward = has_route(source, host)
    if not forward:
        yield from route_steps(source, host, link.target)
    address = source_address(source, host)
    try:
        targets = [zone for zone in link.target_zones if _holds(zone, host)] or list(link.target_zones)
        without = [zone for zone in targets if not has_route(zone, address)]
    except Missing as missing:
        yield Note(f"The suite does not know whether the way back is there: {missing}.")
        return
    if without and not forward:
        names = ", ".join(zone.id for zone in without)
        yield Note(
            f"{names} has no route of its own back to {address}. If it still times out after this step, add that route too."
        )
    elif without:
        for zone in without:
            yield from route_steps(zone, address, source.datacenter)
    elif forward:
        yield from _something_else(link, host, address, targets)


def _holds(zone: Zone, host: str) -> bool:
    return any(nic.ip == host for nic in zone.vm.nics)


def _something_else(link: Link, host: str, address: str, targets: list[Zone]) -> Advised:
    source = link.source
    seen = {probe.result for probe in link.probes if probe.result != "open"}
    for probe in link.measured:
        if probe.result == LOST:
            yield Note(
                f"The network loses packets from {address} to {host}: {probe.detail}. Ask the people who run it."
            )
    if not seen:
        return
    ports = ", ".join(sorted({str(probe.port) for probe in link.probes if probe.result != "open"}, key=int))
    if not any(_holds(zone, host) for zone in targets):
        yield Note(
            f"No {link.kind.target_role} zone of {link.target.name} has the address {host}. Is the address right?"
        )
    if "refused" in seen:
        for zone in targets:
            yield Note(
                f"The path is open, but nothing in {zone.id} listens on port {ports}. On the head node of "
                f"{link.target.name}, svcs -z {quote(zone.vm.uuid)} shows which of its services is not online."
            )
        return
    if seen == {STALLED}:
        yield Note(
            "It opens, which takes small packets alone, and then nothing large arrives: either the service hangs, or the network "
            f"between the zones loses packets of full size. To see which, in {source.id}: ping -s -n {host} 1472 1"
        )
        return
    if not seen & {"timeout", "noroute"}:
        said = sorted({probe.detail or probe.result for probe in link.probes if probe.result != "open"})
        yield Note(f"The routes are there, and the result does not point to lost packets: {', '.join(said)}.")
        return
    hop = covering(link.source.routes, host)
    way = f" by way of {link.source.routes[hop]}" if hop is not None else ""
    yield Note(
        f"Both zones have their routes, so packets are lost between them. Ask the people who run the network: "
        f"{address} must reach {host}{way} on port {ports}, and the answers must come back."
    )


@remedy("headnode-reaches-master-ufds")
def let_the_head_node_reach_the_master(link: Link) -> Advised:
    """Set the route with route(8); it lasts until the next boot. A global zone is not a VM, so net-agent does not serve it."""
    datacenter, host = link.source.datacenter, link.host
    if link.doubt:
        yield Note(link.doubt)
        return
    if any(probe.route.partition(" ")[0] not in ("default", "none", "unknown", "") for probe in link.probes):
        yield Note(
            f"The head node has a route to {host}, so its packets are lost on the way, or the answers do not come back: "
            f"{link.source.address('admin')} must reach {host} on port {link.kind.port}. Ask the people who run the network."
        )
        return
    admin = next((net for net in datacenter.networks.values() if net.name == "admin"), None)
    known = covering(admin.routes, host) if admin is not None else None
    via = (admin.routes[known] if known else router(datacenter, admin)) if admin is not None else None
    key = known or destination(host, link.target)
    if via is None or not (napi.is_destination(key) and napi.is_address(via)):
        yield Note(
            f"Nothing in {datacenter.name} shows which router leads to {host}. Find out its address, and add a route."
        )
        return
    yield acting(
        headnode(datacenter),
        GlobalRoute(key, via),
        risk=SAFE,
        why=f"the global zone has no route to {host}; NAPI gives routes to the zones, but not to the global zone",
    )
    yield Note(
        "The global zone runs from a RAM disk, so the route is gone at the next boot (with route -p, too). To make it last, add "
        "an SMF service to /opt/custom/smf that sets it at boot."
    )
