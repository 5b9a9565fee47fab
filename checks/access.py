"""Chapter: access.  Can the head nodes be asked, are they the right ones, and do their core zones run?"""

from fnmatch import fnmatch

from evidence.fact import Missing, need
from evidence.headnode import MILD, Clock
from evidence.inventory.model import CANDIDATE
from evidence.subjects.datacenter import Datacenter
from evidence.subjects.spec import Kind
from evidence.subjects.triton import CONFIG_AGENT, REGISTRAR
from evidence.subjects.zone import Zone
from fixtures.check import BOTH, CRITICAL, WARNING, After, check
from fixtures.outcomes import Finding

SIGNATURES = 300
"""Seconds that cloudapi allows between a signature's time and its own."""
REPLICATOR = "svc:/smartdc/application/ufds-replicator:*"
SERVICES = {
    "adminui": ("svc:/smartdc/application/adminui:default",),
    "binder": ("svc:/manta/application/binder:default", "svc:/smartdc/application/zookeeper*"),
    "cloudapi": ("svc:/smartdc/application/cloudapi:cloudapi-*",),
    "electric-moray": (
        "svc:/smartdc/application/electric-moray:electric-moray-*",
        "svc:/manta/haproxy:default",
    ),
    "cnapi": ("svc:/smartdc/site/cnapi:default",),
    "fwapi": ("svc:/smartdc/application/fwapi:default",),
    "imgapi": ("svc:/smartdc/site/imgapi:default",),
    "mahi": ("svc:/manta/application/mahi-server:default", "svc:/manta/application/mahi-replicator:default"),
    "moray": ("svc:/smartdc/application/moray:moray-*",),
    "napi": ("svc:/smartdc/application/napi:default",),
    "sapi": ("svc:/smartdc/application/sapi:default",),
    "sdc": (),
    "ufds": (
        "svc:/smartdc/application/ufds-master:ufds-*",
        "svc:/smartdc/application/ufds-capi:default",
        "svc:/ufds/haproxy:default",
    ),
    "vmapi": ("svc:/smartdc/site/vmapi:default",),
    "webapi": ("svc:/manta/application/muskie:muskie-*", "svc:/manta/haproxy:default"),
}
"""The SMF services that each role must have.  Source: facts "SMF"."""


@check(BOTH, CRITICAL, answers=True)
def test_headnode_answers(datacenter: Datacenter) -> None:
    """The head node answers over SSH, with the host key that is known, in time.

    Everything else is asked through it, so without it nothing about the datacenter can be judged.  Source: design.
    """
    trouble = datacenter.ssh.trouble()
    if trouble:
        raise Finding(expected="answers", observed=trouble)


@check(BOTH, CRITICAL, after=["headnode-answers"])
def test_headnode_can_be_used(datacenter: Datacenter) -> None:
    """Sessions, forwarding and zlogin of the head node work until the end of the run.

    If they fail, what is asked through them is not seen, which says nothing about the services.  Source: facts "The way in".
    """
    troubles = datacenter.troubles
    if troubles:
        raise Finding(expected="it can be used to the end", observed="; ".join(map(str, troubles)))


@check(BOTH, CRITICAL, after=["headnode-answers"])
def test_headnode_is_the_right_one(datacenter: Datacenter) -> None:
    """The machine is a head node, and of the datacenter that the inventory means.

    With a wrong address, another datacenter would be judged, and its remedies would be typed there.  Source: facts "Zones" (sysinfo).
    """
    seen = datacenter.sysinfo
    if not seen.headnode or seen.datacenter_name != datacenter.name:
        kind = "head node" if seen.headnode else "compute node"
        raise Finding(expected=f"head node of {datacenter.name}", observed=f"{kind} of {seen.datacenter_name}")


@check(BOTH, CRITICAL, after=["headnode-answers"])
def test_usbkey_can_be_evaluated(datacenter: Datacenter) -> None:
    """config.sh can take every line of /usbkey/config, and gives what is written there.

    root's bash evaluates the file, and `config.sh -json` prints the values as they are.  Unquoted values that need quotes, a lone quote, a
    `"` and the line ends of another system break this.  Then every `sapiadm`, `sdcadm` and `sdc-*` command on the head node fails, and so
    does its next boot.  It is a warning if each setting has a value all the same, only another one than is written.  Source:
    smartos-live:src/lib/sdc/config.sh; facts "Head node configuration".
    """
    usbkey = datacenter.usbkey
    if usbkey.bad:
        bad = sorted(usbkey.bad, key=lambda bad: bad.lines)
        observed = "; ".join([*map(str, bad), *([usbkey.effect] if usbkey.effect else [])])
        if not usbkey.effect and all(lines.kind in MILD for lines in bad):
            expected = "config.sh gives each setting of /usbkey/config as it is written"
            raise Finding(expected=expected, observed=observed, severity=WARNING)
        raise Finding(expected="config.sh can take every line of /usbkey/config", observed=observed)


