"""What was listed beside evidence that was collected apart: that nothing differs is known by it; whatever else is not, with a reason."""

from __future__ import annotations

import copy
import random
from collections.abc import Mapping
from pathlib import Path

import pytest
from msgspec.structs import replace

from evidence.collect import apart, lately
from evidence.collect.ldap import USERS
from evidence.collect.listed import with_listings
from evidence.collect.opendirectory import OpenDirectory
from evidence.comparison import Comparison
from evidence.fact import Fact
from evidence.headnode import Clock
from evidence.model import CollectedPart, Evidence, Position, Progress
from evidence.store import directory_beside
from tests.evidence.histories import Directory, Values, moment
from tests.evidence.test_anypair import ADMIN, CARLA, FINGERPRINTS, PUBLIC, directory, keep, own_key
from tests.evidence.test_histories import ROUNDS
from tests.evidence.test_together import BEGUN, merged, part, parts
from tests.evidence.test_together import apart as parts_apart
from tests.judging import verdict_on
from tests.recording import recorded

KEY = b"k" * 32
"""Of the parts."""
MASTER, REPLICA = "my-dc-2", "my-dc-1"
PEOPLE = {f"uuid=a, {USERS}": CARLA, f"uuid=b, {USERS}": CARLA | {"login": ("bruno",)}}


@pytest.fixture(autouse=True)
def installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "installation.key"
    path.write_bytes(KEY)
    path.chmod(0o600)
    monkeypatch.setenv("AZ_FINGERPRINT_KEY_FILE", str(path))
    return path


def collected() -> Evidence:
    """A healthy region, each datacenter in a file of its own."""
    return merged(parts_apart(recorded("healthy")))


def listed(
    folder: Path,
    held: Mapping[str, Directory],
    *,
    unread: str = "",
    started: str = BEGUN,
    key: bytes = KEY,
    begun: str = "2026-11-27T03:00:00Z",
    changes: bool = False,
) -> dict[str, Path]:
    """The files that lie beside the evidence of these datacenters."""
    inventory = recorded("healthy").inventory
    found = {}
    for name, each in held.items():
        own = apart.own({} if unread else {apart.FINGERPRINT: FINGERPRINTS[name]}, unread)
        zones = recorded("healthy").datacenters[name].zones.value or {}
        zone = (zones["ufds0"].vm.alias, zones["ufds0"].vm.uuid)
        side = OpenDirectory(inventory.datacenters[name], ADMIN, own, each, zone)
        place = directory_beside(folder / "part.json", name)
        found[name] = keep(place, side, key, inventory, started, begun, changes=changes)
    return found


def fact(evidence: Evidence, name: str = REPLICA) -> Fact[Comparison]:
    zones = evidence.datacenters[name].zones.value or {}
    found = zones["ufds0"].comparison
    assert found is not None
    return found


def outcome(evidence: Evidence, name: str = REPLICA) -> str:
    rows = verdict_on(evidence).results
    (found,) = [row.result.outcome for row in rows if str(row.name) == f"directory-entries-agree[{name}]"]
    return str(found)


def test_that_nothing_differs_is_known(tmp_path: Path) -> None:
    """As in a run: it passes, with where it comes from. The own key of a replica is no difference."""
    held = {MASTER: directory(PEOPLE), REPLICA: directory({**PEOPLE, own_key(REPLICA): PUBLIC})}
    assert outcome(collected()) == "blocked"
    seen = with_listings(collected(), listed(tmp_path, held))
    assert fact(seen).value == Comparison(2)
    assert fact(seen).how == (
        "az-checks collect, near both: my-dc-2 at 2026-11-27T03:00:00Z, my-dc-1 at 2026-11-27T03:00:00Z"
    )
    assert outcome(seen) == "passed"
    assert fact(seen, "my-dc-3") == fact(collected(), "my-dc-3")


