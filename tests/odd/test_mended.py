"""One small test of each kind of false alarm that odd regions have shown, and of the real fault that is next to it."""

from __future__ import annotations

from random import Random

import pytest
from msgspec.structs import replace

from evidence.fact import missing
from evidence.model import Checkpoint, Evidence, HttpAnswer
from evidence.subjects.claims import judged
from evidence.subjects.levels import renders_alike
from evidence.subjects.spec import FAILED, NOT_APPLICABLE, PASSED, is_link, place_of
from evidence.subjects.world import World
from remediate.registry import advice_for
from tests.judging import verdict_on
from tests.odd.draft import Draft
from tests.odd.drawing import findings
from tests.recording import recorded
from tests.remediate import synthetic as s
from tests.verdict.test_partly_seen import row
from verdict.judge import Cause


def expecting(evidence: Evidence, **fields: object) -> Evidence:
    told = evidence.inventory
    return replace(evidence, inventory=replace(told, expect=replace(told.expect, **fields)))


def causes(evidence: Evidence) -> list[str]:
    return [str(cause.name) for cause in verdict_on(evidence).causes]


def test_manta_that_is_expected_and_not_there_is_one_mistake_of_the_inventory() -> None:
    told = expecting(recorded("healthy"), manta=True)
    evidence = replace(told, inventory=replace(told.inventory, lines=told.inventory.lines | {"expect.manta": 7}))
    verdict = verdict_on(evidence)
    (cause,) = verdict.causes
    assert (str(cause.name), cause.finding.severity) == ("inventory-agrees[coupling]", "warning")
    assert "region.yaml:7: expect.manta: true" in cause.finding.observed
    advice = advice_for(cause, judged(evidence.inventory, evidence))
    assert not advice.steps
    assert "write `manta: false`" in advice.notes[0]
    assert {result.outcome for result in (each.result for each in verdict.results)} == {PASSED, FAILED, NOT_APPLICABLE}


@pytest.mark.parametrize("name", ["my-dc-1", "my-dc-2"])
def test_nothing_is_said_of_manta_where_a_datacenter_could_not_be_asked(name: str) -> None:
    evidence = expecting(recorded("healthy"), manta=True)
    unseen = replace(evidence.datacenters[name], zones=missing(name, "the core zones", "vmadm lookup", "no answer"))
    dark = replace(evidence, datacenters=evidence.datacenters | {name: unseen})
    assert judged(dark.inventory, dark).mistakes == ()


def test_a_manta_in_part_is_judged() -> None:
    """One without its zones in a datacenter is being deployed there, or has lost them."""
    evidence = recorded("healthy-manta")
    draft = Draft("healthy-manta", Random(1))
    for alias in [alias for alias in draft.zones("my-dc-3") if alias.startswith(("webapi", "electric"))]:
        del draft.zones("my-dc-3")[alias]
    zones = draft.datacenter("my-dc-3")["zones"]["value"]
    draft.datacenter("my-dc-3")["zones"]["value"] = {
        a: z for a, z in zones.items() if not a.startswith(("webapi", "electric"))
    }
    assert judged(evidence.inventory, draft.evidence()).mistakes == ()
    assert findings(draft.evidence())
    assert not findings(evidence)


@pytest.mark.parametrize("expected", [False, "planned", True, ("my-dc-2",), ("my-dc-1", "my-dc-2", "my-dc-3")])
def test_where_manta_is_meant(expected: object) -> None:
    world = World(expecting(recorded("healthy-manta"), manta=expected).inventory)
    names = {False: 0, "planned": 0, True: 3, ("my-dc-2",): 1}.get(expected, 3)  # type: ignore[call-overload]
    assert len(world.manta_datacenters) == names
    assert len(world.meant_for_manta) == (3 if expected == "planned" else names)


@pytest.mark.parametrize(
    ("key", "one", "other", "alike"),
    [
        ("ufds_is_master", False, "false", True),
        ("MASTER_MORAY_PORT", 2020, "2020", True),
        ("ufds_remote_ip", None, "", True),
        ("x", True, "true", True),
        ("x", False, "false", False),  # in a section the text is true
        ("x", "True", "true", False),
        ("x", "a ", "a", False),
        ("x", [1], ["1"], False),
        ("x", [1], [1], True),
    ],
)
def test_what_renders_alike(key: str, one: object, other: object, alike: bool) -> None:
    assert renders_alike(key, one, other) is alike


