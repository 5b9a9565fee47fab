"""Checks around a coupling on evidence without servers: clocks, versions, passwords, and which stage judges whom."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from evidence.accounts import Account, Accounts, Collision, Collisions
from evidence.fact import Missing
from evidence.headnode import Clock, Instance
from evidence.model import Configuration, HttpAnswer
from evidence.subjects.binding import subjects
from evidence.subjects.spec import PREFLIGHT, Result
from evidence.subjects.world import World
from fixtures.check import CHECKS
from tests.judging import check_functions, results
from tests.remediate import synthetic as s
from tests.remediate.candidate import LATE, QUICK, clocked, with_candidate


def judged(world: World) -> list[Result]:
    check_functions()
    return results(world)


def findings(world: World, check: str) -> dict[str, str]:
    """The outcomes of one check that are not passed, by subject."""
    return {row.subject: row.outcome for row in judged(world) if row.check == check and row.outcome != "passed"}


@pytest.mark.parametrize(
    ("ahead", "blamed"),
    [
        ({}, set()),
        ({"my_dc_1": 900}, {"my-dc-1"}),
        ({"my_dc_2": -900}, {"my-dc-2"}),
        ({"my_dc_1": 4}, set()),
        ({"my_dc_1": 900, "my_dc_2": 900, "my_dc_3": 900}, set()),
        ({"my_dc_1": 900, "my_dc_2": 901, "my_dc_3": 0}, {"my-dc-1", "my-dc-2"}),
    ],
    ids=["none", "a replica", "the master", "a little", "this machine", "half of them: this machine decides"],
)
def test_the_clock_that_is_off_is_blamed(ahead: dict[str, float], blamed: set[str]) -> None:
    assert set(findings(clocked(s.healthy(), **ahead), "clocks-agree")) == blamed


def test_a_dark_head_node_has_no_say_about_the_other_clocks() -> None:
    world = s.changed(clocked(s.healthy(), my_dc_1=900), "my-dc-2", clock="timed out")
    assert findings(world, "clocks-agree") == {"my-dc-1": "failed", "my-dc-2": "blocked"}


def test_an_answer_that_took_too_long_tells_no_time() -> None:
    world = s.changed(clocked(s.healthy()), "my-dc-1", clock=s.fact(Clock(-20, 1)))
    assert findings(world, "clocks-agree") == {"my-dc-1": "blocked"}


def test_preflight_rows_pass_for_a_candidate_that_is_ready() -> None:
    world = with_candidate()
    rows = {row.check: row.outcome for row in judged(world) if CHECKS[row.check].stage == PREFLIGHT}
    mine = {check for check in rows if check.startswith("candidate-")} | {"versions-agree"}
    assert {check: rows[check] for check in mine - {"candidate-config-agent-runs"}} == dict.fromkeys(
        mine - {"candidate-config-agent-runs"}, "passed"
    )


def test_nothing_is_judged_of_a_candidate_that_holds_only_after_coupling() -> None:
    check_functions()
    world = with_candidate()
    for spec in CHECKS.values():
        names = {subject.id.partition(".")[0] for subject in subjects(world, spec.subject, spec.stage, spec.id)}
        if spec.stage == "postchange":
            assert "my-dc-3" not in names, spec.id
        if spec.stage == "preflight":
            assert names <= {"my-dc-3", "coupling", "my-dc-2"}, spec.id


@pytest.mark.parametrize(
    ("here", "there", "outcome"),
    [(QUICK, LATE, "failed"), (LATE, QUICK, ""), (QUICK, QUICK, ""), ("", QUICK, "blocked"), (QUICK, "7.0", "blocked")],
)
def test_an_older_image_is_found_and_an_unknown_one_does_not_pass(here: str, there: str, outcome: str) -> None:
    world = with_candidate()
    for name, version in (("my-dc-3", here), ("my-dc-2", there)):
        world = s.changed(
            world,
            name,
            instances=s.fact((Instance("adminui"), Instance("sapi", version=version), Instance("ufds", version=QUICK))),
        )
    assert findings(world, "versions-agree") == ({"my-dc-3": outcome} if outcome else {})


def password(world: World, datacenter: str, fingerprint: str, *, fragile: bool = False) -> World:
    applications = world.datacenter(datacenter).evidence.applications.get()
    metadata = Configuration(
        applications["sdc"].metadata.values,
        {"ufds_ldap_root_pw": fingerprint},
        ("ufds_ldap_root_pw",) if fragile else (),
    )
    return s.changed(world, datacenter, applications=s.fact({"sdc": replace(applications["sdc"], metadata=metadata)}))


@pytest.mark.parametrize(
    ("asks", "same", "fragile", "fails"),
    [
        (True, False, False, False),
        (False, True, False, False),
        (False, False, False, True),
        (True, True, True, True),
    ],
)
def test_how_the_password_gets_to_the_candidate(*, asks: bool, same: bool, fragile: bool, fails: bool) -> None:
    world = password(with_candidate(), "my-dc-2", "a", fragile=fragile)
    world = password(world, "my-dc-3", "a" if same else "b")
    world = s.changed(world, "my-dc-3", m2s_asks_password=s.fact(asks))
    assert findings(world, "candidate-knows-the-password") == ({"my-dc-3": "failed"} if fails else {})


@pytest.mark.parametrize(
    ("besides", "outcome"),
    [
        ((), "passed"),
        (("region=my-dc, o=smartdc",), "passed"),
        (("cn=auditors, ou=groups, o=smartdc",), "failed"),
        (("region=other, o=smartdc",), "failed"),
        (("cn=blacklist, o=smartdc",), "failed"),
        (None, "not_applicable"),
    ],
)
def test_what_stays_of_a_candidate(besides: tuple[str, ...] | None, outcome: str) -> None:
    """Older evidence does not tell of it: that is said, and nothing passes."""
    world = s.changed_zone(with_candidate(), "my-dc-3", "ufds0", accounts=s.fact(Accounts(0, (), besides)))
    wanted = "candidate-has-no-accounts-to-lose"
    assert [each.outcome for each in results(world) if each.check == wanted and each.subject == "my-dc-3"] == [outcome]


def test_who_collides_is_not_counted_twice() -> None:
    hans, ines = Account("1", "hans"), Account("2", "ines")
    world = s.changed_zone(
        with_candidate(),
        "my-dc-3",
        "ufds0",
        accounts=s.fact(Accounts(1, (hans,), ())),
        collisions=s.fact(Collisions(1, (Collision(hans, ("login",)),))),
    )
    assert findings(world, "candidate-has-no-accounts-to-lose") == {}
    assert findings(world, "candidate-collides-with-nothing") == {"my-dc-3": "failed"}
    world = s.changed_zone(world, "my-dc-3", "ufds0", accounts=s.fact(Accounts(2, (hans, ines), ())))
    (row,) = (row for row in judged(world) if row.check == "candidate-has-no-accounts-to-lose")
    assert row.outcome == "failed"
    assert "other than admin: ines;" in row.observed


def test_a_sapi_that_does_not_tell_its_mode_does_not_pass() -> None:
    world = s.healthy()
    for name in world.inventory.datacenters:
        world = s.changed_zone(world, name, "sapi0", ping=s.fact(HttpAnswer(200, {"storAvailable": True})))
    assert findings(world, "sapi-is-in-full-mode").keys() == set(world.inventory.datacenters)
    with pytest.raises(Missing):
        check_functions()["sapi-is-in-full-mode"](world.datacenter("my-dc-1"))


@pytest.mark.parametrize("other", ["a-region", "z-region"])
def test_what_is_registered_below_another_region_is_not_there(other: str) -> None:
    """Whatever that region is called: it is left from an earlier coupling."""
    world = s.healthy()
    directory = world.master.evidence.zones.get()["ufds0"].directory.get()
    moved = tuple(
        replace(each, region=other) if each.datacenter == "my-dc-3" else each for each in directory.datacenters
    )
    there = s.changed_zone(world, "my-dc-2", "ufds0", directory=s.fact(replace(directory, datacenters=moved)))
    assert findings(there, "datacenters-are-registered") == {"my-dc": "failed"}