def test_what_differs_may_have_been_on_its_way(tmp_path: Path) -> None:
    """It is neither a finding nor a pass."""
    here = directory({**PEOPLE, f"uuid=c, {USERS}": CARLA, f"uuid=a, {USERS}": CARLA | {"email": ("x",)}})
    here.drop(f"uuid=b, {USERS}")
    seen = with_listings(collected(), listed(tmp_path, {MASTER: directory(PEOPLE), REPLICA: here}))
    assert fact(seen).value is None
    assert (fact(seen).why or "").startswith("collected apart from my-dc-2, the master: ")
    assert (fact(seen).why or "").endswith(
        "; of 2 entries 1 missing, 1 extra, 1 different, as listed at 2026-11-27T03:00:00Z and 2026-11-27T03:00:00Z; that may have been "
        "on its way"
    )
    assert outcome(seen) == "blocked"


STEP = 10.0
"""Seconds between two things that happen: more than clocks may differ."""


class History:
    """A master, a replica that follows it and on which somebody works too, and a clean one, on which nobody does."""

    def __init__(self, draw: random.Random) -> None:
        self.draw, self.at = draw, 0.0
        self.master, self.replica, self.clean = (Directory(clock=lambda: self.at) for _ in range(3))
        self.pending: list[tuple[int, str, Values | None]] = []

    @property
    def applied(self) -> int:
        """The checkpoint: which change comes next."""
        return self.pending[0][0] if self.pending else self.master.latest + 1

    def go_on(self) -> None:
        self.at += STEP
        what = self.draw.choices((self.change, self.follow, self.work, lambda: None), (5, 5, 2, 1))[0]
        what()

    def change(self) -> None:
        """On the master."""
        dn, values = self.anything()
        if self._do(self.master, dn, values):
            self.pending.append((self.master.latest, dn, values))

    def follow(self) -> None:
        for _ in range(self.draw.randrange(4)):
            if self.pending:
                _, dn, values = self.pending.pop(0)
                self._do(self.replica, dn, values)
                self._do(self.clean, dn, values)

    def work(self) -> None:
        """On the replica alone."""
        self._do(self.replica, *self.anything())

    def anything(self) -> tuple[str, Values | None]:
        dn = f"uuid={self.draw.choice('abcdefgh')}, {USERS}"
        values = CARLA | {"login": (f"l{self.draw.randrange(99)}",)}
        return dn, None if self.draw.random() < 0.2 else values

    @staticmethod
    def _do(where: Directory, dn: str, values: Values | None) -> bool:
        if values is not None:
            where.put(dn, values)
        elif dn in where.entries:
            where.drop(dn)
        else:
            return False
        return True


def entries(directory: Directory) -> dict[str, Values]:
    return {dn: values for dn, (_, values) in directory.entries.items()}


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_after_any_history_only_what_stays_different_is_a_difference(tmp_path: Path, seed: int) -> None:
    """Against an oracle that follows each change: nothing that was on its way is told, and all that stays is, whoever was listed first."""
    history = History(random.Random(seed))
    for _ in range(history.draw.randrange(60)):
        history.go_on()
    first, second = history.draw.sample((MASTER, REPLICA), 2)
    places: dict[str, Path] = {}
    told: dict[str, Directory] = {}
    for name in (first, second):
        told[name] = copy.deepcopy(history.master if name == MASTER else history.replica)
        if name == REPLICA:
            clean, checkpoint = copy.deepcopy(history.clean), history.applied
        else:
            read = history.at
        places |= listed(tmp_path, {name: told[name]}, begun=moment(history.at), changes=True)
        for _ in range(history.draw.randrange(20)):
            history.go_on()
    drifted = {dn for dn in {*entries(told[REPLICA]), *entries(clean)} if _differ(told[REPLICA], clean, dn)}
    coming = {dn for number, (_, dn) in told[MASTER].log.items() if number >= checkpoint}
    late = {dn for number, (_, dn) in told[REPLICA].log.items() if told[REPLICA].times[number] > moment(read - STEP)}
    seen = with_listings(positioned(collected(), checkpoint), places)
    value = fact(seen).value
    found = {each.dn for each in value.first} if value is not None else set()
    differ = {dn for dn in {*entries(told[MASTER]), *entries(told[REPLICA])} if _differ(*told.values(), dn)}
    assert found <= drifted
    assert found == (drifted & differ) - coming - late
    assert outcome(seen) == ("failed" if found else "blocked" if differ else "passed")


