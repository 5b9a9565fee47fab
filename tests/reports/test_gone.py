"""What a coupling took away is named afterwards, if a run before it was kept."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from evidence.accounts import KEY, POLICY, Belonging, Belongings
from evidence.store import save
from evidence.subjects.triton import ADMIN_UUID
from evidence.subjects.world import World
from reports.gone import gone_since
from tests.remediate import synthetic as s
from tests.remediate.candidate import with_candidate

DC = "my-dc-3"
ADMIN = f"uuid={ADMIN_UUID}, ou=users, o=smartdc"
LAPTOP = Belonging(KEY, "ops laptop", f"fingerprint=aa, {ADMIN}", "aa")
POLICY_ONE = Belonging(POLICY, "deployers", f"policy-uuid=1, {ADMIN}")
MADE_AGAIN = Belonging(POLICY, "deployers", f"policy-uuid=2, {ADMIN}")
BEFORE, NOW = "20261124T000000Z", "20261125T000000Z"


def holding(world: World, *named: Belonging, probes: int = 3) -> World:
    held = world.datacenter(DC).evidence.zones.get()["ufds0"].directory
    assert held is not None
    counts = {kind: sum(each.kind == kind for each in named) for kind in {each.kind for each in named}}
    return s.changed_zone(
        world,
        DC,
        "ufds0",
        belongings=s.fact(Belongings(len(named) + probes, counts, named)),
        directory=s.fact(replace(held.get(), probes=probes)),
    )


def kept(world: World, runs: Path, run: str = BEFORE) -> None:
    assert world.evidence is not None
    (runs / run).mkdir()
    save(world.evidence, runs / run / "evidence.json")


@pytest.mark.parametrize(
    ("named", "probes", "gone"),
    [
        ((LAPTOP, POLICY_ONE), 3, ()),
        ((LAPTOP, MADE_AGAIN), 3, ()),
        ((POLICY_ONE,), 3, ("key 'ops laptop' (aa)",)),
        ((), 1, ("key 'ops laptop' (aa)", "policy 'deployers'", "2 of 3 amon probes and groups")),
    ],
)
def test_what_is_gone_is_named(
    tmp_path: Path, named: tuple[Belonging, ...], probes: int, gone: tuple[str, ...]
) -> None:
    kept(holding(with_candidate(), LAPTOP, POLICY_ONE), tmp_path)
    told = gone_since(holding(s.healthy(), *named, probes=probes), tmp_path, NOW)
    assert len(told) == bool(gone)
    assert all(each in told[0] for each in gone)
    assert all(f"run {BEFORE}" in each and "/var/az-copies" in each for each in told)


def test_a_run_that_saw_it_half_deleted_is_not_what_was_before(tmp_path: Path) -> None:
    kept(holding(with_candidate(), LAPTOP), tmp_path)
    half = holding(with_candidate())
    held = half.datacenter(DC).evidence.zones.get()["ufds0"].directory
    assert held is not None
    half = s.changed_zone(half, DC, "ufds0", directory=s.fact(replace(held.get(), operators=None)))
    kept(half, tmp_path, "20261124T010000Z")
    (told,) = gone_since(holding(s.healthy()), tmp_path, NOW)
    assert f"run {BEFORE}" in told


def test_without_a_kept_run_nothing_is_said(tmp_path: Path) -> None:
    assert gone_since(holding(s.healthy()), tmp_path, NOW) == ()
    kept(holding(with_candidate(), LAPTOP), tmp_path, "20261126T000000Z")  # later
    assert gone_since(holding(s.healthy()), tmp_path, NOW) == ()
