"""Chapter: cloudapi and adminui.  Restart services that run but do not answer.  Read what Triton's own checks say."""

from __future__ import annotations

import json
from collections import Counter

from evidence.fact import Missing
from evidence.subjects.datacenter import Datacenter, of_each
from evidence.subjects.listings import foreign_urls, shared_urls
from evidence.subjects.zone import Zone
from remediate import typed
from remediate.copies import file_back, files_kept, files_removed
from remediate.lookup import (
    application,
    changed_metadata,
    fmris,
    headnode,
    metadata_of,
    service,
    service_step,
    without_metadata,
)
from remediate.registry import Advised, remedy
from remediate.steps import DISRUPTIVE, RESTARTS, SAFE, Note, Step, acting

SDCADM_CONF = "/var/sdcadm/sdcadm.conf"
"""sdcadm's own settings, which are optional.  Source: sdcadm:lib/common.js loadConfig."""

_RENDERED = "config-agent renders it within three minutes and restarts cloudapi"
_MAINTENANCE = ("DC_MAINT_MESSAGE", "DC_MAINT_ETA")
_NOT_TO_RESTART = ("config-agent", "registrar", "ufds-replicator")


@remedy("cloudapi-answers")
def restart_cloudapi(cloudapi: Zone) -> Advised:
    """Restart cloudapi.  500: it is still starting.  503: haproxy has no process left (facts "cloudapi, adminui, muskie")."""
    ping = cloudapi.ping
    said = {500: "still starting: it waits for its own and the master's UFDS", 503: "all its processes are down"}
    why = said.get(ping.status) or ping.error or f"HTTP {ping.status}"
    yield service_step(cloudapi, "restart", why, *fmris(cloudapi, "/application/cloudapi:", "haproxy"))
    yield Note("cloudapi is away for half a minute. If it stays away, its log names the UFDS that it cannot use.")


@remedy("cloudapi-knows-the-master")
def tell_cloudapi_the_master(cloudapi: Zone, master: Datacenter) -> Advised:
    """The address is in the metadata of sdc.  A value of the service's own hides it (facts, hazard 3)."""
    datacenter = cloudapi.datacenter
    own, key = service(datacenter, "cloudapi"), "ufds_remote_ip"
    if key in own.metadata.values:
        why = (
            f"the service cloudapi has its own {key} in SAPI, which hides the value of the application sdc; {_RENDERED}"
        )
        yield without_metadata(datacenter, own, (key,), risk=RESTARTS, why=why)
    sdc = application(datacenter)
    present = str(sdc.metadata.values.get(key) or "")
    if datacenter == master and present:
        why = f"{datacenter.name} is the master, so it follows no other; {_RENDERED}"
        yield without_metadata(datacenter, sdc, (key,), risk=DISRUPTIVE, why=why)
    elif datacenter != master and not present:
        yield changed_metadata(
            datacenter,
            sdc,
            {key: typed.reached_at(master.ufds_address)},
            risk=DISRUPTIVE,
            why=f"cloudapi needs the address of the master's UFDS; {_RENDERED}",
        )
    yield Note(
        "Accounts and keys that cloudapi wrote meanwhile are in the wrong UFDS. directory-entries-agree names them."
    )


@remedy("cloudapi-lists-every-datacenter")
def list_every_datacenter(datacenter: Datacenter) -> Advised:
    """CLOUDAPI_DATACENTERS is one string of JSON: the step completes it."""
    refused = [zone for zone in datacenter.zones("cloudapi") if zone.listing.code]
    if refused:
        yield Note(
            f"The UFDS of {datacenter.name} does not know the key {datacenter.sdc_metadata.values.get('SDC_KEY_ID')} of admin. Look "
            "whether the master has it (sdc-useradm keys admin), and whether it was replicated."
        )
        return
    yield from datacenters_listed(datacenter)


