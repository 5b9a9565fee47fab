"""Chapter: binder and DNS.  Restore binder's own configuration, and get its names answered."""

from __future__ import annotations

from evidence.model import Registered
from evidence.subjects.datacenter import Datacenter
from evidence.subjects.links import Link
from evidence.subjects.triton import BINDER, BINDER_CONFIG, REGISTRAR, role_of
from evidence.subjects.zone import Zone
from remediate import typed
from remediate.actions.ldap import Attributes, LdapAdd
from remediate.actions.smf import Smf
from remediate.lookup import (
    application,
    changed_metadata,
    fmris,
    headnode,
    service,
    service_step,
    state_of,
    without_metadata,
)
from remediate.names import restart_binder
from remediate.registry import Advised, remedy
from remediate.steps import DISRUPTIVE, RESTARTS, SAFE, Note, Step, acting

WAITED_MS = 2500


@remedy("binder-region-agrees")
def render_the_region_again(binder: Zone) -> Advised:
    """Correct the names in SAPI's metadata if they are wrong, then render binder's file again."""
    datacenter = binder.datacenter
    wanted = {
        "region_name": typed.name(datacenter.declared.region),
        "dns_domain": typed.dns_name(datacenter.dns_domain),
    }
    yield from _metadata(binder, wanted)
    keys = {
        "recursion.regionName": wanted["region_name"],
        "dnsDomain": wanted["dns_domain"],
        "recursion.dnsDomain": wanted["dns_domain"],
    }
    yield restart_binder(binder, *_wrong(binder, keys))


@remedy("binder-names-its-own-datacenter")
def render_its_own_name_again(binder: Zone) -> Advised:
    """Correct the datacenter's own name and the address of its UFDS in SAPI if they are wrong, then render binder's file again."""
    datacenter = binder.datacenter
    suffix = typed.dns_name(f"{datacenter.name}.{datacenter.dns_domain}")
    yield from _metadata(binder, {"datacenter_name": datacenter.name, "ufds_domain": f"ufds.{suffix}"})
    keys = {
        "recursion.ufds.url": f"ldaps://ufds.{suffix}",
        "datacenterName": datacenter.name,
        "recursion.datacenterName": datacenter.name,
    }
    yield restart_binder(binder, *_wrong(binder, keys))


def _wrong(binder: Zone, keys: dict[str, str]) -> tuple[str, str]:
    """A setting of binder's file that must change, so that a command can wait for it; the first one if none must."""
    file = binder.files.get(BINDER_CONFIG)
    settings = file.settings if file else {}
    return next((item for item in keys.items() if settings.get(item[0]) != item[1]), next(iter(keys.items())))


@remedy("binder-runs-its-config")
def restart_with_its_config(binder: Zone) -> Advised:
    """Only a restart makes binder read its file (facts, hazard 7)."""
    why = (
        f"binder in {binder.alias} reads its file only at its start; DNS of the datacenter is away for a second or two"
    )
    yield service_step(binder, "restart", why, BINDER)


def _metadata(binder: Zone, wanted: dict[str, str]) -> Advised:
    sdc = application(binder.datacenter)
    differ = {key: value for key, value in wanted.items() if sdc.metadata.values.get(key) != value}
    if differ:
        yield changed_metadata(
            binder.datacenter,
            sdc,
            differ,
            risk=DISRUPTIVE,
            why="binder's file is rendered from SAPI's metadata, and the metadata is wrong",
        )
    own = service(binder.datacenter, "binder")
    hiding = tuple(key for key in sorted(wanted) if key in own.metadata.values)
    if hiding:
        why = (
            f"the service binder has its own {', '.join(hiding)} in SAPI, which hides the value of the application sdc"
        )
        yield without_metadata(binder.datacenter, own, hiding, risk=DISRUPTIVE, why=why)