def without_a_master(*names: str) -> World:
    world = s.healthy()
    for name in names:
        world = s.changed_service(world, name, "sapi", MASTER_MORAY_IP=None, MASTER_MORAY_PORT=None)
    return world


@pytest.mark.parametrize(
    ("names", "expected", "outcome"),
    [
        (("my-dc-1", "my-dc-3"), False, NOT_APPLICABLE),
        (("my-dc-1",), False, FAILED),  # the other one has it, so it was forgotten
        (("my-dc-1", "my-dc-3"), "planned", FAILED),
        (("my-dc-1", "my-dc-3"), ("my-dc-2",), NOT_APPLICABLE),
        (("my-dc-1", "my-dc-3"), ("my-dc-1",), FAILED),
    ],
)
def test_only_manta_needs_a_master_of_sapi(names: tuple[str, ...], expected: object, outcome: str) -> None:
    evidence = without_a_master(*names).evidence
    assert evidence is not None
    told = expecting(evidence, manta=expected).inventory
    assert row(World(told, evidence), "sapi-points-at-master-moray", "my-dc-1").outcome == outcome


def test_a_way_that_nobody_needs_is_no_fault() -> None:
    """No SAPI asks the master's moray, and none could: no route, no step."""
    draft = Draft("healthy", Random(1))
    for name in draft.replicas:
        for key in ("MASTER_MORAY_IP", "MASTER_MORAY_PORT"):
            draft.service_setting(name, "sapi", key, None)
        for link, probes in draft.links(name).items():
            for probe in probes["value"] if link.endswith(".2020") else ():
                probe |= {"result": "noroute", "route": "none"}
        for zone in draft.zones(name, "sapi").values():
            zone["vm"]["routes"], zone["kernel"]["value"] = {}, []
    assert not findings(draft.evidence())


@pytest.mark.parametrize(("reaches", "outcome"), [(True, PASSED), (False, FAILED)])
def test_a_name_in_another_spelling_is_right_where_it_works(reaches: bool, outcome: str) -> None:
    world = s.changed_service(s.healthy(), "my-dc-3", "sapi", MASTER_MORAY_IP="moray.my-dc-2.SRV.example.com.")
    answer = HttpAnswer(200, {"found": 0}) if reaches else HttpAnswer(500, {"message": "no"})
    world = s.changed_zone(world, "my-dc-3", "sapi0", asks_master=s.fact(answer))
    assert row(world, "sapi-points-at-master-moray", "my-dc-3").outcome == outcome


@pytest.mark.parametrize("manta", [False, True])
def test_networks_of_manta_matter_where_it_is_expected(manta: bool) -> None:
    draft = Draft("healthy-manta" if manta else "healthy", Random(1))
    for name in ("my-dc-1", "my-dc-3"):
        draft.network(name, "manta")["subnet"] = "10.1.3.0/24"
    assert ("networks-do-not-overlap[coupling]" in causes(draft.evidence())) is manta


@pytest.mark.parametrize(
    ("names", "told", "outcome"),
    [
        ((1, 2, 3), None, NOT_APPLICABLE),
        ((1, 2, 3), True, FAILED),
        ((3,), None, FAILED),
        ((3,), False, NOT_APPLICABLE),
    ],
)
def test_a_machine_that_sees_no_customers_address_says_nothing_of_them(
    names: tuple[int, ...], told: object, outcome: str
) -> None:
    world = s.healthy()
    for number in names:
        answer = HttpAnswer(0, {"url": "https://x"}, "no answer within 5 s")
        world = s.changed(world, f"my-dc-{number}", outside=s.fact(answer))
    assert world.evidence is not None
    inventory = expecting(world.evidence, outside=told).inventory
    assert row(World(inventory, world.evidence), "cloudapi-answers-outside", "my-dc-3").outcome == outcome


