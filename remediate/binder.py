"""Chapter: binder and DNS.  Get binder's own configuration back, and its names answered."""

from __future__ import annotations

from evidence.subjects import Zone
from remediate.lookup import application, changed_metadata, fmris, headnode, service
from remediate.names import BINDER, restart_binder
from remediate.registry import Advised, remedy
from remediate.shell import sapi_delete, sapi_restore, zone_service
from remediate.steps import DISRUPTIVE, RESTARTS, Note, Step


@remedy("binder-region-agrees")
def render_the_region_again(binder: Zone) -> Advised:
    """The file was edited, or binder's datacenter has other names in SAPI: the metadata first, then the file."""
    datacenter, proof = binder.datacenter, (f"binder-region-agrees[{binder.id}]",)
    wanted = {"region_name": datacenter.declared.region, "dns_domain": datacenter.dns_domain}
    yield from _metadata(binder, wanted, proof)
    yield restart_binder(binder, "recursion.regionName", wanted["region_name"], proof)


@remedy("binder-names-its-own-datacenter")
def render_its_own_name_again(binder: Zone) -> Advised:
    """Likewise with the datacenter's own name and the address of its UFDS."""
    datacenter, proof = binder.datacenter, (f"binder-names-its-own-datacenter[{binder.id}]",)
    suffix = f"{datacenter.name}.{datacenter.dns_domain}"
    yield from _metadata(binder, {"datacenter_name": datacenter.name, "ufds_domain": f"ufds.{suffix}"}, proof)
    yield restart_binder(binder, "recursion.ufds.url", f"ldaps://ufds.{suffix}", proof)


def _metadata(binder: Zone, wanted: dict[str, str], proof: tuple[str, ...]) -> Advised:
    sdc = application(binder.datacenter)
    differ = {key: value for key, value in wanted.items() if sdc.metadata.values.get(key) != value}
    if differ:
        yield changed_metadata(
            binder.datacenter,
            sdc,
            differ,
            risk=DISRUPTIVE,
            why="SAPI's metadata, from which binder's file is rendered, says otherwise",
            proof=proof,
        )
    own = service(binder.datacenter, "binder")
    hiding = tuple(key for key in sorted(wanted) if key in own.metadata.values)
    if hiding:
        yield Step(
            on=headnode(binder.datacenter),
            run=sapi_delete(own.uuid, hiding),
            risk=DISRUPTIVE,
            why=f"the service binder has {', '.join(hiding)} of its own in SAPI, which hides that of the application sdc",
            undo=sapi_restore(own.uuid, own.metadata.values, hiding),
            proof=proof,
        )


@remedy("binder-answers-own-names")
def get_names_answered(binder: Zone) -> Advised:
    """SERVFAIL: ZooKeeper was away when binder started; REFUSED: nobody registered; else binder itself (facts)."""
    datacenter, on = binder.datacenter, headnode(binder.datacenter)
    proof = (f"binder-answers-own-names[{binder.id}]",)
    bad = {name: answer for name, answer in sorted(binder.names.items()) if not answer.addresses}
    codes = {answer.rcode for answer in bad.values()}
    if codes == {"REFUSED"}:
        for name in bad:
            for zone in datacenter.zones(name.partition(".")[0]):
                yield Step(
                    on=on,
                    run=zone_service("restart", zone.vm.uuid, "svc:/manta/application/registrar:default"),
                    risk=RESTARTS,
                    why=f"nobody is registered as {name}; registrar in {zone.alias} does that at its start",
                    proof=proof,
                )
        return
    run = zone_service("restart", binder.vm.uuid, BINDER)
    zookeeper = fmris(binder, "zookeeper")
    if "SERVFAIL" in codes and zookeeper:
        run = zone_service("restart", binder.vm.uuid, *zookeeper) + "\n" + run
    yield Step(
        on=on,
        run=run,
        risk=RESTARTS,
        why="binder that was started without ZooKeeper answers SERVFAIL until it is restarted"
        if "SERVFAIL" in codes
        else "binder does not answer, though its service runs",
        proof=proof,
    )
    yield Note("Names of the datacenter are not answered for a second or two.")