def datacenters_listed(datacenter: Datacenter) -> Advised:
    """Write CLOUDAPI_DATACENTERS as a whole, with every coupled datacenter in it."""
    own = service(datacenter, "cloudapi")
    before = _urls(datacenter)
    wanted: dict[str, str] = {}

    def add(other: Datacenter) -> Advised:
        wanted[typed.name(other.name)] = typed.url(_own_url(other))
        yield from ()

    yield from typed.each(datacenter.world, datacenter.world.coupling.coupled, add)
    foreign = _foreign(datacenter, before)
    kept = {
        name: url
        for name, url in before.items()
        if name not in wanted or (url.startswith("https://") and name not in foreign)
    }
    yield changed_metadata(
        datacenter,
        own,
        {"CLOUDAPI_DATACENTERS": json.dumps(wanted | kept, sort_keys=True)},
        risk=RESTARTS,
        why=f"ListDatacenters in {datacenter.name} answers with this value; each datacenter's URL is the one that it names itself; "
        f"{_RENDERED}",
    )


def _own_url(datacenter: Datacenter) -> str:
    """The URL that a datacenter lists for itself; where others have it too, the one that most of the others list for it."""
    lists, _ = of_each(datacenter.world.coupling.coupled, _urls)
    sound = {name: _unshared(datacenter, each) for name, each in lists.items()}
    told = Counter(each[datacenter.name] for each in sound.values() if datacenter.name in each)
    most = max(sorted(told), key=lambda url: told[url], default="")
    own = sound.get(datacenter.name, {}).get(datacenter.name)
    return own or most or f"https://cloudapi.{typed.dns_name(datacenter.suffix)}"


def _unshared(datacenter: Datacenter, listed: dict[str, str]) -> dict[str, str]:
    shared = shared_urls(datacenter, listed)
    return {name: url for name, url in listed.items() if name not in shared}


def _foreign(datacenter: Datacenter, listed: dict[str, str]) -> set[str]:
    """The names that have another datacenter's URL, as far as the cloudapis can be asked, or one that others have too."""
    shared = set(shared_urls(datacenter, listed))
    try:
        return shared | set(foreign_urls(datacenter, listed))
    except Missing:
        return shared


def _urls(datacenter: Datacenter) -> dict[str, str]:
    """CLOUDAPI_DATACENTERS of a datacenter; empty if it cannot be read."""
    told = service(datacenter, "cloudapi").metadata.values.get("CLOUDAPI_DATACENTERS")
    try:
        read = json.loads(told) if isinstance(told, str) else told
    except ValueError:
        return {}
    return {name: url for name, url in read.items() if isinstance(url, str)} if isinstance(read, dict) else {}


@remedy("cloudapi-answers-outside")
def look_from_outside(datacenter: Datacenter) -> Advised:
    """Public DNS, packet filters and routers in front of the datacenter do not belong to Triton: no command can repair them."""
    url = _urls(datacenter).get(datacenter.name, "the URL that CLOUDAPI_DATACENTERS names")
    seen = datacenter.outside
    who = seen.body.get("datacenter", datacenter.name)
    if who != datacenter.name:
        yield Note(
            f"{url}, asked from where these checks run, leads to the cloudapi of {who}: its name has another datacenter's address. Put "
            "right public DNS, or /etc/hosts of this machine. Customers who use it see another cloud than they mean."
        )
        return
    if seen.expired:
        yield Note(
            f"The certificate that {url} shows expired on {seen.expired}. Get a new one where that one came from. haproxy reads "
            "certificate, chain and key from /data/tls/cert.pem in each cloudapi zone: save that file, put the new one in its place, "
            "and type `svcadm restart haproxy` in the zone. If its issuer is its own name, `*`, setup made it: make both files anew "
            "as setup does (sdc-cloudapi:boot/setup.sh, setup_tls_certificate). If something stands before cloudapi, renew it there."
        )
        return
    yield Note(
        f"{url}, asked from where these checks run: {seen.error or f'HTTP {seen.status}'}. Inside, cloudapi answers. Look at "
        "public DNS, and at routers and firewalls in front of its external address "
        f"({', '.join(zone.vm.address('external') or 'none' for zone in datacenter.zones('cloudapi'))}). If this machine is "
        "not meant to reach it, waive this finding."
    )