def _differ(one: Directory, other: Directory, dn: str) -> bool:
    return entries(one).get(dn) != entries(other).get(dn)


def positioned(evidence: Evidence, checkpoint: int) -> Evidence:
    """The same, with the replica's checkpoint there; it moved, and has caught up."""
    seen = evidence.datacenters[REPLICA]
    zones = {}
    for alias, zone in (seen.zones.value or {}).items():
        if zone.progress is not None:
            at = Position(checkpoint - 1, checkpoint, "2026-11-27T00:00:00Z")
            told = replace(zone.progress, value=Progress(checkpoint - 1, checkpoint, checkpoint), why=None)
            zone = replace(zone, position=replace(zone.progress, value=at, why=None), progress=told)
        zones[alias] = zone
    seen = replace(seen, zones=replace(seen.zones, value=zones))
    return replace(evidence, datacenters=evidence.datacenters | {REPLICA: seen})


@pytest.mark.parametrize("lacking", ["master", "replica", "position", "reach", "replica's reach"])
def test_what_changed_lately_must_be_known_of_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lacking: str
) -> None:
    """Else a difference may have been on its way."""
    there, here = directory(PEOPLE), directory(PEOPLE)
    here.drop(f"uuid=b, {USERS}")
    if "reach" in lacking:
        monkeypatch.setattr(lately, "REACH", 0)
        there.put(f"uuid=c, {USERS}", CARLA)
        there.drop(f"uuid=c, {USERS}")
    begun = moment(4.0) if lacking == "replica's reach" else "2026-11-27T03:00:00Z"
    places = {
        **listed(tmp_path, {MASTER: there}, begun=begun, changes=lacking != "master"),
        **listed(tmp_path, {REPLICA: here}, changes=lacking != "replica"),
    }
    checkpoint = 2 if lacking == "reach" else there.latest + 1
    evidence = collected() if lacking == "position" else positioned(collected(), checkpoint)
    seen = with_listings(evidence, places)
    assert fact(seen).value is None
    assert outcome(seen) == "blocked"
    assert "that may have been on its way" in (fact(seen).why or "")


@pytest.mark.parametrize(("late", "told"), [(0, True), (60, False)])
def test_a_replicas_clock_that_is_late_makes_no_difference_of_what_has_just_come(
    tmp_path: Path, late: int, told: bool
) -> None:
    """By it the change was made before the master was listed."""
    there, here = directory(PEOPLE), directory(PEOPLE)
    here.put(f"uuid=b, {USERS}", CARLA | {"email": ("x",)})
    places = {
        **listed(tmp_path, {MASTER: there}, begun=moment(30.0), changes=True),
        **listed(tmp_path, {REPLICA: here}, begun=moment(100.0), changes=True),
    }
    evidence = positioned(collected(), there.latest + 1)
    seen = evidence.datacenters[REPLICA]
    assert seen.clock is not None
    clock = replace(seen.clock, value=Clock(-late, 1 - late))
    evidence = replace(evidence, datacenters=evidence.datacenters | {REPLICA: replace(seen, clock=clock)})
    assert (fact(with_listings(evidence, places)).value is not None) == told


def test_what_stays_different_fails_and_names_it(tmp_path: Path) -> None:
    there, here = directory(PEOPLE), directory({**PEOPLE, f"uuid=c, {USERS}": CARLA})
    here.drop(f"uuid=b, {USERS}")
    here.put(f"uuid=a, {USERS}", CARLA | {"email": ("x",)})
    places = listed(tmp_path, {MASTER: there, REPLICA: here}, changes=True)
    value = fact(with_listings(positioned(collected(), there.latest + 1), places)).value
    assert value is not None
    assert (value.compared, value.missing, value.extra, value.different) == (2, 1, 1, 1)
    assert [(each.dn[:6], each.kind) for each in value.first] == [
        ("uuid=a", "different"),
        ("uuid=b", "missing"),
        ("uuid=c", "extra"),
    ]


def refused(tmp_path: Path, places: dict[str, Path]) -> str:
    seen = with_listings(collected(), places)
    assert fact(seen).value is None
    assert outcome(seen) == "blocked"
    return (fact(seen).why or "").rpartition("both head nodes and collects both; ")[2]