@pytest.mark.parametrize(
    ("healthy", "errors", "outcome"), [(None, (), PASSED), (None, ("ur: x",), FAILED), (False, (), FAILED)]
)
def test_a_row_that_does_not_say_healthy_is_not_sick(
    healthy: bool | None, errors: tuple[str, ...], outcome: str
) -> None:
    world = s.healthy()
    own = world.datacenter("my-dc-1").zones("napi")[0].vm.uuid
    rows = world.datacenter("my-dc-1").check_health
    changed = tuple(replace(each, healthy=healthy, errors=errors) if each.instance == own else each for each in rows)
    world = s.changed(world, "my-dc-1", check_health=s.fact(changed))
    assert row(world, "core-services-are-healthy", "my-dc-1.napi0").outcome == outcome


def test_where_neither_command_says_anything_nothing_passes() -> None:
    draft = Draft("healthy-datacenters-2-servers-2", Random(1))
    for each in draft.rows("my-dc-1"):
        each["healthy"] = None if each["name"] == "moray1" else each["healthy"]
    evidence = draft.evidence()
    found = row(judged(evidence.inventory, evidence), "core-services-are-healthy", "my-dc-1.moray1")
    assert found.outcome == NOT_APPLICABLE


@pytest.mark.parametrize("name", ["SRV.EXAMPLE.COM", "srv.Example.com"])
def test_a_domain_in_another_spelling_is_judged_as_the_master_has_it(name: str) -> None:
    evidence = recorded("healthy")
    world = judged(replace(evidence.inventory, dns_domain=name), evidence)
    assert (world.mistakes, world.inventory.dns_domain) == ((), "srv.example.com")


def test_a_region_that_is_called_like_a_datacenter_has_an_id_of_its_own() -> None:
    draft = Draft("healthy", Random(1))
    draft.renamed({"my-dc": "my-dc-2"})
    evidence = draft.evidence()
    world = judged(evidence.inventory, evidence)
    assert [region.id for region in world.regions] == ["region:my-dc-2"]
    assert not findings(evidence)


def test_a_name_with_two_dashes_is_one_name() -> None:
    link = "eu--1.cloudapi0--eu--2.ufds.636"
    assert {place_of(each) for each in (link, "eu--1", "eu--1.cloudapi0")} == {"eu--1"}
    assert [is_link(each) for each in (link, "eu--1.cloudapi0", "eu--1", "coupling")] == [True, False, False, False]


@pytest.mark.parametrize("address", ["10.2.1.29", "10.9.9.9"])
def test_a_changed_address_is_told_to_belong_to_its_checkpoint(address: str) -> None:
    """The address was changed everywhere, and the only checkpoint is that of the old one: a restart would begin at change 0."""
    draft = Draft("healthy", Random(1))
    draft.follow("my-dc-3", address)
    for ufds in draft.zones("my-dc-3", "ufds").values():
        ufds["directory"]["value"]["checkpoints"][0]["url"] = "ldaps://10.2.2.29"
    evidence = draft.evidence()
    world = judged(evidence.inventory, evidence)
    found = row(world, "replicator-has-one-checkpoint", "my-dc-3")
    advice = advice_for(Cause(found), world)
    assert any("A checkpoint belongs to its url" in note and "change 0" in note for note in advice.notes)
    assert not any("ufds-replicator" in step.run for step in advice.steps)
    assert '"ufds_remote_ip":"10.2.2.29"' in advice.steps[0].run


def test_a_checkpoint_of_a_former_address_beside_the_own_one_is_nothing() -> None:
    world = s.healthy()
    ufds = world.datacenter("my-dc-3").zones("ufds")[0]
    held = replace(ufds.directory, checkpoints=(*ufds.directory.checkpoints, Checkpoint("ldaps://192.0.2.200", 17)))
    assert (
        row(
            s.changed_zone(world, "my-dc-3", "ufds0", directory=s.fact(held)),
            "replicator-has-one-checkpoint",
            "my-dc-3",
        ).outcome
        == PASSED
    )


def test_a_zone_left_from_an_upgrade_is_not_to_be_started() -> None:
    """Even where it is the only one of its role, nobody is told to start it."""
    world = s.changed_zone(s.healthy(), "my-dc-3", "sapi0", vm={"state": "stopped"}, instance=s.fact(False))
    found = row(world, "services-run", "my-dc-3.sapi0")
    advice = advice_for(Cause(found), world)
    assert (found.outcome, advice.steps) == (FAILED, ())
    assert "not to be started" in advice.notes[0]
