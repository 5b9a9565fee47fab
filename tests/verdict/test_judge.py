"""Causes and consequences, on made-up results; and properties of the real graph of checks."""

from __future__ import annotations

import datetime

import pytest
from msgspec.structs import replace

from evidence.inventory.model import Declared, Inventory, Waiver
from evidence.model import Evidence, Probe
from evidence.subjects.binding import WHOLES, bind, subjects
from evidence.subjects.claims import judged
from evidence.subjects.links import links
from evidence.subjects.spec import (
    BLOCKED,
    BOTH,
    CRITICAL,
    FAILED,
    PASSED,
    PREFLIGHT,
    WAIVED,
    WARNING,
    After,
    Kind,
    Outcome,
    Result,
    Severity,
    Spec,
)
from evidence.subjects.world import World
from fixtures.check import CHECKS
from tests.remediate import synthetic as s
from verdict.graph import ACCESS, afters, cycle, subjects_by_id
from verdict.judge import Verdict, judge

CLOUDAPI_LINK = "my-dc-3.cloudapi0--my-dc-2.ufds.636"


@pytest.fixture
def world() -> World:
    declared = {
        f"my-dc-{n}": Declared(f"my-dc-{n}", f"root@192.0.2.{n}", "my-dc", "master" if n == 2 else "replica")
        for n in (1, 2, 3)
    }
    return World(Inventory("my-dc-2", declared))


def finding(check: str, subject: str, outcome: Outcome = FAILED, **more: object) -> Result:
    return Result(check, subject, CHECKS[check].severity, outcome, **more)  # type: ignore[arg-type]


def causes(verdict: Verdict) -> dict[str, list[str]]:
    return {
        str(cause.name): [f"{result.check}[{result.subject}]" for result in cause.consequences]
        for cause in verdict.causes
    }


def test_the_graph_of_checks_has_no_cycle() -> None:
    assert cycle(CHECKS) == ()


def test_a_cycle_is_found() -> None:
    specs = {
        name: Spec(name, BOTH, WARNING, "datacenter", after=(After(other),)) for name, other in (("a", "b"), ("b", "a"))
    }
    assert set(cycle(specs)) == {"a", "b"}


def test_a_link_explains_what_its_source_zone_shows(world: World) -> None:
    verdict = judge(
        [
            finding("cloudapi-reaches-master-ufds", CLOUDAPI_LINK),
            finding("cloudapi-answers", "my-dc-3.cloudapi0"),
            finding("core-services-are-healthy", "my-dc-3.cloudapi0"),
            finding("core-services-are-healthy", "my-dc-1.cloudapi0"),
        ],
        CHECKS,
        world,
    )
    assert causes(verdict) == {
        f"cloudapi-reaches-master-ufds[{CLOUDAPI_LINK}]": [
            "cloudapi-answers[my-dc-3.cloudapi0]",
            "core-services-are-healthy[my-dc-3.cloudapi0]",
        ],
        "core-services-are-healthy[my-dc-1.cloudapi0]": [],
    }


def test_a_link_never_explains_its_target_but_the_target_explains_the_link(world: World) -> None:
    verdict = judge(
        [finding("cloudapi-reaches-master-ufds", CLOUDAPI_LINK), finding("ufds-answers", "my-dc-2.ufds0")],
        CHECKS,
        world,
    )
    assert causes(verdict) == {"ufds-answers[my-dc-2.ufds0]": [f"cloudapi-reaches-master-ufds[{CLOUDAPI_LINK}]"]}


def test_a_link_to_one_instance_explains_the_link_to_all_of_them(world: World) -> None:
    one = "binder-reaches-binder", "my-dc-1.binder0--my-dc-3.binder0.53"
    names = "binder-answers-other-datacenters", "my-dc-1.binder0--my-dc-3.binder.53"
    others = "binder-answers-other-datacenters", "my-dc-1.binder0--my-dc-2.binder.53"
    found = causes(judge([finding(*one), finding(*names), finding(*others)], CHECKS, world))
    assert found == {f"{one[0]}[{one[1]}]": [f"{names[0]}[{names[1]}]"], f"{others[0]}[{others[1]}]": []}


