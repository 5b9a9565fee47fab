"""Chapter: reachability.  Zone to zone, tried from inside the zone.  A ping proves nothing here: only the port counts."""

from evidence.subjects import Link
from fixtures.check import BOTH, CRITICAL, check

OPEN = "open"


def results(link: Link) -> dict[str, str]:
    """What came of each connection: open, or what instead, to which address and by which local route."""
    return {
        f"{probe.protocol}/{probe.port}": OPEN
        if probe.result == OPEN
        else f"{probe.result} to {probe.host}" + (f" by local route {probe.route}" if probe.route else "")
        for probe in link.probes
    }


@check(BOTH, CRITICAL, after=["ufds-answers@target"])
def test_ufds_reaches_master_ufds(link: Link) -> None:
    """The ufds zone of every replica and candidate reaches the master's UFDS on 636.

    sdc-ufds-m2s and the replicator both connect from there; without the path the first sync never ends.  Source: seed.
    """
    seen = results(link)
    assert seen == dict.fromkeys(seen, OPEN)


@check(BOTH, CRITICAL, after=["ufds-answers@target"])
def test_cloudapi_reaches_master_ufds(link: Link) -> None:
    """The cloudapi zone of every replica and candidate reaches the master's UFDS on 636.

    cloudapi on a replica starts only once it is connected to the master; without a route every client sees
    ServiceUnavailable.  Triton's documentation does not say so.  Source: seed; sdc-cloudapi:lib/app.js.
    """
    seen = results(link)
    assert seen == dict.fromkeys(seen, OPEN)


@check(BOTH, CRITICAL, after=["ufds-answers@target"])
def test_adminui_reaches_master_ufds(link: Link) -> None:
    """The adminui zone of every replica and candidate reaches the master's UFDS on 636.

    Without it adminui falls back to the local UFDS: its ping stays green, and only writes fail.  Source: seed;
    sdc-adminui:lib/adminui.js.
    """
    seen = results(link)
    assert seen == dict.fromkeys(seen, OPEN)


@check(BOTH, CRITICAL, after=["services-run@target"])
def test_sapi_reaches_master_moray(link: Link) -> None:
    """The sapi zone of every non-master reaches the master's moray: 2020 and every port that its SRV records name.

    In multi-DC mode SAPI asks the master's moray; without a path it silently answers local objects only.  Source: seed
    (routes in sapi and moray zones); SAPI-283.
    """
    seen = results(link)
    assert seen == dict.fromkeys(seen, OPEN)


@check(BOTH, CRITICAL, after=["binder-answers-own-names@target"])
def test_binder_reaches_binder(link: Link) -> None:
    """Every binder reaches every binder of the region's other datacenters on 53, UDP and TCP.

    Names of another datacenter are asked of its binders; an unreachable one is REFUSED after three seconds.  Source: seed
    (routes in the binder zones); HEAD-2334.
    """
    seen = results(link)
    assert seen == dict.fromkeys(seen, OPEN)
