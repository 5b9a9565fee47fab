"""Chapter: cloudapi and adminui.  The services that customers and operators use answer, and Triton's own health checks agree."""

import pytest

from evidence.fact import Missing, OutOfSight
from evidence.model import HealthcheckRow, HealthRow
from evidence.subjects.datacenter import Datacenter
from evidence.subjects.listings import need_to_see_outside, wrong_urls
from evidence.subjects.triton import CLOUDAPI_CONFIG, MANTA_ROLES
from evidence.subjects.zone import Zone
from fixtures.check import BOTH, CRITICAL, POSTCHANGE, WARNING, After, check
from fixtures.outcomes import Finding

REFUSED_KEY = "InvalidCredentials"
LOOKED_UP = frozenset({"cloudapi", "vmapi"})
"""Roles of which sdc-healthcheck expects one zone on the head node (`vmadm lookup -1`)."""
_MEANING = {
    0: "no answer",
    500: "still starting: it waits for its own and the master's UFDS",
    503: "haproxy has marked every cloudapi process down",
}


@check(
    BOTH,
    CRITICAL,
    answers=True,
    after=[
        "cloudapi-reaches-master-ufds",
        "cloudapi-knows-the-master",
        "master-password-is-known",
        "settings-are-not-overridden",
        "settings-have-their-form",
        "datacenter-identity-agrees",
        "services-have-read-their-files",
        After("ufds-answers", at="ufds"),
        "services-run",
        After("services-run", at="ufds"),
        "replica-points-at-master",
        After("binder-answers-own-names", at="binder"),
    ],
)
def test_cloudapi_answers(cloudapi: Zone) -> None:
    """cloudapi answers `/--ping` with 200.

    500 means that it is still starting (it waits for both UFDS).  503 comes from haproxy in front of it.  This is the first
    symptom that the seed's author saw.  Source: seed; facts "cloudapi, adminui, muskie".
    """
    ping = cloudapi.ping
    assert ping.status == 200, ping.error or _MEANING.get(ping.status, "unexpected answer")


@check(POSTCHANGE, CRITICAL, after=["replica-points-at-master", "rendered-config-is-current", "one-ufds-master"])
def test_cloudapi_knows_the_master(cloudapi: Zone, master: Datacenter) -> None:
    """cloudapi.cfg on a replica names the master's UFDS (ufds_remote_ip); on the master it names none.

    With only `ldaps://`, a replica's cloudapi believes that it runs on the master.  It writes accounts and keys into its own
    UFDS, and one day they stop replication.  Source: facts, hazard 3.
    """
    datacenter = cloudapi.datacenter
    remote = ""
    if datacenter != master:
        told = datacenter.sdc_metadata.values.get("ufds_remote_ip")
        remote = told if isinstance(told, str) and told else master.ufds_address
    assert cloudapi.file(CLOUDAPI_CONFIG).settings.get("ufds_master.url") == f"ldaps://{remote}"


@check(
    POSTCHANGE,
    CRITICAL,
    after=[
        After("services-run", at="cloudapi"),
        After("services-run", at="sdc"),
        "sapi-answers",
        "ufds-answers",
        "cloudapi-answers",
        "replica-key-is-known-to-master",
        "replicator-is-caught-up",
        "admin-and-operators-are-there",
        "master-has-admin-and-operators",
        After("admin-is-enabled", at="master"),
        After("rendered-config-is-current", at="cloudapi"),
        After("rendered-files-are-usable", at="cloudapi"),
        After("settings-are-not-overridden", at="cloudapi"),
        "settings-have-their-form",
    ],
)
def test_cloudapi_lists_every_datacenter(datacenter: Datacenter) -> None:
    """Each cloudapi answers a signed ListDatacenters with every datacenter of the coupling and that datacenter's https URL.

    sdc-ufds-m2s does not set this up: at first CLOUDAPI_DATACENTERS names only the own datacenter, and customers see no
    other.  Source: seed (sdc-listdatacenters); facts "SAPI", "cloudapi, adminui, muskie".
    """
    coupled = [dc.name for dc in datacenter.world.coupling.coupled]
    for cloudapi in datacenter.zones("cloudapi"):
        listing = cloudapi.listing
        said = f"{listing.code}: {listing.error}" if listing.code else listing.error
        if said and listing.code != REFUSED_KEY:
            raise Missing(cloudapi.id, "a signed ListDatacenters", "sdc-listdatacenters", said)
        assert not said, f"{cloudapi} refuses the datacenter's own key: {said}"
        shown = [name for name in coupled if listing.datacenters.get(name, "").startswith("https://")]
        assert shown == coupled, f"with an https URL, by ListDatacenters of {cloudapi}"
        told = wrong_urls(datacenter, listing.datacenters)
        if told:
            raise Finding(
                expected="each datacenter with its own URL in CLOUDAPI_DATACENTERS",
                observed=f"{', '.join(told)} (by ListDatacenters of {cloudapi})",
            )


