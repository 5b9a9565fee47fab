"""Conclusions to tell: the demo's four causes, a green run, and hostile answers."""

from __future__ import annotations

import datetime

from msgspec.structs import replace

from evidence.inventory.model import Waiver
from evidence.model import HttpAnswer
from evidence.subjects.spec import (
    BLOCKED,
    BOTH,
    CRITICAL,
    FAILED,
    NOT_APPLICABLE,
    PASSED,
    WAIVED,
    WARNING,
    Result,
    Spec,
)
from evidence.subjects.world import World
from remediate.plan import make_plan
from remediate.registry import remedies
from reports.conclusion import Conclusion, Since
from reports.extent import Extent
from tests.remediate import synthetic as s
from verdict.judge import Cause, Judged, Named, Verdict

LINK = "my-dc-3.cloudapi0--my-dc-2.ufds.636"
HOSTILE = "<b>&\x1b[2Jü\x00\u202e\nnext"


def specs() -> dict[str, Spec]:
    summaries = {
        "cloudapi-reaches-master-ufds": "The cloudapi zone of every replica reaches the master's UFDS on 636.",
        "sapi-points-at-master-moray": "The sapi service of every non-master names the master's moray.",
    }
    return {
        check: Spec(check, BOTH, CRITICAL, "datacenter", summary=summaries.get(check, ""), chapter=remedy.chapter)
        for check, remedy in remedies().items()
    }


def demo_world() -> World:
    world = s.changed_zone(s.healthy(), "my-dc-3", "cloudapi0", vm={"routes": {}})
    world = s.probed(world, "my-dc-3", LINK, "timeout")
    return s.changed_service(world, "my-dc-1", "sapi", MASTER_MORAY_IP=None, MASTER_MORAY_PORT=None)


def _concluded(
    world: World, causes: tuple[Cause, ...], others: tuple[Result, ...] = (), waived: tuple[Judged, ...] = ()
) -> Conclusion:
    judged: dict[Named, Judged] = {Named(r.check, r.subject): Judged(r) for r in others}
    judged |= {row.name: row for row in waived}
    for cause in causes:
        judged[cause.name] = Judged(cause.finding)
        for result in cause.consequences:
            judged[Named(result.check, result.subject)] = Judged(result, (cause.name,))
    counts: dict[str, int] = {}
    for one in judged.values():
        counts[one.result.outcome] = counts.get(one.result.outcome, 0) + 1
    verdict = Verdict(tuple(judged[name] for name in sorted(judged)), causes, dict(sorted(counts.items())))
    return Conclusion(verdict, make_plan(causes, world), world, specs())


def demo() -> Conclusion:
    route = s.finding(
        "cloudapi-reaches-master-ufds",
        LINK,
        expected="tcp/636: open",
        observed="tcp/636: timeout to 10.2.2.29 by local route default via 10.3.2.1",
        evidence=(f"{LINK}: the probe (zlogin -Q 5b5c /usr/bin/bash -s -- 5 10.2.2.29:636)", "a (b)", "c (d)"),
    )
    sapi = s.finding("sapi-points-at-master-moray", "my-dc-1", observed="MASTER_MORAY_IP should be x, is not set")
    zones = [f"my-dc-3.zone{number}" for number in range(9)]
    follow = (
        s.finding("cloudapi-answers", "my-dc-3.cloudapi0", observed="503"),
        *(s.finding("core-services-are-healthy", zone, BLOCKED, missing=("x",)) for zone in zones),
    )
    others = (
        s.finding("sapi-answers", "my-dc-1.sapi0", PASSED),
        s.finding("one-ufds-master", "not-applicable", NOT_APPLICABLE, reason="the inventory has no subject for it"),
    )
    concluded = _concluded(demo_world(), (Cause(route, follow), Cause(sapi)), others, waived())
    return replace(concluded, less=("1 of the 20 that run X judged was not judged now.", "a: not judged now at b."))


