"""Files that were collected apart are judged as one, if they are of one coupling, one key and one time; else a sentence names the files."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from evidence.collect.lone import WITH_MASTER, Alone
from evidence.fact import Fact, Missing, missing
from evidence.inventory.model import Expectations
from evidence.model import (
    Change,
    CollectedPart,
    DatacenterEvidence,
    Evidence,
    Position,
    Probe,
    Progress,
    RecentChanges,
    ZoneEvidence,
)
from evidence.redact import key_mark
from evidence.store import EvidenceError, load, save
from evidence.subjects.claims import judged
from evidence.subjects.following import ON_ITS_WAY, ahead_of
from evidence.subjects.together import together
from evidence.subjects.world import World
from tests.judging import verdict_on
from tests.recording import RECORDED, recorded
from verdict.judge import Verdict

NO_TIME = "2000-01-01T00:00:00Z"
"""Recordings have no times."""
BEGUN = "2026-11-27T02:30:00Z"
LINK = "my-dc-1.binder0--my-dc-2.binder0.53"
NAMES = sorted(path.stem for path in RECORDED.glob("*.json"))


def part(evidence: Evidence, *names: str, begun: str = BEGUN, key: bytes = b"k" * 32) -> Evidence:
    """What a machine that reaches only these would have collected, if it knew everything of the others."""
    seen = {name: evidence.datacenters[name] for name in names}
    one = CollectedPart(names, begun, begun, evidence.suite_version)
    return replace(evidence, datacenters=seen, started=begun, finished=begun, key_mark=key_mark(key), parts=(one,))


def parts(evidence: Evidence) -> dict[str, Evidence]:
    return {f"{name}.json": part(evidence, name) for name in evidence.datacenters}


def apart(evidence: Evidence) -> dict[str, Evidence]:
    """The same, without what takes the master's directory at the same time."""
    return {f"{name}.json": part(_without(evidence, name), name) for name in evidence.datacenters}


def _without(evidence: Evidence, name: str) -> Evidence:
    unmet = Alone(frozenset({name})).unmet(evidence.inventory)
    seen = evidence.datacenters[name]
    if seen.zones.value is None:
        return evidence
    zones = {alias: _lacking(zone, unmet) for alias, zone in seen.zones.value.items()}
    return replace(evidence, datacenters={name: replace(seen, zones=replace(seen.zones, value=zones))})


def _lacking(zone: ZoneEvidence, unmet: Mapping[str, str]) -> ZoneEvidence:
    facts = {key: getattr(zone, key) for key in unmet}
    told = {key: missing(fact.subject, fact.asked, fact.how, unmet[key]) for key, fact in facts.items() if fact}
    return replace(zone, **told)


def with_positions(evidence: Evidence) -> Evidence:
    """The same, as each side would have told of its replication: where a checkpoint is, and which changes come next."""
    progress = {name: _progress(seen) for name, seen in evidence.datacenters.items()}
    known = [one for one in progress.values() if one is not None]
    ahead = ahead_of(evidence.datacenters[evidence.inventory.master])
    changes = {one.next.number: replace(one.next, at=_made(one, ahead)) for one in known if one.next is not None}
    told = {name: _telling(seen, changes, progress) for name, seen in evidence.datacenters.items()}
    return replace(evidence, datacenters=told)


def _made(one: Progress, ahead: float) -> str:
    """When the change was made that comes next, by the master's clock. What had just come would be thought to be on its way."""
    return (datetime.fromisoformat(NO_TIME) + timedelta(seconds=ahead - max(one.waiting, ON_ITS_WAY))).isoformat()


def _progress(seen: DatacenterEvidence) -> Progress | None:
    zones = (seen.zones.value or {}).values()
    return next((zone.progress.value for zone in zones if zone.progress is not None), None)


def _position(one: Progress, at: str) -> Position:
    number = one.next.number if one.next is not None else 0
    return Position(one.before, one.after, at, number, one.parentless, one.conflict)