@check(
    POSTCHANGE,
    WARNING,
    after=[
        "cloudapi-answers",
        "cloudapi-lists-every-datacenter",
        "datacenter-identity-agrees",
        "settings-have-their-form",
        "sapi-answers",
        After("services-run", at="cloudapi"),
        After("settings-are-not-overridden", at="cloudapi"),
    ],
)
def test_cloudapi_answers_outside(datacenter: Datacenter) -> None:
    """The URL that CLOUDAPI_DATACENTERS names for the datacenter resolves on the machine where these checks run, and it answers.

    It is this datacenter's cloudapi that answers: public DNS may lead to another one.  Customers use this URL (the seed's `triton ls`).
    Who signed its certificate is not verified, but it must not have expired.  cloudapi-answers judges whether cloudapi can answer at all.
    If no datacenter's URL answers, customers' addresses may not answer here: not judged, unless `expect.outside` is true.  Source: seed.
    """
    pings = {str(cloudapi): cloudapi.ping.status for cloudapi in datacenter.zones("cloudapi")}
    if 200 not in pings.values():
        raise Missing(datacenter.id, "cloudapi from outside", "curl -k", "it does not answer inside either")
    need_to_see_outside(datacenter)
    answer = datacenter.outside
    url = f"{answer.body.get('url')} of CLOUDAPI_DATACENTERS, asked from where these checks run"
    if answer.error or answer.status != 200:
        told = f"{answer.error or f'HTTP {answer.status}'} ({url}, certificate not verified)"
        raise Finding(expected="HTTP 200", observed=told)
    who = answer.body.get("datacenter", datacenter.name)
    if who != datacenter.name:
        raise Finding(expected=f"the cloudapi of {datacenter}", observed=f"the cloudapi of {who} ({url})")
    if answer.expired:
        told = f"its certificate expired on {answer.expired}: clients that verify it refuse it ({url})"
        raise Finding(expected="a certificate that is valid", observed=told)


@check(BOTH, WARNING, after=[After("rendered-config-is-current", at="cloudapi")])
def test_cloudapi_is_not_in_maintenance(datacenter: Datacenter) -> None:
    """No cloudapi of the datacenter is read-only or announces maintenance.

    A read-only cloudapi answers 503 to every request that changes something.  Everything else works.  That is no outage, but
    nobody should forget it.  Source: facts "cloudapi, adminui, muskie"; sdcadm dc-maint.
    """
    found: dict[str, str] = {}
    for cloudapi in datacenter.zones("cloudapi"):
        settings = cloudapi.file(CLOUDAPI_CONFIG).settings
        said = [f"announces {settings['dc_maint_message']!r}"] if settings.get("dc_maint_message") else []
        said += [f"until {settings['dc_maint_eta']}"] if settings.get("dc_maint_eta") else []
        said += ["read-only"] if settings.get("read_only") is True else []
        found |= {cloudapi.id: ", ".join(said)} if said else {}
    assert found == {}, "in maintenance"


@check(
    BOTH,
    CRITICAL,
    answers=True,
    after=[After("ufds-answers", at="ufds"), "services-run", After("services-run", at="ufds")],
)
def test_adminui_answers(adminui: Zone) -> None:
    """adminui answers `/api/ping` in time, and is connected to a UFDS.

    Without any UFDS adminui hangs.  Without the master's UFDS it is read-only; adminui-reaches-master-ufds sees that.
    Source: facts "cloudapi, adminui, muskie".
    """
    ping = adminui.ping
    assert ping.status == 200, ping.error or "unexpected answer"
    services = ping.body.get("services")
    connected = services.get("ufds") if isinstance(services, dict) else None
    assert connected is True, "adminui says whether it is connected to a UFDS"


@check(BOTH, CRITICAL, after=["services-run", After("binder-answers-own-names", at="binder")])
def test_internal_apis_answer(api: Zone) -> None:
    """CNAPI, FWAPI, IMGAPI, NAPI and VMAPI answer `/ping` with 200; and VMAPI lists the zones of all servers.

    NAPI holds the routes, IMGAPI the images.  If one of them hangs, `sdcadm check-health` hangs too, because its pings have no
    time-out.  Source: facts "Health commands", hazard 10.
    """
    ping = api.ping
    assert ping.status == 200, ping.error or "unexpected answer"
    if api.role == "vmapi":
        api.datacenter.need_all_zones()  # else it is not known which zones there are to judge


