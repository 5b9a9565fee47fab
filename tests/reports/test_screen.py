"""The parts of the first screen: where causes lie, what customers notice, what is new; and which run is the latest."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from evidence.model import DatacenterEvidence, Evidence
from evidence.subjects.claims import judged
from evidence.subjects.spec import CRITICAL, FAILED, PASSED, Result, Spec
from evidence.subjects.world import World
from fixtures.check import CHECKS
from fixtures.quiet import results
from reports.before import changed_since
from reports.conclude import conclude
from reports.conclusion import Conclusion
from reports.customers import noticed
from reports.extent import Extent
from reports.findings import findings_of
from reports.matrix import Matrix
from reports.night.subject import subject
from reports.page import Look, Page
from reports.screen import HEIGHT, Next, screen
from tests.judging import check_functions
from tests.recording import recorded
from tests.reports import pages, scenes
from verdict.judge import judge


def world_of(evidence: Evidence) -> World:
    return judged(evidence.inventory, evidence)


@cache
def concluded(name: str) -> Conclusion:
    check_functions()
    world = world_of(recorded(name))
    return conclude(results(world), CHECKS, world)


NOTICED = {
    "healthy": ("every name resolves", "every cloudapi answers"),
    "route-missing-at-my-dc-3.cloudapi0": (
        "cloudapi of my-dc-3 answers 503",
        "cloudapi of my-dc-1 and my-dc-2 answers",
    ),
    "account-removed-at-my-dc-1": ("bruno cannot log in to my-dc-1",),
    "account-password-at-my-dc-3": ("carla may need another password in my-dc-3",),
    "admin-disabled-at-my-dc-2": ("admin cannot log in anywhere",),
    "region-name-at-my-dc-1": ("names of my-dc-2 and my-dc-3 fail in my-dc-1",),
    "replicator-stopped-at-my-dc-1": ("my-dc-1 gets no new accounts or keys",),
    "cloudapi-maintenance-at-my-dc-3": ("cloudapi of my-dc-3 is in maintenance",),
    "cloudapi-closed-outside-at-my-dc-3": ("cloudapi of my-dc-3 cannot be reached at its public URL",),
    "clock-off-at-my-dc-3": ("cloudapi of my-dc-3 refuses signed requests (its clock)",),
    "headnode-dark-at-my-dc-3": ("of my-dc-3 nothing was seen", "names resolve where it was seen"),
    "muskie-stuck-at-my-dc-3.webapi0-manta": ("muskie of my-dc-3 answers 503",),
}


@pytest.mark.parametrize("name", NOTICED)
def test_what_customers_notice(name: str) -> None:
    told = noticed(concluded(name))
    assert [each for each in NOTICED[name] if each not in told] == []


def cells(conclusion: Conclusion) -> dict[str, dict[str, str]]:
    matrix = Matrix(conclusion, conclusion.numbers)
    names = conclusion.world.inventory.datacenters
    return {name: {column: matrix.cell(name, column, Look()).text for column in matrix.columns} for name in names}


def test_a_cell_has_the_worst_of_it() -> None:
    route = cells(concluded("route-missing-at-my-dc-3.cloudapi0"))
    assert {*route["my-dc-1"].values()} == {"ok", "-"}, "Manta was not asked for"
    assert (route["my-dc-3"]["routes"], route["my-dc-3"]["cloudapi"]) == ("✗ 1", "·")
    assert "coupling" not in route["my-dc-1"], "there is nothing to couple"
    dark = cells(concluded("headnode-dark-at-my-dc-3"))
    assert (dark["my-dc-3"]["access"], dark["my-dc-3"]["sapi"]) == ("✗ 1", "?")
    poseidon = cells(concluded("second-poseidon-at-my-dc-3"))
    assert poseidon["my-dc-3"]["ufds"] == "✗ 1", "a finding about all lies where its culprits are"
    assert "coupling" in cells(concluded("healthy-candidate-my-dc-3"))["my-dc-1"]


def spread(count: int) -> Evidence:
    """As many datacenters as that, all like my-dc-3 but the first two."""
    tree = msgspec.to_builtins(recorded("healthy"))
    for part in (tree["datacenters"], tree["inventory"]["datacenters"]):
        told = json.dumps(part["my-dc-3"])
        for number in range(4, count + 1):
            own = told.replace("my-dc-3", f"my-dc-{number}").replace("10.3.", f"10.{number}.")
            part[f"my-dc-{number}"] = json.loads(own)
    return msgspec.convert(tree, type=Evidence)


def test_of_many_datacenters_those_are_shown_that_have_findings() -> None:
    world = world_of(spread(20))
    spec = Spec("region-name-agrees", CHECKS["region-name-agrees"].stage, CRITICAL, "datacenter", chapter="names")
    wrong = {"my-dc-2", "my-dc-10", "my-dc-19"}
    rows = [
        Result(spec.id, name, CRITICAL, FAILED if name in wrong else PASSED, "my-dc", "old")
        for name in world.inventory.datacenters
    ]
    page = screen(conclude(rows, {spec.id: spec}, world), Look())
    shown = [line.split()[0] for line in page.splitlines()[2:5]]
    assert shown == ["my-dc-2", "my-dc-10", "my-dc-19"], "counted as people count"
    assert " 17 datacenters more in which nothing is wrong" in page
    assert len(page.splitlines()) < HEIGHT
    all_wrong = conclude([replace(row, outcome=FAILED) for row in rows], {spec.id: spec}, world)
    told = screen(all_wrong, Look())
    assert "more datacenters with findings: -v names them" in told
    assert len(told.splitlines()) < HEIGHT


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_a_matrix_keeps_within_its_width(width: int) -> None:
    page = Page(width)
    conclusion = concluded("healthy-candidate-my-dc-3")
    Matrix(conclusion, conclusion.numbers).write(page)
    assert max(map(len, str(page).splitlines())) <= width


def test_what_is_new_and_what_is_gone() -> None:
    world = scenes.green().world
    specs = {name: Spec(name, CHECKS["sapi-answers"].stage, CRITICAL, "datacenter") for name in ("a", "b", "c", "d")}

    def verdict(**outcomes: str):  # type: ignore[no-untyped-def]
        rows = [Result(check, "my-dc-1", CRITICAL, getattr(scenes, outcome)) for check, outcome in outcomes.items()]
        return judge(rows, specs, world)

    before = findings_of(
        conclude([row.result for row in verdict(a="FAILED", b="FAILED", c="FAILED", d="PASSED").results], specs, world),
        "20261122T030000Z",
    )
    since = changed_since(verdict(a="FAILED", b="PASSED", d="FAILED"), before)
    assert (since.at, [name.check for name in since.new], [name.check for name in since.gone]) == (
        "2026-11-22 03:00 UTC",
        ["d"],
        ["b"],
    ), "nobody knows what became of c"


@pytest.mark.parametrize(
    ("extent", "lasting"),
    [
        (Extent(), True),
        (Extent(selection="nightly"), True),
        (Extent(selection="postchange"), True),
        (Extent(selection="preflight"), False),
        (Extent(selection="nightly and not postchange"), False),
        (Extent(partial=True), False),
        (Extent(replayed=True), False),
    ],
)
def test_a_preflight_does_not_take_the_place_of_the_last_night(extent: Extent, lasting: bool) -> None:
    assert extent.lasting is lasting


def test_a_green_preflight_says_where_the_coupling_is_told(tmp_path: Path) -> None:
    page = screen(concluded("healthy-candidate-my-dc-3"), Look())
    assert "Not coupled yet: my-dc-3" in page
    assert "Next: couple my-dc-3 with my-dc-2. sdc-ufds-m2s deletes, and has no undo." in page


def dark() -> Conclusion:
    """No head node answers."""
    whole = recorded("healthy")
    text = msgspec.json.encode(recorded("headnode-dark-at-my-dc-3").datacenters["my-dc-3"])
    unseen = {
        name: msgspec.json.decode(text.replace(b"my-dc-3", name.encode()), type=DatacenterEvidence)
        for name in whole.datacenters
    }
    return pages.conclusion_on(replace(whole, datacenters=unseen))


def test_where_no_head_node_answers_there_is_a_line_for_each_and_no_catalogue() -> None:
    conclusion = dark()
    assert len(conclusion.verdict.causes) == 3
    told = screen(conclusion, Look(80), folder="/runs/1", commands=Next(doctor="./az-checks doctor region.yaml"))
    lines = told.splitlines()
    assert len(lines) <= 12
    assert max(map(len, lines)) <= 80
    assert lines[-1] == "  ./az-checks doctor region.yaml"
    for number, name in enumerate(("my-dc-1", "my-dc-2", "my-dc-3"), 1):
        (line,) = [each for each in lines if each.startswith(f" {number} {name}  ")]
        assert "no answer from" in line
    assert "follow" not in told
    assert "cloudapi" not in told
    assert subject(conclusion) == "my-dc: no head node can be asked"


def test_one_that_answers_brings_the_whole_screen_back() -> None:
    conclusion = dark()
    evidence = conclusion.world.evidence
    assert evidence is not None
    seen = evidence.datacenters | {"my-dc-1": recorded("healthy").datacenters["my-dc-1"]}
    told = screen(pages.conclusion_on(replace(evidence, datacenters=seen)), Look(80))
    assert "cloudapi  manta" in told


def test_less_is_said_between_causes_and_end_where_it_would_not_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    """The heading and the matrix stay on a screen of 24 lines."""
    everywhere = [f"cloudapi of my-dc-{number} answers 503" for number in range(1, 30)]
    monkeypatch.setattr("reports.screen.noticed", lambda _: everywhere)
    crowded = replace(scenes.five(), less=tuple(f"Remark {number}." for number in range(5)))
    lines = screen(crowded, Look(), folder="reports/runs/20261123T104500Z", commands=pages.COMMANDS).splitlines()
    assert len(lines) < HEIGHT
    assert "Customers now: cloudapi of my-dc-1 answers 503" in "\n".join(lines)
    assert any(line == "5 remarks: -v has them" for line in lines)
    assert lines[-1] == f"  {pages.COMMANDS.plan}"
