"""Chapter: reachability.  Zone to zone, tried from inside the zone.  A ping proves nothing here: only the port counts."""

import pytest

from evidence.fact import Missing
from evidence.subjects.links import Link, asks_nobody
from fixtures.check import BOTH, CRITICAL, POSTCHANGE, WARNING, After, check

OPEN = "open"
MORAY = "/application/moray:moray-"
BACK = (
    After("napi-has-the-routes", at="target"),
    "routes-go-both-ways",
    After("routes-go-both-ways", at="target"),
    After("firewall-lets-peers-in", at="target"),
    "networks-do-not-overlap",
)
PATH = ("napi-has-the-routes", "net-agent-runs", *BACK)
"""What lies between the zones of every link; NAPI's routes, and net-agent which carries them, do not reach a global zone."""
ADDRESS = "replica-points-at-master"
"""What says to which address of the master's UFDS zones of a replica are to go."""


def results(link: Link) -> dict[str, str]:
    """What came of each connection: open, or what instead, to which address and by which local route."""
    return {
        f"{probe.protocol}/{probe.port}": OPEN
        if probe.result == OPEN
        else f"{probe.result} to {probe.host}" + (f" by local route {probe.route}" if probe.route else "")
        for probe in link.probes
    }


@check(BOTH, CRITICAL, after=[*PATH, ADDRESS, After("ufds-answers", at="target")])
def test_ufds_reaches_master_ufds(link: Link) -> None:
    """The ufds zone of every replica and candidate reaches the master's UFDS on 636.

    sdc-ufds-m2s and the replicator both connect from there; without the path the first sync never ends.  Source: seed.
    """
    seen = results(link)
    assert seen == dict.fromkeys(seen, OPEN)


@check(BOTH, WARNING, after=[*BACK, ADDRESS, After("ufds-answers", at="target")])
def test_headnode_reaches_master_ufds(link: Link) -> None:
    """The global zone of every replica's head node reaches the master's UFDS on 636.

    sdc-useradm writes keys and accounts to the master from there.  A candidate needs it only once it is coupled.  Source:
    facts "UFDS" (why adding the key did not work for the seed's author, an inference).
    """
    seen = results(link)
    assert seen == dict.fromkeys(seen, OPEN)


@check(BOTH, CRITICAL, after=[*PATH, ADDRESS, After("ufds-answers", at="target")])
def test_cloudapi_reaches_master_ufds(link: Link) -> None:
    """The cloudapi zone of every replica and candidate reaches the master's UFDS on 636.

    cloudapi on a replica starts only once it is connected to the master; without a route every client sees
    ServiceUnavailable.  Triton's documentation does not say so.  Source: seed; sdc-cloudapi:lib/app.js.
    """
    seen = results(link)
    assert seen == dict.fromkeys(seen, OPEN)


@check(BOTH, CRITICAL, after=[*PATH, ADDRESS, After("ufds-answers", at="target")])
def test_adminui_reaches_master_ufds(link: Link) -> None:
    """The adminui zone of every replica and candidate reaches the master's UFDS on 636.

    Without it adminui falls back to the local UFDS: its ping stays green, and only writes fail.  Source: seed;
    sdc-adminui:lib/adminui.js.
    """
    seen = results(link)
    assert seen == dict.fromkeys(seen, OPEN), _by_the_local_one(link)


def _by_the_local_one(link: Link) -> str:
    """What adminui says of itself meanwhile: its ping counts either UFDS."""
    ping = link.source.evidence.ping
    services = ping.value.body.get("services") if ping is not None and ping.value is not None else None
    connected = isinstance(services, dict) and services.get("ufds") is True
    return "its ping says ufds: true by its own UFDS alone, and what it is to write fails" if connected else ""


@check(BOTH, CRITICAL, after=[*PATH, After("services-run", at="target")])
def test_sapi_reaches_master_moray(link: Link) -> None:
    """The sapi zone of every non-master reaches the master's moray: 2020 and every port that its SRV records name.

    In multi-DC mode SAPI asks the master's moray; without a path it silently answers local objects only.  Of the ports 2021 to
    2024 those count behind which a moray runs.  Source: seed (routes in sapi and moray zones); SAPI-283.
    """
    source = link.source.datacenter
    if source.declared.region != link.target.declared.region and asks_nobody(source):
        pytest.skip(f"the master is in another region, and SAPI of {source} is not told of any")
    unused = {f"tcp/{port}" for port in _without_a_process(link)}
    seen = {name: result for name, result in results(link).items() if name not in unused}
    assert seen == dict.fromkeys(seen, OPEN)


def _without_a_process(link: Link) -> set[int]:
    """The ports of a moray behind which no process is: one has as many as its size asks for.  None, as long as that is not known."""
    try:
        running = {s.fmri.rpartition("-")[2] for moray in link.target_zones for s in moray.services if MORAY in s.fmri}
    except Missing:
        return set()
    return {port for port in link.ports if port != link.kind.port and str(port) not in running} if running else set()


@check(BOTH, CRITICAL, after=[*PATH, After("binder-answers-own-names", at="target")])
def test_binder_reaches_binder(link: Link) -> None:
    """Every binder reaches every binder of the region's other datacenters on 53, UDP and TCP.

    Names of another datacenter are asked of its binders; an unreachable one is REFUSED after three seconds.  Source: seed
    (routes in the binder zones); HEAD-2334.
    """
    seen = results(link)
    assert seen == dict.fromkeys(seen, OPEN)


@check(
    POSTCHANGE,
    CRITICAL,
    after=[*PATH, After("internal-apis-answer", at="target"), After("triton-zones-have-manta-routes", at="target")],
)
def test_electric_moray_reaches_ring_imgapi(link: Link) -> None:
    """electric-moray of every datacenter reaches the IMGAPI that has the hash ring (HASH_RING_IMGAPI_SERVICE) on 80.

    It fetches the ring from there when its zone is set up, and goes into maintenance without it.  Source: seed ("imgapi"
    needs routes for Manta); facts "Manta".
    """
    seen = results(link)
    assert seen == dict.fromkeys(seen, OPEN)
