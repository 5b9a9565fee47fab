"""Chapter: cloudapi and adminui.  What customers and operators see answers, and Triton's own health checks agree."""

from evidence.spec import ALL_OF_THE_ZONE
from evidence.subjects import Zone
from fixtures.check import BOTH, CRITICAL, check

_MEANING = {
    0: "no answer",
    500: "still starting: it waits for its own and the master's UFDS",
    503: "haproxy has marked every cloudapi process down",
}


@check(
    BOTH,
    CRITICAL,
    after=[
        "cloudapi-reaches-master-ufds",
        "cloudapi-knows-the-master",
        "master-password-is-known",
        "ufds-answers@ufds",
        "services-run",
        "services-run@ufds",
        "replica-points-at-master",
        "binder-answers-own-names@binder",
    ],
)
def test_cloudapi_answers(cloudapi: Zone) -> None:
    """cloudapi answers `/--ping` with 200.

    500 is still starting (it waits for both UFDS), 503 comes from haproxy in front of it.  This is the first thing that
    the seed's author saw.  Source: seed; facts "cloudapi, adminui, muskie".
    """
    ping = cloudapi.ping
    assert ping.status == 200, ping.error or _MEANING.get(ping.status, "unexpected answer")


@check(BOTH, CRITICAL, after=["ufds-answers@ufds", "services-run", "services-run@ufds"])
def test_adminui_answers(adminui: Zone) -> None:
    """adminui answers `/api/ping` in time, and is connected to a UFDS.

    Without any UFDS it hangs.  Losing only the master makes it read-only, which adminui-reaches-master-ufds sees.
    Source: facts "cloudapi, adminui, muskie".
    """
    ping = adminui.ping
    assert ping.status == 200, ping.error or "unexpected answer"
    services = ping.body.get("services")
    connected = services.get("ufds") if isinstance(services, dict) else None
    assert connected is True, "adminui says whether it is connected to a UFDS"


@check(
    BOTH,
    CRITICAL,
    after=[
        ALL_OF_THE_ZONE,
        "binder-answers-own-names@binder",
        "one-poseidon/ufds",
        "replica-key-is-known-to-master/cloudapi",
        "replica-points-at-master/ufds",
        "replicator-runs/ufds",
    ],
)
def test_core_services_are_healthy(zone: Zone) -> None:
    """Triton's own health checks call the zone healthy: `sdcadm check-health -j` and `sdc-healthcheck -p`.

    It sums up what other checks look at one by one, so it is a cause only where none of them finds anything.  Source: seed
    (cloudapi unhealthy after coupling); facts "Health commands".
    """
    sick = [
        f"sdcadm check-health: {', '.join(row.errors) or 'unhealthy, no reason given'}"
        for row in zone.datacenter.check_health
        if row.instance == zone.vm.uuid and row.healthy is not True
    ]
    sick += [
        f"sdc-healthcheck: {row.status}"
        for row in zone.datacenter.healthcheck
        if row.role == zone.role and row.status != "online"
    ]
    assert not sick, "; ".join(sick)