@check(
    BOTH,
    WARNING,
    after=[
        "usbkey-can-be-evaluated",
        "services-run",
        "sapi-answers",
        "internal-apis-answer",
        "cloudapi-answers",
        "adminui-answers",
        "ufds-answers",
        "binder-answers-own-names",
    ],
)
def test_health_commands_answer(datacenter: Datacenter) -> None:
    """`sdcadm check-health -j` and `sdc-healthcheck -p` come to an end, and their output can be read.

    Their pings have no time-out, so one service that hangs makes the whole command hang.  Source: facts "Health commands",
    hazard 10.
    """
    assert datacenter.check_health, "sdcadm check-health lists nothing"
    assert datacenter.healthcheck, "sdc-healthcheck lists nothing"
    for listed in (datacenter.evidence.check_health, datacenter.evidence.healthcheck, datacenter.evidence.zones):
        listed.need_all()
    severe = [row.said for row in datacenter.check_health if row.kind in ("triton", "service") and row.sick]
    assert severe == [], "what kept sdcadm check-health from asking everything"


@check(
    BOTH,
    CRITICAL,
    sums_up=True,
    after=[
        After("candidate-config-agent-runs", only="ufds"),
        "candidate-is-not-coupled-yet",
        "health-commands-answer",
        "usbkey-can-be-evaluated",
        After("cloudapi-lists-every-datacenter", only="cloudapi"),
        After("ufds-answers", at="ufds"),
        After("services-run", at="ufds"),
        After("binder-answers-own-names", at="binder"),
        After("one-poseidon", only="ufds"),
        After("one-ufds-master", only="ufds"),
        After("replica-key-is-known-to-master", only="cloudapi"),
        After("replica-points-at-master", only="ufds"),
        After("replicator-runs", only="ufds"),
        After("admin-and-operators-are-there", only="ufds"),
        After("master-has-admin-and-operators", only="cloudapi"),
        After("admin-is-enabled", at="master", only="cloudapi"),
    ],
)
def test_core_services_are_healthy(zone: Zone) -> None:
    """Triton's own health checks call the zone healthy: `sdcadm check-health -j` and `sdc-healthcheck -p`.

    Other checks look at the same things one by one.  So this finding is a cause only if none of them finds anything.  Neither
    command lists Manta's zones.  Source: seed (cloudapi unhealthy after coupling); facts "Health commands".
    """
    rows = [row for row in zone.datacenter.check_health if row.instance == zone.vm.uuid]
    lines = _lines(zone)
    _need_heard(zone, rows)
    if zone.role in MANTA_ROLES and not (rows or lines):
        pytest.skip("Triton's health commands do not know Manta's zones")
    sick = [f"sdcadm check-health: {', '.join(row.errors) or 'unhealthy, no reason given'}" for row in rows if row.sick]
    failing = [row.status for row in lines if row.status != "online"]
    if sick or len(failing) > _sick_besides(zone):
        sick += [f"sdc-healthcheck: {status}" for status in failing]
    assert not sick, "; ".join(sick)
    if not rows:
        zone.datacenter.evidence.check_health.need_all()
        raise Missing(zone.id, "its row", "sdcadm check-health -j", "it is not listed")
    if not lines and not (zone.vm.server or _errs_always(zone)):
        zone.datacenter.evidence.healthcheck.need_all()
        raise Missing(zone.id, "its line", "sdc-healthcheck -p", f"no {zone.role} is listed")
    if not lines and all(row.healthy is None for row in rows):
        raise OutOfSight(zone.id, "its health", "sdcadm check-health -j", "its row does not say whether it is healthy")


def _need_heard(zone: Zone, rows: list[HealthRow]) -> None:
    """Raises OutOfSight if sdcadm could not ask the zone's server, because ur does not answer there (see agents-run)."""
    for row in rows:
        if row.healthy is None and row.server in zone.datacenter.silent:
            why = f"sdcadm could not ask its server {row.server} ({row.said})"
            raise OutOfSight(zone.id, "its health", "sdcadm check-health -j", why)


def _lines(zone: Zone) -> list[HealthcheckRow]:
    """The lines of sdc-healthcheck that can be about a zone.  It lists only the head node's zones."""
    lines = [row for row in zone.datacenter.healthcheck if row.role == zone.role and not zone.vm.server]
    if zone.datacenter.leftovers_of(zone.role):
        lines = [row for row in lines if row.state == "running"]
    return [row for row in lines if row.status != "error"] if _errs_always(zone) else lines


def _errs_always(zone: Zone) -> bool:
    """Whether sdc-healthcheck always says `error` for the role's zones: there are several, and it looks up a single one."""
    seen = (zone.datacenter.evidence.zones.value or {}).values()
    return zone.role in LOOKED_UP and sum(each.vm.role == zone.role and not each.vm.server for each in seen) > 1


def _sick_besides(zone: Zone) -> int:
    """How many other instances of the role check-health calls unhealthy: sdc-healthcheck prints only roles, no instances."""
    zones = [other for other in zone.datacenter.zones(zone.role) if other.vm.server == zone.vm.server]
    others = {other.vm.uuid for other in zones} - {zone.vm.uuid}
    return sum(row.instance in others and row.sick for row in zone.datacenter.check_health)