def _telling(
    seen: DatacenterEvidence, changes: Mapping[int, Change], every: Mapping[str, Progress | None]
) -> DatacenterEvidence:
    if seen.zones.value is None:
        return seen
    resumes = {one.after: one.resumes for one in every.values() if one is not None}
    recent = RecentChanges(1, tuple(change for _, change in sorted(changes.items())), resumes)
    zones = {}
    for alias, zone in seen.zones.value.items():
        if zone.progress is not None:
            one = zone.progress.value
            zone = replace(
                zone, position=replace(zone.progress, value=None if one is None else _position(one, zone.progress.at))
            )
        elif zone.directory is not None:
            zone = replace(zone, recent=replace(zone.directory, value=recent))
        zones[alias] = zone
    return replace(seen, zones=replace(seen.zones, value=zones))


def merged(files: Mapping[str, Evidence]) -> Evidence:
    return together([*files.items()], 1800, "30m")


def refused(files: Mapping[str, Evidence], *, allowed: str = "30m", seconds: float = 1800) -> str:
    with pytest.raises(EvidenceError) as error:
        together([*files.items()], seconds, allowed)
    return str(error.value)


def outcomes(verdict: Verdict) -> list[tuple[str, str, str, tuple[str, ...]]]:
    return [
        (str(row.name), row.result.outcome, row.result.observed, tuple(map(str, row.blocked_by)))
        for row in verdict.results
    ]


def causes(verdict: Verdict) -> dict[str, str]:
    return {str(cause.name): cause.finding.outcome for cause in verdict.causes}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if not at % 5 else pytest.mark.proof) for at, name in enumerate(NAMES)]
)
def test_what_was_collected_in_parts_is_judged_as_if_it_were_one(name: str) -> None:
    """Each recorded state (without -m proof: each fifth), cut into its datacenters: nothing is lost, and no link is said to be astray."""
    whole = recorded(name)
    one = merged(parts(whole))
    assert one.datacenters == whole.datacenters
    assert outcomes(verdict_on(one)) == outcomes(verdict_on(whole))


@pytest.mark.parametrize(
    "name",
    [
        "healthy",
        "healthy-manta",
        "region-name-at-my-dc-1",
        "second-poseidon-at-my-dc-3",
        "firewall-rule-missing-at-my-dc-2.ufds0",
        "cloudapi-stuck-at-my-dc-3.cloudapi0",
    ],
)
def test_only_what_takes_both_directories_is_not_known(name: str) -> None:
    """All other causes are the same ones, and what is not known is told as collected apart, and never passes."""
    whole, lone = verdict_on(recorded(name)), verdict_on(merged(apart(recorded(name))))
    found = {cause: outcome for cause, outcome in causes(lone).items() if not cause.startswith("replicator-moves")}
    assert found == causes(whole)
    before = {row.name: row.result.outcome for row in whole.results}
    for row in lone.results:
        if row.result.outcome != before[row.name]:
            assert row.result.outcome == "blocked", row.name
            assert "collected apart" in "".join(map(str, row.result.missing)), row.name


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if not at % 4 else pytest.mark.proof) for at, name in enumerate(NAMES)]
)
def test_replication_is_known_from_what_each_side_tells(name: str) -> None:
    """Of each recorded state the checks of replication come out as if one machine had asked both sides."""
    evidence = recorded(name)
    whole, lone = verdict_on(evidence), verdict_on(merged(apart(with_positions(evidence))))
    seen = {row.name: (row.result.outcome, row.result.observed) for row in lone.results}
    for row in whole.results:
        if row.name.check in ("replicator-moves", "replicator-is-caught-up", "replicator-runs"):
            assert seen[row.name] == (row.result.outcome, row.result.observed), row.name


def test_the_order_of_the_files_changes_nothing() -> None:
    files = parts(recorded("healthy"))
    every = [together(order, 1800, "30m") for order in itertools.permutations(files.items())]
    assert all(each == every[0] for each in every)
    assert [each.datacenters for each in every[0].parts] == [("my-dc-1",), ("my-dc-2",), ("my-dc-3",)]


def test_one_file_is_as_it_is() -> None:
    whole = recorded("healthy")
    assert together([("a", whole)], 0, "0s") is whole