def test_a_finding_on_the_coupling_explains_only_its_culprits(world: World) -> None:
    verdict = judge(
        [
            finding("one-poseidon", "coupling", culprits=("my-dc-3",)),
            finding("core-services-are-healthy", "my-dc-3.ufds0"),
            finding("core-services-are-healthy", "my-dc-1.ufds0"),
        ],
        CHECKS,
        world,
    )
    assert causes(verdict) == {
        "one-poseidon[coupling]": ["core-services-are-healthy[my-dc-3.ufds0]"],
        "core-services-are-healthy[my-dc-1.ufds0]": [],
    }


def test_what_is_not_known_of_the_master_may_be_why_a_replica_fails(world: World) -> None:
    found = [
        finding("sapi-answers", "my-dc-2.sapi0"),
        finding("one-poseidon", "coupling", BLOCKED, lacks="my-dc-2"),
        finding("ufds-answers", "my-dc-2.ufds0"),
        finding("replicator-runs", "my-dc-3", kind=Kind.MAINTENANCE),
    ]
    assert "replicator-runs[my-dc-3]" not in causes(judge(found, CHECKS, world))


def test_what_the_master_lacks_explains_what_its_replicas_lack(world: World) -> None:
    found = [
        finding("master-has-admin-and-operators", "my-dc-2"),
        finding("admin-and-operators-are-there", "my-dc-1"),
        finding("admin-and-operators-are-there", "my-dc-3"),
    ]
    explained = ["admin-and-operators-are-there[my-dc-1]", "admin-and-operators-are-there[my-dc-3]"]
    assert causes(judge(found, CHECKS, world)) == {"master-has-admin-and-operators[my-dc-2]": explained}


@pytest.mark.parametrize(
    ("kind", "explained"),
    [
        (Kind.MAINTENANCE, {"one-poseidon", "replica-points-at-master", "services-run"}),
        (None, {"replica-points-at-master", "services-run"}),
        (Kind.DISABLED, set()),
    ],
)
def test_a_finding_is_explained_only_by_what_can_cause_its_kind(
    kind: Kind | None, explained: set[str], world: World
) -> None:
    """Nobody's second poseidon disables a replicator: that happens only by hand."""
    others = {"one-poseidon": "coupling", "replica-points-at-master": "my-dc-3", "services-run": "my-dc-3.ufds0"}
    for check, subject in others.items():
        found = [finding(check, subject), finding("replicator-runs", "my-dc-3", kind=kind)]
        alone = "replicator-runs[my-dc-3]" in causes(judge(found, CHECKS, world))
        assert alone is (check not in explained), check


def test_what_was_disabled_explains_what_was_disabled_with_it(world: World) -> None:
    found = [
        finding("services-run", "my-dc-3.ufds0", kind=Kind.DISABLED),
        finding("replicator-runs", "my-dc-3", kind=Kind.DISABLED),
    ]
    explained = {"services-run[my-dc-3.ufds0]": ["replicator-runs[my-dc-3]"]}
    assert causes(judge(found, CHECKS, world)) == explained


@pytest.mark.parametrize(("culprits", "number"), [(("my-dc-2", "my-dc-3"), 1), (("my-dc-1", "my-dc-3"), 2)])
def test_networks_that_overlap_explain_the_links_between_them(
    culprits: tuple[str, ...], number: int, world: World
) -> None:
    overlap = finding("networks-do-not-overlap", "coupling", culprits=culprits)
    verdict = judge([overlap, finding("cloudapi-reaches-master-ufds", CLOUDAPI_LINK)], CHECKS, world)
    assert len(verdict.causes) == number