@check(BOTH, WARNING, after=["headnode-answers"])
def test_clocks_agree(datacenter: Datacenter) -> None:
    """The head node's clock is within `expect.clock_skew` of the one that most agree on: this machine's, the master's, the others'.

    cloudapi refuses signatures that are off by more than five minutes, so from there on the finding is critical.  Below that, the logs of
    several datacenters cannot be compared.  Source: facts "cloudapi, adminui, muskie".
    """
    own, skew = datacenter.clock, datacenter.world.inventory.expect.clock_skew
    if own.most - own.least > 2 * (skew + 1):
        why = f"the answer took so long that the clock is known to {own.most - own.least:g} s only"
        raise Missing(datacenter.id, "its clock", "date -u +%s", why)
    clocks = {"this machine": Clock(0, 0)} | {
        dc.name: clock for dc in _master_first(datacenter) if (clock := _seen(dc))
    }
    name = max(clocks, key=lambda each: sum(_apart(clocks[each], other) <= skew for other in clocks.values()))
    apart = round(_apart(own, clocks[name]))
    if apart > SIGNATURES:
        observed = f"{apart} s between its clock and that of {name}: cloudapi refuses what is signed so"
        raise Finding(expected=f"at most {skew:g} s", observed=observed, severity=CRITICAL)
    assert apart <= skew, f"seconds between its clock and that of {name}"


def _master_first(datacenter: Datacenter) -> list[Datacenter]:
    return sorted(datacenter.world.datacenters, key=lambda dc: (dc.name != datacenter.master.name, dc.name))


def _seen(datacenter: Datacenter) -> Clock | None:
    """A clock, if it was seen. A dark head node has no say; a check of its own reports it."""
    try:
        fact = datacenter.evidence.clock
    except Missing:
        return None
    return fact.value if fact is not None else None


def _apart(one: Clock, other: Clock) -> float:
    """The smallest possible distance of two clocks."""
    return max(0.0, one.least - other.most, other.least - one.most)


@check(
    BOTH,
    CRITICAL,
    after=[
        "headnode-answers",
        "rendered-files-are-usable",
        "settings-are-not-overridden",
        "settings-have-their-form",
        After("settings-have-their-form", at="master", only="webapi"),
        After("master-password-is-known", only="cloudapi"),
        After("candidate-is-not-coupled-yet", only="cloudapi"),
    ],
)
def test_services_run(zone: Zone) -> None:
    """The zone runs, and every SMF service that its role has is online.

    Other checks look at the replicator, and at config-agent in a candidate's ufds zone.  A service in maintenance stays down until it is
    cleared.  A broken upgrade leaves zones that do not run, and of which SAPI has no instance (sapi0tmp).  They are not judged if the role
    has other zones.  Source: facts "SMF"; sdcadm#16.
    """
    leftover = zone.evidence.leftover
    if zone.vm.state != "running":
        nobodys = " (SAPI knows no such instance: it is left over from an upgrade)" if leftover else ""
        raise Finding(expected="zone running", observed=f"zone {zone.vm.state}{nobodys}")
    candidate = zone.role == "ufds" and zone.datacenter.state == CANDIDATE
    agents = () if candidate else (CONFIG_AGENT,)
    required = (*SERVICES[zone.role], *agents)
    apart = (REPLICATOR, CONFIG_AGENT) if candidate else (REPLICATOR,)
    services = [service for service in zone.known_services if not any(fnmatch(service.fmri, each) for each in apart)]
    missed = [pattern for pattern in required if not any(fnmatch(s.fmri, pattern) for s in services)]
    absent = {} if zone.inside.services.unread else dict.fromkeys(missed, "absent")
    offline = {
        service.fmri: service.state
        for service in services
        if service.state != "online"
        and (service.state != "disabled" or any(fnmatch(service.fmri, pattern) for pattern in (*required, REGISTRAR)))
    }
    not_online = absent | offline
    if not_online:
        said = {service.fmri: f" (its log: {', '.join(service.said)})" for service in services if service.said}
        told = "; ".join(f"{fmri} is {state}{said.get(fmri, '')}" for fmri, state in sorted(not_online.items()))
        kind = Kind.DISABLED if set(not_online.values()) == {Kind.DISABLED.value} else None
        raise Finding(expected="every service online", observed=told, kind=kind)
    need(zone.services)  # one that could not be read may be the one that is down