def test_a_merged_run_is_stored_and_can_be_added_to(tmp_path: Path) -> None:
    """It is judged again as it was. Links to who was in no file stay untried when that one comes later."""
    files = parts(recorded("healthy"))
    last = {"my-dc-3.json": files.pop("my-dc-3.json")}
    save(merged(files), tmp_path / "evidence.json")
    assert together([("run", load(tmp_path))], 1800, "30m") == merged(files)
    whole = merged({"two": load(tmp_path), **last})
    assert [each.datacenters for each in whole.parts] == [("my-dc-1",), ("my-dc-2",), ("my-dc-3",)]
    lost = [name for name, seen in whole.datacenters.items() for link in seen.links.values() if link.why]
    assert lost == ["my-dc-1", "my-dc-2"]
    assert verdict_on(whole).counts["blocked"] < verdict_on(merged(files)).counts["blocked"]


def test_a_datacenter_in_no_file_is_missing_evidence() -> None:
    """Nothing of it passes, and that it was not asked is the one cause."""
    files = parts(recorded("healthy"))
    del files["my-dc-3.json"]
    verdict = verdict_on(merged(files))
    assert causes(verdict) == {"headnode-answers[my-dc-3]": "blocked"}
    own = [row.result.outcome for row in verdict.results if str(row.name).partition("[")[2].startswith("my-dc-3")]
    assert set(own) <= {"blocked", "not_applicable"}
    assert "blocked" in own
    (cause,) = verdict.causes
    assert "`az-checks collect` it on a machine that reaches it" in "".join(map(str, cause.finding.missing))


def test_of_the_same_datacenter_twice() -> None:
    whole = recorded("healthy")
    files = {"a.json": part(whole, "my-dc-1", "my-dc-2"), "b.json": part(whole, "my-dc-2", "my-dc-3")}
    assert refused(files) == "a.json and b.json both hold my-dc-2 — name one of them"
    assert "both hold my-dc-1, my-dc-2, my-dc-3" in refused(
        {"run": whole, "c.json": part(whole, "my-dc-1", "my-dc-2", "my-dc-3")}
    )


def test_of_different_inventories() -> None:
    files = parts(recorded("healthy"))
    own = files["my-dc-3.json"].inventory
    declared = own.datacenters | {"my-dc-3": replace(own.datacenters["my-dc-3"], region="other")}
    other = replace(own, datacenters=declared, expect=Expectations(clock_skew=1))
    files["my-dc-3.json"] = replace(files["my-dc-3.json"], inventory=other)
    told = refused(files)
    assert "my-dc-3.json" in told
    assert "are of different inventories, which differ in expect, datacenters.my-dc-3 — " in told


def test_where_the_inventory_lies_does_not_matter() -> None:
    files = parts(recorded("healthy"))
    own = files["my-dc-3.json"].inventory
    elsewhere = replace(own, path="/elsewhere.yaml", lines={"master": 9}, keep=3, notify_command="true", apply=True)
    files["my-dc-3.json"] = replace(files["my-dc-3.json"], inventory=elsewhere)
    assert merged(files).datacenters.keys() == {"my-dc-1", "my-dc-2", "my-dc-3"}


def test_of_different_keys() -> None:
    whole = recorded("healthy")
    files = {"a.json": part(whole, "my-dc-1"), "b.json": part(whole, "my-dc-2", key=b"other" * 8)}
    assert "a.json and b.json were collected with different keys of the fingerprints" in refused(files)
    files["b.json"] = replace(files["b.json"], key_mark="")
    assert refused(files).startswith("b.json does not say with which key its fingerprints were made")


@pytest.mark.parametrize(("begun", "well"), [("2026-11-27T03:00:00Z", True), ("2026-11-27T03:00:01Z", False)])
def test_collected_too_far_apart(begun: str, well: bool) -> None:
    whole = recorded("healthy")
    files = {"new.json": part(whole, "my-dc-1", begun=begun), "old.json": part(whole, "my-dc-2"),
             "also.json": part(whole, "my-dc-3")}  # fmt: skip
    if well:
        assert merged(files).started == BEGUN
        return
    told = refused(files)
    assert "old.json" in told or "also.json" in told
    assert "and new.json at 2026-11-27 03:00 UTC, which is more than 30m apart" in told
    assert together([*files.items()], 3600, "1h").finished == begun


def test_parts_of_a_merged_run_count_by_their_own_times() -> None:
    whole = recorded("healthy")
    two = together(
        [("a", part(whole, "my-dc-1")), ("b", part(whole, "my-dc-2", begun="2026-11-27T02:59:00Z"))], 1800, "30m"
    )
    assert "two was begun at 2026-11-27 02:30 UTC" in refused(
        {"two": two, "c": part(whole, "my-dc-3", begun="2026-11-27T03:10:00Z")}
    )