@pytest.fixture
def places(tmp_path: Path) -> dict[str, Path]:
    return listed(tmp_path, {MASTER: directory(PEOPLE), REPLICA: directory(PEOPLE)})


def test_a_key_of_which_it_is_not_known_whose_it_is(tmp_path: Path) -> None:
    held = {MASTER: directory(PEOPLE), REPLICA: directory({**PEOPLE, own_key(REPLICA): PUBLIC})}
    told = refused(tmp_path, listed(tmp_path, held, unread="SAPI: no answer"))
    assert told.endswith("whether it is my-dc-1's own key is not known: SAPI: no answer")


def test_without_the_masters_it_is_not_known(tmp_path: Path, places: dict[str, Path]) -> None:
    del places[MASTER]
    assert refused(tmp_path, places) == "nothing was listed of my-dc-2"


def test_without_the_replicas_all_is_as_it_was(places: dict[str, Path]) -> None:
    del places[REPLICA]
    assert with_listings(collected(), places) == collected()


@pytest.mark.parametrize("name", [MASTER, REPLICA])
def test_a_file_that_somebody_changed(tmp_path: Path, places: dict[str, Path], name: str) -> None:
    path = places[name]
    path.write_bytes(path.read_bytes().replace(b"uuid=a,", b"uuid=c,"))
    assert refused(tmp_path, places) == (
        f"what was listed cannot be used: {path} is damaged, or was kept with another key"
    )


@pytest.mark.parametrize("name", [MASTER, REPLICA])
def test_one_that_an_earlier_round_left(tmp_path: Path, places: dict[str, Path], name: str) -> None:
    held = {name: directory(PEOPLE)}
    places |= listed(tmp_path, held, started="2026-11-26T02:30:00Z")
    assert "was not written with this evidence of" in refused(tmp_path, places)


def test_one_of_another_datacenter(tmp_path: Path, places: dict[str, Path]) -> None:
    places[REPLICA].write_bytes(places[MASTER].read_bytes())
    assert f"{places[REPLICA]} was not written with this evidence of my-dc-1" in refused(tmp_path, places)


def test_where_the_key_is_not(tmp_path: Path, places: dict[str, Path], installation: Path) -> None:
    """The machine that judges needs none for all else, and none is made."""
    installation.unlink()
    assert "this machine does not have the key of the fingerprints" in refused(tmp_path, places)
    assert not installation.exists()


def test_another_key(tmp_path: Path, places: dict[str, Path], installation: Path) -> None:
    installation.write_bytes(b"another" * 5)
    assert "was kept by another installation" in refused(tmp_path, places)


def test_another_zone_than_the_one_that_was_listed_is_not_judged_by_it(places: dict[str, Path]) -> None:
    whole = recorded("healthy")
    seen = whole.datacenters[REPLICA]
    zones = seen.zones.value or {}
    other = replace(zones["ufds0"], vm=replace(zones["ufds0"].vm, uuid="another"))
    changed = {**whole.datacenters, REPLICA: replace(seen, zones=replace(seen.zones, value={**zones, "ufds0": other}))}
    evidence = merged(parts_apart(replace(whole, datacenters=changed)))
    assert fact(with_listings(evidence, places)) == fact(evidence)


def test_what_one_machine_could_not_compare_stays_unknown(places: dict[str, Path]) -> None:
    """It reached both directories, so it says itself why not."""
    both = CollectedPart((REPLICA, MASTER), BEGUN, BEGUN, "0.1.0")
    evidence = replace(collected(), parts=(both, CollectedPart(("my-dc-3",), BEGUN, BEGUN, "0.1.0")))
    assert with_listings(evidence, places) == evidence


def test_what_was_really_compared_stands(places: dict[str, Path]) -> None:
    """Where one machine reached both, it looked again; a listing tells less."""
    whole = recorded("account-removed-at-my-dc-1")
    together = merged({"two.json": part(whole, REPLICA, MASTER), "one.json": part(whole, "my-dc-3")})
    assert with_listings(together, places) == together
    assert with_listings(merged(parts(whole)), places) == merged(parts(whole))
