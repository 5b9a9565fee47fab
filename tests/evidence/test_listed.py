"""What was listed beside evidence that was collected apart: that nothing differs is known by it; whatever else is not, with a reason."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from msgspec.structs import replace

from evidence.collect import apart
from evidence.collect.ldap import USERS
from evidence.collect.listed import with_listings
from evidence.collect.opendirectory import OpenDirectory
from evidence.comparison import Comparison
from evidence.fact import Fact
from evidence.model import CollectedPart, Evidence
from evidence.store import directory_beside
from tests.evidence.histories import Directory
from tests.evidence.test_anypair import ADMIN, CARLA, FINGERPRINTS, PUBLIC, directory, keep, own_key
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
    folder: Path, held: Mapping[str, Directory], *, unread: str = "", started: str = BEGUN, key: bytes = KEY
) -> dict[str, Path]:
    """The files that lie beside the evidence of these datacenters."""
    inventory = recorded("healthy").inventory
    found = {}
    for name, each in held.items():
        own = apart.own({} if unread else {apart.FINGERPRINT: FINGERPRINTS[name]}, unread)
        zones = recorded("healthy").datacenters[name].zones.value or {}
        zone = (zones["ufds0"].vm.alias, zones["ufds0"].vm.uuid)
        side = OpenDirectory(inventory.datacenters[name], ADMIN, own, each, zone)
        found[name] = keep(directory_beside(folder / "part.json", name), side, key, inventory, started)
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
        "az-checks collect --directories, near both: my-dc-2 at 2026-11-27T03:00:00Z, my-dc-1 at 2026-11-27T03:00:00Z"
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
