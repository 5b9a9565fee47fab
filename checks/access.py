"""Chapter: access.  Can the head nodes be asked, are they the right ones, and do their core zones run?"""

from fnmatch import fnmatch

from evidence.subjects import Datacenter, Zone
from fixtures.check import BOTH, CRITICAL, check

REPLICATOR = "svc:/smartdc/application/ufds-replicator:*"
CONFIG_AGENT = "svc:/smartdc/application/config-agent:default"
SERVICES = {
    "adminui": ("svc:/smartdc/application/adminui:default",),
    "binder": ("svc:/manta/application/binder:default", "svc:/smartdc/application/zookeeper*"),
    "cloudapi": ("svc:/smartdc/application/cloudapi:cloudapi-*",),
    "moray": ("svc:/smartdc/application/moray:moray-*",),
    "napi": ("svc:/smartdc/application/napi:default",),
    "sapi": ("svc:/smartdc/application/sapi:default",),
    "sdc": (),
    "ufds": (
        "svc:/smartdc/application/ufds-master:ufds-*",
        "svc:/smartdc/application/ufds-capi:default",
        "svc:/ufds/haproxy:default",
    ),
}
"""The SMF services that each role must have.  Source: facts "SMF"."""


@check(BOTH, CRITICAL)
def test_headnode_answers(datacenter: Datacenter) -> None:
    """The head node answers over SSH, with the host key that is known, in time.

    Everything else is asked through it, so without it nothing about the datacenter can be judged.  Source: design.
    """
    assert (datacenter.ssh.trouble() or "answers") == "answers"


@check(BOTH, CRITICAL, after=["headnode-answers"])
def test_headnode_is_the_right_one(datacenter: Datacenter) -> None:
    """The machine is a head node, and of the datacenter that the inventory means.

    A wrong address would have another datacenter judged, and its remedies typed there.  Source: facts "Zones" (sysinfo).
    """
    seen = datacenter.sysinfo
    kind = "head node" if seen.headnode else "compute node"
    assert f"{kind} of {seen.datacenter_name}" == f"head node of {datacenter.name}"


@check(BOTH, CRITICAL, after=["headnode-answers"])
def test_services_run(zone: Zone) -> None:
    """The zone runs, and every SMF service that its role has is online (the replicator has a row of its own).

    A service in maintenance stays down until it is cleared.  Source: facts "SMF".
    """
    assert f"zone {zone.vm.state}" == "zone running"
    services = [service for service in zone.services if not fnmatch(service.fmri, REPLICATOR)]
    required = (*SERVICES[zone.role], CONFIG_AGENT)
    absent = {pattern: "absent" for pattern in required if not any(fnmatch(s.fmri, pattern) for s in services)}
    offline = {
        service.fmri: service.state
        for service in services
        if service.state != "online"
        and (service.state != "disabled" or any(fnmatch(service.fmri, pattern) for pattern in required))
    }
    not_online = absent | offline
    assert not not_online, "; ".join(f"{fmri} is {state}" for fmri, state in sorted(not_online.items()))