def test_a_dark_datacenter_blocks_its_own_and_what_needs_its_evidence(world: World) -> None:
    verdict = judge(
        [
            finding("headnode-answers", "my-dc-2"),
            finding("services-run", "my-dc-2.ufds0", BLOCKED, lacks="my-dc-2"),
            finding("one-poseidon", "coupling", BLOCKED, lacks="my-dc-2"),
            finding("dns-domain-agrees", "my-dc-1", BLOCKED, lacks="my-dc-2"),
            finding("ufds-reaches-master-ufds", "my-dc-3.ufds0--my-dc-2.ufds.636", BLOCKED, lacks="my-dc-2"),
            finding("services-run", "my-dc-1.ufds0", PASSED),
        ],
        CHECKS,
        world,
    )
    assert list(causes(verdict)) == ["headnode-answers[my-dc-2]"]
    assert {str(j.name): [str(b) for b in j.blocked_by] for j in verdict.results if j.result.outcome == BLOCKED} == {
        "dns-domain-agrees[my-dc-1]": ["headnode-answers[my-dc-2]"],
        "one-poseidon[coupling]": ["headnode-answers[my-dc-2]"],
        "services-run[my-dc-2.ufds0]": ["headnode-answers[my-dc-2]"],
        "ufds-reaches-master-ufds[my-dc-3.ufds0--my-dc-2.ufds.636]": ["headnode-answers[my-dc-2]"],
    }


def test_each_of_two_dark_datacenters_explains_its_own_gaps(world: World) -> None:
    dark = ("my-dc-1", "my-dc-3")
    verdict = judge(
        [
            *(finding("headnode-answers", name) for name in dark),
            *(finding("replica-points-at-master", name, BLOCKED, lacks=name) for name in dark),
            finding("one-ufds-master", "coupling", BLOCKED, lacks="my-dc-1"),
        ],
        CHECKS,
        world,
    )
    assert causes(verdict) == {
        f"headnode-answers[{name}]": ["one-ufds-master[coupling]", f"replica-points-at-master[{name}]"] for name in dark
    }


def test_what_is_not_known_of_a_dark_datacenter_is_no_reason_for_what_fails_elsewhere(world: World) -> None:
    link = "cloudapi-reaches-master-ufds", CLOUDAPI_LINK
    verdict = judge(
        [
            finding("headnode-answers", "my-dc-1"),
            finding("networks-do-not-overlap", "coupling", BLOCKED, lacks="my-dc-1"),
            finding("routes-go-both-ways", "my-dc-2.ufds0", BLOCKED, lacks="my-dc-1.cloudapi0--my-dc-2.ufds.636"),
            finding(*link),
        ],
        CHECKS,
        world,
    )
    assert causes(verdict) == {
        f"{link[0]}[{link[1]}]": [],
        "headnode-answers[my-dc-1]": ["networks-do-not-overlap[coupling]", "routes-go-both-ways[my-dc-2.ufds0]"],
    }


def test_what_is_not_known_of_the_same_datacenter_is_one(world: World) -> None:
    found = [
        finding("headnode-answers", "my-dc-2"),
        finding("routes-go-both-ways", "my-dc-2.ufds0", BLOCKED, lacks="my-dc-2.ufds0"),
        finding("cloudapi-reaches-master-ufds", CLOUDAPI_LINK),
    ]
    assert list(causes(judge(found, CHECKS, world))) == ["headnode-answers[my-dc-2]"]


@pytest.mark.parametrize(
    ("route", "sent"), [("none", False), ("default via 10.3.2.1", True), ("10.2.2.29 via 10.3.1.1", True)]
)
def test_where_nothing_was_sent_the_target_is_not_why(route: str, sent: bool) -> None:
    probe = Probe("10.2.2.29", 636, "tcp", "timeout" if sent else "noroute", "", route)
    there = s.changed(s.healthy(), "my-dc-3", links={CLOUDAPI_LINK: s.fact((probe,))})
    found = [finding("ufds-answers", "my-dc-2.ufds0"), finding("cloudapi-reaches-master-ufds", CLOUDAPI_LINK)]
    assert len(judge(found, CHECKS, there).causes) == (1 if sent else 2)