@pytest.mark.parametrize("begun", ["", "yesterday"])
def test_without_a_time(begun: str) -> None:
    whole = recorded("healthy")
    told = refused({"a.json": part(whole, "my-dc-1"), "b.json": part(whole, "my-dc-2", begun=begun)})
    assert told == "b.json does not say when it was collected — collect it anew"


def tried(files: dict[str, Evidence], fact: Fact[tuple[Probe, ...]] | None) -> World:
    """What is judged if this was seen of one link."""
    name = "my-dc-1.json"
    seen: DatacenterEvidence = files[name].datacenters["my-dc-1"]
    links = {key: each for key, each in seen.links.items() if key != LINK} | ({LINK: fact} if fact else {})
    files[name] = replace(files[name], datacenters={"my-dc-1": replace(seen, links=links)})
    one = merged(files)
    return judged(one.inventory, one)


def why(world: World) -> str:
    assert world.evidence is not None
    with pytest.raises(Missing) as error:
        world.evidence.datacenters["my-dc-1"].links[LINK].get()
    return error.value.why


def test_a_link_that_was_tried_at_an_address_of_the_past_is_missing() -> None:
    """An earlier run told the address, and the target has another one now: an answer from there says nothing, nor does none."""
    files = parts(recorded("healthy"))
    fact = files["my-dc-1.json"].datacenters["my-dc-1"].links[LINK]
    old = tuple(replace(probe, host="10.2.2.99") for probe in fact.get())
    told = why(tried(files, replace(fact, value=old)))
    assert told.startswith("it was tried at 10.2.2.99, and my-dc-2 has 10.")
    assert "again with --knowing FILE, the evidence of my-dc-2" in told


def test_a_link_of_which_nothing_was_known_says_what_to_do() -> None:
    told = why(tried(parts(recorded("healthy")), None))
    assert told == (
        "collected apart: where my-dc-1 was collected the address of binder in my-dc-2 was not known; collect my-dc-1 again with "
        "--knowing FILE, the evidence of my-dc-2"
    )


def test_the_mark_of_a_key_tells_keys_apart_and_is_no_fingerprint_of_a_secret() -> None:
    assert key_mark(b"a" * 32) == key_mark(b"a" * 32) != key_mark(b"b" * 32)
    assert "a" * 8 not in key_mark(b"a" * 32)


@pytest.mark.parametrize(
    ("held", "well"),
    [
        ([("my-dc-1",), ("my-dc-2",)], True),
        ([("my-dc-1", "my-dc-2")], True),
        ([("my-dc-1",)], False),
        ([("my-dc-1", "my-dc-2"), ("my-dc-2",)], False),
        ([], False),
    ],
)
def test_parts_that_contradict_what_is_held_are_refused(
    tmp_path: Path, held: list[tuple[str, ...]], well: bool
) -> None:
    told = tuple(CollectedPart(names, BEGUN, BEGUN, "0") for names in held)
    save(replace(part(recorded("healthy"), "my-dc-1", "my-dc-2"), parts=told), tmp_path / "evidence.json")
    if well:
        assert load(tmp_path).parts == told
    else:
        with pytest.raises(EvidenceError, match="it holds other datacenters than"):
            load(tmp_path)


def test_a_datacenter_that_is_not_declared_is_refused(tmp_path: Path) -> None:
    one = part(recorded("healthy"), "my-dc-1")
    strange = replace(one.parts[0], datacenters=("strange",))
    save(
        replace(one, datacenters={"strange": one.datacenters["my-dc-1"]}, parts=(strange,)), tmp_path / "evidence.json"
    )
    with pytest.raises(EvidenceError, match="it holds other datacenters than it declares"):
        load(tmp_path)


def test_what_needs_the_master_is_asked_where_the_master_is() -> None:
    inventory = recorded("healthy").inventory
    assert Alone(frozenset({"my-dc-1", inventory.master})).unmet(inventory) == {}
    assert Alone(frozenset({"my-dc-1"})).unmet(inventory).keys() == {*WITH_MASTER}
    assert {*WITH_MASTER} <= {field.name for field in msgspec.structs.fields(ZoneEvidence)}
