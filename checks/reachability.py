"""Chapter: reachability.  Connections from zone to zone, tried inside the zone.  A ping proves nothing here: only the port counts."""

import pytest

from evidence.fact import Missing
from evidence.model import Probe
from evidence.subjects.links import STALLED, Link
from evidence.subjects.needs import needs_no_master
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
"""The checks of what lies between two zones. A link from a global zone has only BACK: NAPI's routes do not reach a global zone."""
MEASURED = {"size": "large packets", "loss": "lost"}
"""How a result names what was measured."""
ADDRESS = "replica-points-at-master"
"""The check of the address at which a replica's zones reach the master's UFDS."""


def results(link: Link) -> dict[str, str]:
    """The result of each connection: open, or else the failure with the address and the local route; and what packets were lost."""
    lost = {
        MEASURED[probe.protocol]: f"{probe.detail} ({probe.host})" for probe in link.measured if probe.result != OPEN
    }
    return lost | {
        f"{probe.protocol}/{probe.port}": OPEN
        if probe.result == OPEN
        else f"{_failed(probe)} to {probe.host}" + (f" by local route {probe.route}" if probe.route else "")
        for probe in link.probes
    }


def _failed(probe: Probe) -> str:
    return f"{probe.result} ({probe.detail})" if probe.result == STALLED else probe.result


@check(BOTH, CRITICAL, after=[*PATH, ADDRESS, After("ufds-answers", at="target")])
def test_ufds_reaches_master_ufds(link: Link) -> None:
    """The ufds zone of every replica and candidate reaches the master's UFDS on 636.

    sdc-ufds-m2s and the replicator both connect from there.  Without the path the first sync never ends.  Source: seed.
    """
    seen = results(link)
    assert seen == dict.fromkeys(seen, OPEN)


@check(BOTH, WARNING, after=[*BACK, ADDRESS, After("ufds-answers", at="target")])
def test_headnode_reaches_master_ufds(link: Link) -> None:
    """The global zone of every replica's head node reaches the master's UFDS on 636.

    sdc-useradm writes keys and accounts to the master from there.  A candidate needs this only after it is coupled.  Source:
    facts "UFDS" (why adding the key did not work for the seed's author, an inference).
    """
    seen = results(link)
    assert seen == dict.fromkeys(seen, OPEN)


@check(BOTH, CRITICAL, after=[*PATH, ADDRESS, After("ufds-answers", at="target")])
def test_cloudapi_reaches_master_ufds(link: Link) -> None:
    """The cloudapi zone of every replica and candidate reaches the master's UFDS on 636.

    cloudapi on a replica starts only when it is connected to the master's UFDS.  Without a route every client sees
    ServiceUnavailable.  Triton's documentation does not say so.  Source: seed; sdc-cloudapi:lib/app.js.
    """
    seen = results(link)
    assert seen == dict.fromkeys(seen, OPEN)


@check(BOTH, CRITICAL, after=[*PATH, ADDRESS, After("ufds-answers", at="target")])
def test_adminui_reaches_master_ufds(link: Link) -> None:
    """The adminui zone of every replica and candidate reaches the master's UFDS on 636.

    Without the path adminui falls back to the local UFDS.  Its ping stays green, and only writes fail.  Source: seed;
    sdc-adminui:lib/adminui.js.
    """
    seen = results(link)
    assert seen == dict.fromkeys(seen, OPEN), _by_the_local_one(link)


def _by_the_local_one(link: Link) -> str:
    """What adminui's ping says meanwhile: it is content with either UFDS."""
    ping = link.source.evidence.ping
    services = ping.value.body.get("services") if ping is not None and ping.value is not None else None
    connected = isinstance(services, dict) and services.get("ufds") is True
    return "its ping says ufds: true because of its own UFDS alone; its writes fail" if connected else ""


@check(BOTH, CRITICAL, after=[*PATH, "settings-are-not-overridden", After("services-run", at="target")])
def test_sapi_reaches_master_moray(link: Link) -> None:
    """The sapi zone of every non-master reaches the master's moray: 2020 and every port that its SRV records name.

    In multi-DC mode SAPI asks the master's moray.  Without a path it answers only local objects, and says nothing.  Of the ports
    2021 to 2024, only those count on which a moray process listens.  Source: seed (routes in sapi and moray zones); SAPI-283.
    """
    why = needs_no_master(link.source.datacenter)
    if why:
        pytest.skip(why)
    unused = {f"tcp/{port}" for port in _without_a_process(link)}
    seen = {name: result for name, result in results(link).items() if name not in unused}
    assert seen == dict.fromkeys(seen, OPEN)


def _without_a_process(link: Link) -> set[int]:
    """The ports of a moray without a process: its size says how many processes it has.  Empty if the services are not known."""
    try:
        running = {s.fmri.rpartition("-")[2] for moray in link.target_zones for s in moray.services if MORAY in s.fmri}
    except Missing:
        return set()
    return {port for port in link.ports if port != link.kind.port and str(port) not in running} if running else set()


@check(BOTH, CRITICAL, after=[*PATH, After("binder-answers-own-names", at="target")])
def test_binder_reaches_binder(link: Link) -> None:
    """Every binder reaches every binder of the region's other datacenters on 53, UDP and TCP.

    binder asks the binders of another datacenter for the names there.  If they cannot be reached, it answers REFUSED after
    three seconds.  Source: seed (routes in the binder zones); HEAD-2334.
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

    It fetches the ring when its zone is set up, and goes into maintenance without the ring.  Source: seed ("imgapi"
    needs routes for Manta); facts "Manta".
    """
    seen = results(link)
    assert seen == dict.fromkeys(seen, OPEN)