def test_wrong_data_are_no_consequence_of_the_service_that_told_them(world: World) -> None:
    verdict = judge(
        [
            finding("services-run", "my-dc-1.moray0"),
            finding("sapi-answers", "my-dc-1.sapi0"),
            finding("region-name-agrees", "my-dc-1"),
            finding("dns-domain-agrees", "my-dc-1", BLOCKED, lacks="my-dc-1"),
        ],
        CHECKS,
        world,
    )
    assert causes(verdict) == {
        "region-name-agrees[my-dc-1]": [],
        "services-run[my-dc-1.moray0]": ["dns-domain-agrees[my-dc-1]", "sapi-answers[my-dc-1.sapi0]"],
    }


def test_a_check_whether_something_answers_declares_so() -> None:
    """Otherwise wrong data would be taken for a consequence of the service that returned them."""
    assert {spec.id for spec in CHECKS.values() if spec.answers} == {
        name for name in CHECKS if name.endswith("-answers")
    }


def test_a_blocked_check_that_nothing_explains_is_a_cause(world: World) -> None:
    verdict = judge([finding("binder-answers-own-names", "my-dc-1.binder0", BLOCKED, lacks="my-dc-1")], CHECKS, world)
    assert list(causes(verdict)) == ["binder-answers-own-names[my-dc-1.binder0]"]
    assert verdict.results[0].blocked_by == ()


def test_the_order_of_results_does_not_matter(world: World) -> None:
    results = [
        finding("cloudapi-reaches-master-ufds", CLOUDAPI_LINK),
        finding("one-poseidon", "coupling", culprits=("my-dc-3",)),
        finding("cloudapi-answers", "my-dc-3.cloudapi0"),
    ]
    assert judge(results, CHECKS, world) == judge(reversed(results), CHECKS, world)


def waived(world: World, *waivers: tuple[str, str, int]) -> World:
    """The world of 2026-11-24 with waivers of (check, subject, last day in that month)."""
    written = tuple(
        Waiver(check, subject, "known", "ops", datetime.date(2026, 11, day)) for check, subject, day in waivers
    )
    evidence = Evidence(replace(world.inventory, waived=written), "0", "2026-11-24T00:00:00Z", "", {})
    return judged(evidence.inventory, evidence)


def test_a_waived_finding_is_no_cause_and_what_follows_from_it_alone_is_waived_with_it(world: World) -> None:
    results = [
        finding("ufds-answers", "my-dc-2.ufds0", BLOCKED),
        finding("cloudapi-reaches-master-ufds", CLOUDAPI_LINK),
        finding("one-poseidon", "coupling", PASSED),
    ]
    verdict = judge(results, CHECKS, waived(world, ("ufds-answers", "my-dc-2.*", 24)))
    assert (verdict.causes, verdict.counts) == ((), {"passed": 1, "waived": 2})
    assert verdict.remarks == (
        f"Not known while ufds-answers[my-dc-2.ufds0] is waived: cloudapi-reaches-master-ufds[{CLOUDAPI_LINK}].",
    )
    link, ufds = (row for row in verdict.results if row.waiver is not None)
    assert (ufds.was, ufds.through, ufds.result.outcome) == (BLOCKED, (), WAIVED)
    assert (link.was, link.through) == (FAILED, (ufds.name,))
    assert link.result.reason.startswith("not known while ufds-answers[my-dc-2.ufds0] is waived: ")


@pytest.mark.parametrize(("kind", "causes_left"), [(None, {}), (Kind.OWN, {"directory-entries-agree[my-dc-1]": []})])
def test_what_was_made_on_a_replica_is_not_waived_along_with_its_replicator(
    world: World, kind: Kind | None, causes_left: dict[str, list[str]]
) -> None:
    made = replace(finding("directory-entries-agree", "my-dc-1"), kind=kind)
    results = [finding("replicator-runs", "my-dc-1"), made]
    verdict = judge(results, CHECKS, waived(world, ("replicator-runs", "my-dc-1", 30)))
    assert causes(verdict) == causes_left


