"""Checks on evidence that lacks something: what is seen is judged, and what is not seen never counts as passed."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from evidence.accounts import Account
from evidence.comparison import NOT_COMPARED, Comparison
from evidence.fact import missing
from evidence.model import Change, Checkpoint, ConfigFile, Directory, HealthcheckRow, HealthRow, Progress, SysInfo
from evidence.subjects.claims import judged
from evidence.subjects.spec import BLOCKED, CRITICAL, FAILED, NOT_APPLICABLE, PASSED, Result
from evidence.subjects.world import World
from fixtures.check import CHECKS
from lab.ufds.seed import queries
from remediate.registry import advice_for
from reports.extent import how_read, less_compared
from tests.judging import check_functions, results
from tests.remediate import synthetic as s
from tests.remediate.candidate import with_candidate
from verdict.judge import Cause, judge

OTHER = "22222222-2222-4222-8222-222222222222"
DARK = s.changed(s.healthy(), "my-dc-1", applications="timed out", networks="timed out", zones="timed out")


def row(world: World, check: str, subject: str) -> Result:
    check_functions()
    return next(each for each in results(world) if (each.check, each.subject) == (check, subject))


def second_poseidon(world: World) -> World:
    return s.changed_zone(world, "my-dc-3", "ufds0", poseidons=s.fact((Account(OTHER, "poseidon"),)))


def overlapping(world: World) -> World:
    networks = world.datacenter("my-dc-3").networks
    same = replace(networks["admin"], subnet=world.datacenter("my-dc-2").networks["admin"].subnet)
    return s.changed(world, "my-dc-3", networks=s.fact(networks | {"admin": same}))


WRONG = {
    "one-ufds-master": s.changed_metadata(DARK, "my-dc-3", ufds_is_master="true"),
    "one-poseidon": second_poseidon(DARK),
    "networks-do-not-overlap": overlapping(DARK),
}


@pytest.mark.parametrize("check", WRONG)
def test_a_dark_datacenter_does_not_hide_what_the_others_show(check: str) -> None:
    found = row(WRONG[check], check, "coupling")
    assert (found.outcome, "my-dc-3" in found.culprits, "my-dc-1" in found.culprits) == (FAILED, True, False)
    dark = Result("headnode-answers", "my-dc-1", CRITICAL, FAILED)
    causes = {str(cause.name) for cause in judge([found, dark], CHECKS, WRONG[check]).causes}
    assert causes == {f"{check}[coupling]", "headnode-answers[my-dc-1]"}
    assert advice_for(Cause(found), WRONG[check]).notes or advice_for(Cause(found), WRONG[check]).steps


@pytest.mark.parametrize("check", WRONG)
def test_with_a_dark_datacenter_it_cannot_be_said_that_all_is_well(check: str) -> None:
    found = row(DARK, check, "coupling")
    assert (found.outcome, found.lacks.partition(".")[0]) == (BLOCKED, "my-dc-1")


@pytest.mark.parametrize("check", ["one-ufds-master", "one-poseidon"])
def test_the_remedy_comes_for_those_that_are_seen(check: str) -> None:
    advice = advice_for(Cause(row(WRONG[check], check, "coupling")), WRONG[check])
    assert {step.on for step in advice.steps} == {"my-dc-3.global"}
    assert any("my-dc-1" in note and "not known" in note for note in advice.notes)


@pytest.mark.parametrize("subnet", ["", "10.2.1.0/99", None])
def test_a_network_that_cannot_be_read_is_not_disjoint(subnet: str | None) -> None:
    networks = dict(s.healthy().datacenter("my-dc-3").networks)
    admin = networks.pop("admin")
    if subnet is not None:
        networks["admin"] = replace(admin, subnet=subnet)
    world = s.changed(s.healthy(), "my-dc-3", networks=s.fact(networks))
    assert row(world, "networks-do-not-overlap", "coupling").outcome == BLOCKED


def metadata_of(world: World, datacenter: str, **changed: object) -> World:
    """The same with other parts of the metadata of application sdc."""
    applications = world.datacenter(datacenter).evidence.applications.get()
    sdc = replace(applications["sdc"], metadata=replace(applications["sdc"].metadata, **changed))
    return s.changed(world, datacenter, applications=s.fact(applications | {"sdc": sdc}))


def test_two_missing_passwords_do_not_agree() -> None:
    world = s.changed(
        metadata_of(with_candidate(), "my-dc-2", fingerprints={}), "my-dc-3", m2s_asks_password=s.fact(False)
    )
    assert row(world, "candidate-knows-the-password", "my-dc-3").outcome == BLOCKED


def test_two_missing_admins_do_not_agree() -> None:
    world = s.healthy()
    for name in world.inventory.datacenters:
        world = s.changed_metadata(world, name, ufds_admin_uuid=None)
    for name in world.inventory.datacenters:
        found = row(world, "admin-uuid-agrees", name)
        assert found.outcome == FAILED
        assert "930896af" in advice_for(Cause(found), world).steps[0].run


@pytest.mark.parametrize(("zone", "outcome"), [("my-dc-1.napi0", NOT_APPLICABLE), ("my-dc-1.binder0", BLOCKED)])
def test_files_that_nobody_read_are_not_current(zone: str, outcome: str) -> None:
    datacenter, _, alias = zone.partition(".")
    world = s.changed_zone(s.healthy(), datacenter, alias, files=s.fact({}))
    assert row(world, "rendered-config-is-current", zone).outcome == outcome


QUERIES = [*queries("my-dc")]


@pytest.mark.parametrize(
    ("asked", "outcome"),
    [
        (QUERIES, PASSED),
        (QUERIES[:1], FAILED),
        (QUERIES[:-2] + QUERIES[-1:], FAILED),
        ([*QUERIES[:-1], QUERIES[-1].replace("my-dc", "my-dc-b")], FAILED),
        ([*QUERIES, "/region=my-dc-b, o=smartdc??sub?(objectclass=network)"], FAILED),
        ([], FAILED),
        (None, FAILED),
        (7, FAILED),
        ("region=my-dc,", FAILED),
    ],
)
def test_a_replica_asks_for_everything_of_its_own_region_and_no_other(asked: object, outcome: str) -> None:
    path, master = "/opt/smartdc/ufds/etc/replicator.json", s.healthy().master
    settings = {"remotes.0.url": f"ldaps://{master.ufds_address}", "remotes.0.queries": asked}
    files = s.fact({path: ConfigFile(path, settings)})
    world = s.changed_zone(s.healthy(), "my-dc-3", "ufds0", files=files)
    found = row(world, "replica-points-at-master", "my-dc-3")
    assert (found.outcome, "broke" in found.observed) == (outcome, False)


@pytest.mark.parametrize("declared", ["", "10.2.2.29"], ids=["none declared", "another one declared"])
def test_a_replica_may_use_the_masters_admin_address(declared: str) -> None:
    """A checkpoint belongs to an address. A working address must not be replaced by another one that works as well."""
    path, world = (
        "/opt/smartdc/ufds/etc/replicator.json",
        s.changed_metadata(s.healthy(), "my-dc-3", ufds_remote_ip="10.2.1.29"),
    )
    datacenters = world.inventory.datacenters
    master = replace(datacenters["my-dc-2"], ufds_address=declared)
    world = judged(replace(world.inventory, datacenters=datacenters | {"my-dc-2": master}), world.evidence)
    settings = {"remotes.0.url": "ldaps://10.2.1.29", "remotes.0.queries": QUERIES}
    seen = world.datacenter("my-dc-3").zones("ufds")[0].directory
    held = replace(seen, checkpoints=(Checkpoint("ldaps://10.2.1.29", seen.checkpoints[0].changenumber),))
    files = s.fact({path: ConfigFile(path, settings)})
    world = s.changed_zone(world, "my-dc-3", "ufds0", files=files, directory=s.fact(held))
    assert row(world, "replica-points-at-master", "my-dc-3").outcome == PASSED


def behind(**fields: object) -> World:
    progress = s.fact(replace(Progress(latest=100, before=50, after=51), **fields))
    directory = s.fact(Directory(100, 20))
    world = s.changed_zone(s.healthy(), "my-dc-2", "ufds0", directory=directory)
    return s.changed_zone(world, "my-dc-3", "ufds0", progress=progress)


@pytest.mark.parametrize(
    ("fields", "outcome"),
    [
        ({"next": Change(51, "dn", "add", "2026-11-24T00:00:00Z"), "waiting": 3.0}, PASSED),
        ({"next": Change(51, "dn", "add", "2026-11-24T00:00:00Z"), "waiting": 300.0}, FAILED),
        ({"next": Change(51, "dn", "add", "")}, BLOCKED),
        ({}, BLOCKED),
        ({"after": 101}, PASSED),
    ],
)
def test_who_is_behind_for_an_unknown_time_has_not_caught_up(fields: dict[str, object], outcome: str) -> None:
    assert row(behind(**fields), "replicator-is-caught-up", "my-dc-3").outcome == outcome


def health(check_health: tuple[HealthRow, ...], lines: tuple[HealthcheckRow, ...]) -> World:
    world = s.healthy()
    zones = world.datacenter("my-dc-1").evidence.zones.get()
    other = replace(zones["napi0"], vm=replace(zones["napi0"].vm, uuid=OTHER, alias="napi1"))
    world = s.changed(world, "my-dc-1", zones=s.fact(zones | {"napi1": other}))
    return s.changed(world, "my-dc-1", check_health=s.fact(check_health), healthcheck=s.fact(lines))


NAPI = s.LAB.datacenters[0].zone("napi").uuid
WELL, SICK = HealthcheckRow("napi", "running", "online"), HealthcheckRow("napi", "running", "svc-err")


@pytest.mark.parametrize(
    ("sick", "lines", "outcomes"),
    [
        ((), (WELL, WELL), (PASSED, PASSED)),
        ((OTHER,), (WELL, SICK), (PASSED, FAILED)),
        ((OTHER,), (SICK, SICK), (FAILED, FAILED)),
        ((), (WELL, SICK), (FAILED, FAILED)),
        ((), (), (BLOCKED, BLOCKED)),
    ],
)
def test_a_line_without_a_name_is_that_of_the_sick_instance(
    sick: tuple[str, ...], lines: tuple[HealthcheckRow, ...], outcomes: tuple[str, str]
) -> None:
    rows = tuple(HealthRow(each, healthy=each not in sick) for each in (NAPI, OTHER))
    world = health(rows, lines)
    seen = tuple(row(world, "core-services-are-healthy", f"my-dc-1.napi{n}").outcome for n in (0, 1))
    assert seen == outcomes


def test_a_zone_that_check_health_does_not_list_is_not_healthy() -> None:
    world = health((HealthRow(NAPI, healthy=True),), (WELL, WELL))
    assert row(world, "core-services-are-healthy", "my-dc-1.napi1").outcome == BLOCKED


def test_what_another_datacenter_answers_says_nothing_of_this_one() -> None:
    world = s.changed(s.healthy(), "my-dc-3", sysinfo=s.fact(SysInfo(True, "my-dc-9")))
    check_functions()
    own = {each.check: each.outcome for each in results(world) if each.subject == "my-dc-3"}
    assert own.pop("headnode-answers") == PASSED
    assert own.pop("headnode-is-the-right-one") == FAILED
    assert own.pop("headnode-can-be-used") == PASSED  # whichever head node it is
    assert set(own.values()) == {BLOCKED}
    assert {zone.alias for zone in world.datacenter("my-dc-3").zones("ufds")} == {"ufds0"}


def test_a_comparison_that_did_not_come_to_its_end_is_no_pass() -> None:
    """What differs in the part that was read is a finding all the same."""
    check = "directory-entries-agree"
    part = Comparison(400, unread="400 entries of its own were read, then: its time was over")
    world = s.changed_zone(s.healthy(), "my-dc-1", "ufds0", comparison=s.fact(part))
    found = row(world, check, "my-dc-1")
    assert found.outcome == BLOCKED
    assert "its time was over" in found.observed
    differs = replace(part, different=1)
    world = s.changed_zone(s.healthy(), "my-dc-1", "ufds0", comparison=s.fact(differs))
    assert row(world, check, "my-dc-1").outcome == FAILED


def compared(**told: object) -> Result:
    world = s.changed_zone(s.healthy(), "my-dc-3", "ufds0", comparison=s.fact(Comparison(9, **told)))  # type: ignore[arg-type]
    return row(world, "directory-entries-agree", "my-dc-3")


def test_accounts_and_keys_alone_are_a_finding_and_never_a_pass() -> None:
    found = compared(extent="keys")
    assert found.outcome == NOT_APPLICABLE
    assert found.reason == "all 9 accounts and keys are the master's, and nothing else was compared (--compare keys)"
    found = compared(extent="keys", different=1)
    assert found.outcome == FAILED
    assert "of 9 accounts and keys of my-dc-3.ufds0; nothing else was compared" in found.observed
    assert compared(extent="keys", unread="5 entries were read").outcome == BLOCKED
    assert compared().outcome == PASSED


def test_directories_that_nobody_compared_are_not_judged() -> None:
    unseen = missing("my-dc-3.ufds0", "its directory", "ldapsearch", NOT_COMPARED, hidden=True)
    world = s.changed_zone(s.healthy(), "my-dc-3", "ufds0", comparison=unseen)
    found = row(world, "directory-entries-agree", "my-dc-3")
    assert (found.outcome, found.reason) == (NOT_APPLICABLE, "directories were not compared (--compare off)")
    assert less_compared(world.evidence) == ("Directories were not compared (--compare off).",)
    assert less_compared(s.healthy().evidence) == ()


def test_what_was_read_of_directories_is_told() -> None:
    """A night that reads what changed says since when, and why it did not if it could not."""
    held = Comparison(7, full_at="2026-11-20T01:30:00Z", reread=12)
    world = s.changed_zone(s.healthy(), "my-dc-1", "ufds0", comparison=s.fact(held))
    other = Comparison(7, anew="the master's changelog begins after what was kept")
    world = s.changed_zone(world, "my-dc-3", "ufds0", comparison=s.fact(other))
    assert how_read(world.evidence) == (
        "my-dc-3.ufds0: the whole directory was read: the master's changelog begins after what was kept",
        "Directories were read in full at 2026-11-20 01:30 UTC, and now what changed since (12 entries).",
    )