def waived() -> tuple[Judged, ...]:
    """A finding that is accepted, and one that is waived with it."""
    waiver = Waiver("ufds-answers", "my-dc-1.*", "known", "ops", datetime.date(2026, 11, 27), "OPS-1")
    own = s.finding("ufds-answers", "my-dc-1.ufds0", WAIVED, observed="no bind", reason=waiver.told)
    name = Named(own.check, own.subject)
    with_it = s.finding("one-poseidon", "coupling", WAIVED, observed="nobody knows", reason=waiver.told)
    return Judged(own, (), waiver, FAILED), Judged(with_it, (name,), waiver, BLOCKED, (name,))


def partial() -> Conclusion:
    return replace(demo(), extent=Extent(partial=True, notes=("Only my-dc-1 was judged.",)))


def green() -> Conclusion:
    return _concluded(s.healthy(), (), (s.finding("sapi-answers", "my-dc-1.sapi0", PASSED),))


def five() -> Conclusion:
    """Five causes of all kinds, with what follows; new since the run before are two of them."""
    world = s.changed_zone(demo_world(), "my-dc-3", "cloudapi0", ping=s.fact(HttpAnswer(503)))
    route = s.finding(
        "cloudapi-reaches-master-ufds",
        LINK,
        expected="tcp/636: open",
        observed="tcp/636: timeout to 10.2.2.29 by local route default via 10.3.2.1",
    )
    poseidon = s.finding(
        "one-poseidon",
        "coupling",
        expected="one uuid for login poseidon, the master's: aaaaaaaa-0000-4000-8000-000000000001",
        observed="my-dc-1: aaaaaaaa-0000-4000-8000-000000000001, my-dc-3: bbbbbbbb-0000-4000-8000-00000000000b",
        culprits=("my-dc-3",),
    )
    region = s.finding("region-name-agrees", "my-dc-1", expected="my-dc", observed="my-dc-old")
    gap = s.finding("headnode-is-the-right-one", "my-dc-2", BLOCKED, observed="my-dc-2: sysinfo: it is not JSON")
    left = s.finding(
        "no-password-left-behind", "my-dc-1", severity=WARNING, expected="(none)", observed="/var/tmp/restore.ldif"
    )
    causes = (
        Cause(route, (s.finding("cloudapi-answers", "my-dc-3.cloudapi0", observed="503"),)),
        Cause(poseidon, (s.finding("replicator-moves", "my-dc-3", observed="stands still"),)),
        Cause(region, tuple(s.finding("binder-region-agrees", f"my-dc-1.binder{n}") for n in range(3))),
        Cause(gap, (s.finding("sapi-answers", "my-dc-2.sapi0", BLOCKED),)),
        Cause(left),
    )
    others = (
        *(s.finding("headnode-answers", f"my-dc-{n}", PASSED) for n in (1, 2, 3)),
        s.finding("sapi-answers", "my-dc-1.sapi0", PASSED),
        s.finding("one-ufds-master", "coupling", PASSED),
        s.finding("muskie-answers", "not-applicable", NOT_APPLICABLE, reason="Manta is not expected"),
    )
    since = Since("20261122T030000Z", (causes[0].name, causes[2].name), (Named("sapi-answers", "my-dc-1.sapi0"),))
    return replace(_concluded(world, causes, others), since=since)


def eleven() -> Conclusion:
    """More causes than the first screen has room for."""
    causes = tuple(Cause(s.finding("sapi-answers", f"my-dc-1.sapi{n}", observed="500")) for n in range(11))
    return _concluded(s.healthy(), causes)


def replayed() -> Conclusion:
    return replace(five(), extent=Extent(replayed=True), since=None)


def hostile() -> Conclusion:
    finding = s.finding("sapi-answers", "my-dc-1.sapi0", observed=HOSTILE, expected=HOSTILE, evidence=(HOSTILE,))
    blocked = s.finding("ufds-answers", "my-dc-1.ufds0", BLOCKED, observed=HOSTILE, missing=(HOSTILE,))
    return _concluded(s.healthy(), (Cause(finding), Cause(blocked)))
