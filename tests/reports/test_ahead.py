"""A green run says what comes next: the coupling of a candidate, or the next gate before Manta."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from evidence.inventory.reading import read_inventory
from evidence.model import Configuration, SapiObject
from evidence.subjects.claims import judged
from evidence.subjects.world import World
from fixtures.check import CHECKS
from fixtures.quiet import results
from reports.conclude import conclude
from reports.page import Look
from reports.terminal import in_full
from tests.judging import check_functions
from tests.recording import recorded
from tests.remediate import synthetic as s

CANDIDATE = "healthy-candidate-my-dc-3"


def page(world: World, width: int = 80) -> str:
    check_functions()
    return in_full(conclude(results(world), CHECKS, world), Look(width))


def planned(world: World) -> World:
    assert world.evidence is not None
    inventory = replace(world.told, expect=replace(world.told.expect, manta="planned"))
    return judged(inventory, replace(world.evidence, inventory=inventory))


def of(name: str) -> World:
    evidence = recorded(name)
    return judged(evidence.inventory, evidence)


@pytest.mark.parametrize("width", [80, 120])
def test_the_coupling_is_told_in_its_order(width: int) -> None:
    said = page(of(CANDIDATE), width)
    parts = [
        "Next: couple my-dc-3 with my-dc-2.",
        "1. Save what is there",
        "/var/az-copies/users-of-my-dc-3.",
        "2. Look at the NIC: ufds0 has ",
        "3. Couple",
        "        sdc-ufds-m2s\n",
        "UFDS: 10.2.2.29",
        "4. Give admin the key of my-dc-3, on the master",
        "sdc-useradm add-key -n 'my-dc-3 sdc key' admin",
        "5. Take `state: candidate` out of datacenters.my-dc-3",
        "6. Judge it",
        "--postchange",
    ]
    places = [said.find(part) for part in parts]
    assert -1 not in places
    assert places == sorted(places)
    prose = [line for line in said.splitlines() if not line.startswith("        ")]
    assert all(len(line) <= width for line in prose)


def test_what_it_asks_depends_on_its_version() -> None:
    asks = s.changed(of(CANDIDATE), "my-dc-3", m2s_asks_password=s.fact(True))
    not_asks = s.changed(of(CANDIDATE), "my-dc-3", m2s_asks_password=s.fact(False))
    assert "grep ufds_ldap_root_pw /usbkey/config" in _line(page(asks))
    assert "grep ufds_ldap_root_pw" not in _line(page(not_asks))
    assert "asks for no password" in _line(page(not_asks))
    assert "password=" not in page(asks)


def test_how_long_it_takes_follows_from_the_changes() -> None:
    world = of(CANDIDATE)
    zone = world.master.zones("ufds")[0]
    longer = s.changed_zone(world, "my-dc-2", "ufds0", directory=s.fact(replace(zone.directory, latest=90_000)))
    assert "90000 changes of the master are replicated: about 30 minutes" in _line(page(longer))


def test_nothing_comes_next_where_something_is_wrong_or_was_not_asked() -> None:
    assert "Next: couple" not in page(of("left-behind-at-my-dc-1"))
    assert "Next: couple" not in page(of("candidate-accounts-at-my-dc-3-candidate-my-dc-3"))
    world = of(CANDIDATE)
    check_functions()
    only = [each for each in results(world) if CHECKS[each.check].stage == "postchange"]
    assert "Next: couple" not in in_full(conclude(only, CHECKS, world), Look())
    assert "Next" not in page(of("healthy"))


def test_a_value_that_is_not_of_its_form_ends_it_with_a_sentence() -> None:
    world = s.changed_metadata(of(CANDIDATE), "my-dc-3", SDC_PUBLIC_KEY="x'; rm -rf / #\x1b[2J")
    said = page(world)
    assert "Next: couple" not in said or "is no public key" in said
    assert "\x1b" not in said


def gates(world: World) -> tuple[list[str], str]:
    said = page(planned(world))
    passed = re.findall(r"^   passed: (\w+)", said, re.MULTILINE)
    found = re.search(r"^   1\. (\S+)", said, re.MULTILINE)
    return passed, found[1] if found else ""


def application(**values: Any) -> Any:
    return s.fact(
        (SapiObject("11111111-1111-4111-8111-111111111111", "manta", Configuration(values=values), s.POSEIDON),)
    )


def test_the_next_gate_is_named_and_those_behind_it_only_listed() -> None:
    world = of("healthy-manta")
    asked = s.changed(world, "my-dc-2", manta_applications=s.fact(()))
    assert gates(asked) == (["every", "routes", "SAPI"], "manta-init")
    begun = s.changed(world, "my-dc-2", manta_applications=application(MUSKIE_MULTI_DC=False))
    assert gates(begun)[1] == "shards,"
    sharded = application(INDEX_MORAY_SHARDS=[{"host": "1.moray"}], STORAGE_MORAY_SHARD="1.moray")
    assert gates(s.changed(world, "my-dc-2", manta_applications=sharded))[1] == "topology,"
    all_of_it = gates(world)
    assert all_of_it[1] == "deployment"
    assert len(all_of_it[0]) == 8


def test_an_even_number_and_a_candidate_do_not_pass_the_first_gate() -> None:
    assert gates(of("healthy-datacenters-2-servers-2"))[1] == "every"


def test_of_planned_manta_nothing_is_judged() -> None:
    check_functions()
    rows = {each.check: each for each in results(planned(of("healthy-manta"))) if "muskie" in each.check}
    assert not rows


def test_the_inventory_may_say_planned(tmp_path: Path) -> None:
    file = tmp_path / "region.yaml"
    file.write_text("master: a\ndatacenters:\n  a: {headnode: a, region: r}\nexpect: {manta: planned}\n")
    assert read_inventory(file).expect.manta == "planned"
    file.write_text("master: a\ndatacenters:\n  a: {headnode: a, region: r}\nexpect: {manta: plan}\n")
    with pytest.raises(Exception, match="write true, false or planned"):
        read_inventory(file)


def _line(text: str) -> str:
    return " ".join(text.split())