def test_what_follows_from_another_cause_too_stays_a_finding(world: World) -> None:
    both = [finding("region-name-agrees", "my-dc-1"), finding("dns-domain-agrees", "my-dc-1")]
    both.append(finding("binder-region-agrees", "my-dc-1.binder0"))
    verdict = judge(both, CHECKS, waived(world, ("region-name-agrees", "my-dc-1", 30)))
    assert causes(verdict) == {"dns-domain-agrees[my-dc-1]": ["binder-region-agrees[my-dc-1.binder0]"]}


def test_a_waived_consequence_leaves_its_cause(world: World) -> None:
    results = [finding("cloudapi-reaches-master-ufds", CLOUDAPI_LINK), finding("cloudapi-answers", "my-dc-3.cloudapi0")]
    verdict = judge(results, CHECKS, waived(world, ("cloudapi-answers", "*", 30)))
    assert causes(verdict) == {f"cloudapi-reaches-master-ufds[{CLOUDAPI_LINK}]": []}


@pytest.mark.parametrize(
    ("waiver", "outcome", "remark"),
    [
        (("one-poseidon", "coupling", 23), FAILED, "it expired on 2026-11-23, and the finding is still there"),
        (("one-poseidon", "coupling", 23), PASSED, "it expired on 2026-11-23, and nothing needs it"),
        (("one-poseidon", "coupling", 24), PASSED, "nothing needs it: the check holds"),
        (("one-poseidon", "my-dc-*", 24), PASSED, "the check has no such subject here"),
        (("two-poseidons", "coupling", 24), PASSED, "no check has this id"),
    ],
)
def test_a_waiver_to_look_at_is_told(world: World, waiver: tuple[str, str, int], outcome: str, remark: str) -> None:
    verdict = judge([finding("one-poseidon", "coupling", outcome)], CHECKS, waived(world, waiver))
    assert verdict.counts == {outcome: 1}
    assert verdict.remarks == (f"waiver {waiver[0]}[{waiver[1]}] of ops: {remark}",)
    assert (verdict.results[0].expired is not None) == (outcome == FAILED)


def test_what_was_not_judged_is_no_reason_to_doubt_a_waiver(world: World) -> None:
    verdict = judge([finding("one-poseidon", "coupling", PASSED)], CHECKS, waived(world, ("services-run", "*", 24)))
    assert verdict.remarks == ()


def test_a_cause_that_was_not_asked_for_is_told_and_nothing_else_that_was_not(world: World) -> None:
    others = [
        finding("services-run", "my-dc-3.cloudapi0"),
        finding("core-services-are-healthy", "my-dc-3.cloudapi0"),
        finding("services-run", "my-dc-1.ufds0"),
        finding("services-run", "my-dc-1.binder0", PASSED),
    ]
    verdict = judge([finding("cloudapi-answers", "my-dc-3.cloudapi0")], CHECKS, world, others)
    assert causes(verdict) == {"services-run[my-dc-3.cloudapi0]": ["cloudapi-answers[my-dc-3.cloudapi0]"]}
    assert [row.selected for row in verdict.results] == [True, False]
    assert verdict.counts == {"failed": 2}
    assert verdict.remarks == (
        "services-run[my-dc-3.cloudapi0] was not selected; it is in this report because it is a cause.",
    )
    assert judge([finding("cloudapi-answers", "my-dc-3.cloudapi0", PASSED)], CHECKS, world, others).causes == ()


def test_every_row_comes_after_the_head_node(world: World) -> None:
    for spec in CHECKS.values():
        if spec.id not in ACCESS:
            assert set(map(After, ACCESS)) <= set(afters(spec, CHECKS))