@remedy("binder-answers-own-names")
def get_names_answered(binder: Zone) -> Advised:
    """SERVFAIL: ZooKeeper was away when binder started.  REFUSED: nobody has registered.  Anything else: binder itself (facts)."""
    bad = {name: answer for name, answer in sorted(binder.names.items()) if not answer.addresses}
    codes = {answer.rcode for answer in bad.values()}
    if codes == {"REFUSED"}:
        for name in bad:
            role = role_of(name.partition(".")[0])
            for zone in binder.datacenter.zones(role) if role else ():
                why = f"nobody is registered as {name}; registrar in {zone.alias} registers it at its start"
                if state_of(zone, REGISTRAR) is not None:
                    yield service_step(zone, "restart", why, REGISTRAR)
                else:
                    yield Note(
                        f"Nobody is registered as {name}, and {zone.id} was not seen to have a registrar: svcs -z {zone.vm.uuid}."
                    )
        return
    zookeeper = fmris(binder, "zookeeper") if "SERVFAIL" in codes else ()
    before = [Smf(binder.vm.uuid, "restart", zookeeper)] if zookeeper else []
    yield acting(
        headnode(binder.datacenter),
        *before,
        Smf(binder.vm.uuid, "restart", (BINDER,)),
        risk=RESTARTS,
        why="a binder that was started without ZooKeeper answers SERVFAIL until it is restarted"
        if "SERVFAIL" in codes
        else "binder does not answer, though its service runs",
    )
    yield Note("Names of the datacenter are not answered for a second or two.")


@remedy("binder-is-listed-as-resolver")
def list_the_resolvers_again(datacenter: Datacenter, master: Datacenter) -> Advised:
    """Adds the entries as the master has them.  Replication does not send them a second time."""
    region = datacenter.declared.region
    own = {entry.datacenter: entry for ufds in datacenter.zones("ufds") for entry in ufds.directory.datacenters}
    listed = [entry for ufds in master.zones("ufds") for entry in ufds.directory.datacenters if entry.region == region]

    def add_the_lost(entry: Registered) -> Advised:
        here = own.get(entry.datacenter)
        wanted = set(entry.resolvers)
        if datacenter == master:  # nobody else can tell: what the zones have
            wanted = {zone.address("admin") for dc in (master, *master.peers) if dc.name == entry.datacenter
                      for zone in dc.zones("binder")}  # fmt: skip
        lost = sorted(wanted - set(here.resolvers if here is not None else ()))
        if not lost:
            return
        entries = _entries(region, entry.datacenter, here, lost)
        yield acting(
            headnode(datacenter),
            *entries,
            risk=SAFE,
            why=f"every binder of {entry.datacenter} must be listed; replication brings the entry to the replicas"
            if datacenter == master
            else f"the UFDS of {datacenter.name} has lost entries of {entry.datacenter} that the master's has",
        )

    yield from typed.each(datacenter.world, listed, add_the_lost)
    for binder in datacenter.zones("binder") if datacenter != master else ():
        yield _read_again(binder, "binder reads its resolvers at its start, and every five minutes")


def _entries(region: str, name: str, here: Registered | None, lost: list[str]) -> list[LdapAdd]:
    """The entries of a datacenter's resolvers, with the entries above them that are missing."""
    where = f"datacenter={name}, region={region}, o=smartdc"
    common: Attributes = {"o": ("smartdc",), "region": (region,), "datacenter": (name,)}
    entries = [] if here is not None else [LdapAdd(where, {"objectclass": ("datacenter",), **common})]
    if here is None or not here.network:
        network: Attributes = {"objectclass": ("network",), **common, "network": ("admin",)}
        entries.append(LdapAdd(f"network=admin, {where}", network))
    for ip in map(typed.address, lost):
        resolver: Attributes = {"objectclass": ("resolver",), **common, "network": ("admin",), "ip": (ip,)}
        entries.append(LdapAdd(f"ip={ip}, network=admin, {where}", resolver))
    return entries


@remedy("binder-has-read-its-resolvers")
def read_the_resolvers_again(binder: Zone) -> Advised:
    """Restart binder: it reads them at its start.  If it cannot, its log says why."""
    yield _read_again(binder, "it has none of the resolvers that its UFDS lists")
    yield Note(
        "If that does not help, binder's log says why its UFDS refuses it: bindDN and bindPassword in config.json."
    )


@remedy("binder-answers-other-datacenters")
def get_others_answered(link: Link) -> Advised:
    """The delay shows the cause.  At once: this binder has nobody to ask.  After 3 s: nobody over there answers."""
    if any(answer.ms >= WAITED_MS for answer in link.answers.values()):
        yield Note(
            f"{link.source} asked and waited 3 s without an answer, though the port is open. Look at the load and the log of the "
            f"binders of {link.target}, and check whether answers over 512 bytes get through by UDP."
        )
        return
    yield _read_again(link.source, f"it has no resolver of {link.target}, though its UFDS lists one")


def _read_again(binder: Zone, why: str) -> Step:
    told = f"{why} ({binder.alias}); names of the datacenter are not answered for a second or two"
    return service_step(binder, "restart", told, BINDER)
