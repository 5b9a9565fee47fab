"""The subjects of checks: where Manta is expected, its zones, its region and its datacenters exist too."""

from __future__ import annotations

import pytest

from evidence.inventory.model import Declared, Expectations, Inventory
from evidence.subjects.binding import subjects, why_none
from evidence.subjects.spec import BOTH, POSTCHANGE, Stage
from evidence.subjects.world import World

MANTA = ("manta_region", "manta_datacenter", "webapi", "electric_moray")


def world(*, manta: bool, regions: tuple[str, ...] = ("r", "r", "r")) -> World:
    states = ("replica", "master", "candidate")
    declared = {
        f"d{n}": Declared(f"d{n}", f"root@192.0.2.{n}", region, state)
        for n, (region, state) in enumerate(zip(regions, states, strict=True), 1)
    }
    return World(Inventory("d2", declared, expect=Expectations(manta=manta)))


def ids(of: World, name: str, stage: Stage = BOTH) -> list[str]:
    return [subject.id for subject in subjects(of, name, stage, "some-check")]


@pytest.mark.parametrize("name", MANTA)
def test_without_manta_there_is_nothing_to_judge_and_the_reason_says_so(name: str) -> None:
    assert ids(world(manta=False), name) == []
    assert why_none(world(manta=False), name) == "the inventory does not expect Manta (expect.manta)"


def test_zones_of_manta_are_in_every_datacenter_of_the_masters_region() -> None:
    assert ids(world(manta=True), "webapi") == ["d1.webapi0", "d2.webapi0", "d3.webapi0"]
    assert ids(world(manta=True), "electric_moray", POSTCHANGE) == ["d1.electric-moray0", "d2.electric-moray0"]
    assert ids(world(manta=True, regions=("other", "r", "r")), "webapi") == ["d2.webapi0", "d3.webapi0"]
    assert "d1.webapi0" in ids(world(manta=True), "zone")
    assert "d1.webapi0" not in ids(world(manta=False), "zone")


def test_region_and_datacenters_of_manta() -> None:
    assert ids(world(manta=True), "manta_region") == ["r"]
    assert ids(world(manta=True, regions=("other", "r", "r")), "manta_datacenter", POSTCHANGE) == ["d2"]