@remedy("cloudapi-is-not-in-maintenance")
def end_maintenance(datacenter: Datacenter) -> Advised:
    """Set what `sdcadm dc-maint stop` sets for cloudapi (sdcadm:lib/sdcadm.js).  Only a human knows whether the maintenance is over."""
    own, sdc = service(datacenter, "cloudapi"), application(datacenter)
    yield Note(
        "If the maintenance is intended, waive it until its end. `sdcadm dc-maint stop` also ends it for Docker."
    )
    writes = metadata_of(datacenter, own, {"CLOUDAPI_READONLY": False})
    back = writes.inverse(writes.planned)
    yield acting(
        headnode(datacenter),
        writes,
        metadata_of(datacenter, sdc, {}, _MAINTENANCE),
        risk=RESTARTS,
        why=f"customers can change nothing in {datacenter.name}; {_RENDERED}",
        undo=back.command() if back is not None else "",
        undo_note="`sdcadm dc-maint start --message … --eta …` brings its message and end back",
        by_hand=True,
    )


@remedy("adminui-answers")
def restart_adminui(adminui: Zone) -> Advised:
    """Restart adminui: then it connects again.  It hangs while it has no UFDS at all."""
    ping = adminui.ping
    why = ping.error or (f"HTTP {ping.status}" if ping.status != 200 else "it is connected to no UFDS")
    yield service_step(adminui, "restart", why, *fmris(adminui, "/application/adminui:"))


@remedy("internal-apis-answer")
def restart_api(api: Zone) -> Advised:
    """Restart the service: SMF calls it online, but it does not answer."""
    ping = api.ping
    yield service_step(api, "restart", ping.error or f"HTTP {ping.status}", *fmris(api, f"/{api.role}:"))


@remedy("health-commands-answer", for_unseen=True)
def ask_the_health_commands(datacenter: Datacenter) -> Advised:
    """Find the service that makes the command hang.  If every service answers the suite, the command itself is at fault."""
    evidence = datacenter.evidence
    said = " ".join(fact.why or "" for fact in (evidence.check_health, evidence.healthcheck))
    if "JSON" in said:
        # json must say that it works: otherwise a good file would be moved if the tool is not found.
        yield Step(
            on=headnode(datacenter),
            run=f'if [[ -s {SDCADM_CONF} && $(json works <<< \'{{"works":"yes"}}\') == yes ]] &&\n'
            f"    ! json -f {SDCADM_CONF} > /dev/null 2>&1\nthen\n"
            f"{files_kept(SDCADM_CONF)} &&\n{files_removed(SDCADM_CONF)}\nfi",
            risk=SAFE,
            why="sdcadm reads this file as JSON, and does nothing if it is no JSON. Without the file sdcadm uses defaults. The step "
            "keeps a copy",
            undo=file_back(SDCADM_CONF),
        )
        return
    yield Note(
        f"On the head node of {datacenter.name}, sdcadm check-health -j hangs at the service that does not answer, because its "
        "pings have no time-out. Ask the services one by one: sdcadm check-health SERVICE."
    )


@remedy("core-services-are-healthy")
def ask_what_is_unhealthy(zone: Zone) -> Advised:
    """Read the reason, then restart the zone's services.  This comes last, and only if no other check explains it."""
    uuid = zone.vm.uuid
    said = [error for row in zone.datacenter.check_health if row.instance == uuid for error in row.errors]
    rows = [row for row in zone.datacenter.healthcheck if row.role == zone.role and row.status != "online"]
    said += [f"sdc-healthcheck says {row.status}" for row in rows]
    yield Note(
        f"Ask again first, on the head node of {zone.datacenter.name}: sdcadm check-health {zone.role}, and "
        f"sdc-healthcheck -p. They said: {'; '.join(said) or 'no reason'}. The first answer can be wrong after a while"
        " without use."
    )
    if zone.role == "cloudapi" and any(row.status == "error" for row in rows):
        yield Note(
            "sdc-healthcheck signs its request with the datacenter's own key. On a replica it says error until that "
            "key is one of admin's keys on the master, even if all routes are right."
        )
    own = tuple(f for f in fmris(zone, "/application/") if not any(part in f for part in _NOT_TO_RESTART))
    if own:
        yield service_step(zone, "restart", "if it is still unhealthy when asked again", *own)