def test_subjects_do_not_vanish_without_evidence(world: World) -> None:
    """Every datacenter keeps a placeholder for each role, so a dark one is never an empty set."""
    known = subjects_by_id(world, CHECKS.values())
    assert {"coupling", "my-dc-1", "my-dc-1.cloudapi0", CLOUDAPI_LINK, "my-dc-1.binder0--my-dc-3.binder0.53"} <= set(
        known
    )
    assert CRITICAL in {spec.severity for spec in CHECKS.values()}


def test_links_go_from_all_but_the_master(world: World) -> None:
    assert [link.id for link in links(world, "sapi-reaches-master-moray")] == [
        "my-dc-1.sapi0--my-dc-2.moray.2020",
        "my-dc-3.sapi0--my-dc-2.moray.2020",
    ]
    assert len(links(world, "binder-reaches-binder")) == 6


def test_preflight_is_about_candidates_only(world: World) -> None:
    assert subjects(world, "datacenter", PREFLIGHT, "x") == ()
    assert subjects(world, "coupling", PREFLIGHT, "x") == ()


def test_companions_are_bound_by_name(world: World) -> None:
    replica = world.datacenter("my-dc-3")
    bound = bind(world, replica, ("replica", "master"))
    assert (bound["replica"].id, bound["master"].id) == ("my-dc-3", "my-dc-2")
    with pytest.raises(ValueError, match="cannot be called cousin"):
        bind(world, replica, ("replica", "cousin"))


def test_a_row_about_a_datacenter_says_which_of_its_zones_it_follows_from() -> None:
    """Otherwise an edited file of binder would explain a replicator that somebody stopped."""
    wholes = {"zone", "api", "configured", "restarted", "target", "manta_peer"}
    for spec in CHECKS.values():
        if spec.subject in WHOLES:
            vague = {after.check for after in spec.after if not after.at and CHECKS[after.check].subject in wholes}
            assert not vague or spec.id == "health-commands-answer", (spec.id, vague)


def test_a_head_node_that_cannot_be_used_explains_what_nobody_saw_and_nothing_else(world: World) -> None:
    verdict = judge(
        [
            finding("headnode-can-be-used", "my-dc-3"),
            finding("headnode-is-the-right-one", "my-dc-3", BLOCKED, lacks="my-dc-3"),
            finding("services-run", "my-dc-3.sapi0", BLOCKED, lacks="my-dc-3.sapi0"),
            finding("region-name-agrees", "my-dc-3"),
            finding("cloudapi-reaches-master-ufds", CLOUDAPI_LINK, BLOCKED, lacks="my-dc-3.cloudapi0"),
            finding("binder-reaches-binder", "my-dc-1.binder0--my-dc-3.binder.53", BLOCKED, lacks="my-dc-3"),
        ],
        CHECKS,
        world,
    )
    assert causes(verdict) == {
        "headnode-can-be-used[my-dc-3]": [
            "binder-reaches-binder[my-dc-1.binder0--my-dc-3.binder.53]",
            f"cloudapi-reaches-master-ufds[{CLOUDAPI_LINK}]",
            "headnode-is-the-right-one[my-dc-3]",
            "services-run[my-dc-3.sapi0]",
        ],
        "region-name-agrees[my-dc-3]": [],
    }


@pytest.mark.parametrize(("severity", "explained"), [(CRITICAL, True), (WARNING, False)])
def test_a_finding_that_is_milder_than_its_check_explains_nothing(
    world: World, severity: Severity, explained: bool
) -> None:
    """A backslash in a line of /usbkey/config that costs nothing is not why sdcadm fails."""
    mild = replace(finding("usbkey-can-be-evaluated", "my-dc-3"), severity=severity)
    other = finding("usbkey-agrees-with-sapi", "my-dc-3")
    verdict = judge([mild, other], CHECKS, world)
    assert ("usbkey-agrees-with-sapi[my-dc-3]" not in causes(verdict)) == explained
