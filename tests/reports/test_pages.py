"""report.html: self-contained, escaped, with the numbers and words of the screen, and a policy that fits its script."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache

import pytest
from msgspec.structs import replace

from evidence.subjects.spec import FINDINGS
from reports.customers import noticed
from reports.findings import findings_of
from reports.page import Look
from reports.pages import view
from reports.pages.summary import summary_of
from reports.pages.ways import tables, ways
from reports.screen import screen, since_told, verdict_told
from reports.words import in_words
from tests.reports import pages, scenes
from verdict.judge import Named

RUNS = ("healthy", "route-missing-at-my-dc-3.cloudapi0", "headnode-dark-at-my-dc-3-manta", "second-poseidon-at-my-dc-3")


@cache
def parsed(name: str) -> pages.Parsed:
    return pages.Parsed(pages.page(pages.hostile() if name == "hostile" else pages.concluded(name)))


def words(name: str) -> str:
    return " ".join("".join(parsed(name).words).split())


@pytest.mark.parametrize("name", [*RUNS, "hostile"])
def test_nothing_is_loaded_and_nothing_is_handled_inline(name: str) -> None:
    found = parsed(name)
    assert found.loads == ["data:,"], "the icon that is none; and otherwise links within the page"
    assert found.handlers == []
    assert not re.search(r"url\(|@import", "".join(found.inline["style"]))
    assert not re.search(r"fetch|XMLHttp|WebSocket|import\(|eval|innerHTML", "".join(found.inline["script"]))


@pytest.mark.parametrize("name", [*RUNS, "hostile"])
def test_the_policy_lets_in_our_script_and_style_and_nothing_else(name: str) -> None:
    found = parsed(name)
    assert {tag: len(each) for tag, each in found.inline.items()} == {"script": 1, "style": 1}
    for tag, (text,) in found.inline.items():
        told = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{told}'" in found.policy
    assert found.policy.startswith("default-src 'none'; ")
    assert "unsafe" not in found.policy


@pytest.mark.parametrize("name", [*RUNS, "hostile"])
def test_an_id_is_there_once_and_every_link_leads_to_one(name: str) -> None:
    found = parsed(name)
    assert sorted(found.ids) == sorted({*found.ids})
    assert found.targets <= {*found.ids}


def test_ids_of_rows_are_unique_whatever_the_names_are() -> None:
    names = [
        Named("a", "b.c"),
        Named("a", "b_c"),
        Named("a", "b_5f_c"),
        Named("a", "b@c"),
        Named("a@b", "c"),
        Named("a", 'b"c'),
    ]
    assert len({view.anchor(name) for name in names}) == len(names)
    assert all(re.fullmatch(r"[A-Za-z0-9.~_@-]+", view.anchor(name)) for name in names)


def test_what_comes_from_outside_is_text() -> None:
    text = pages.page(pages.hostile())
    assert "<img" not in text
    assert "<script>alert" not in text
    assert text.count("</script>") == 1
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "{{7*7}}" in text, "and is not a template either"
    assert "</script><script>alert(1)</script>" in words("hostile")


@pytest.mark.parametrize("name", RUNS)
def test_it_says_what_the_screen_says(name: str) -> None:
    conclusion, said = pages.concluded(name), words(name)
    assert verdict_told(conclusion) in said
    assert [each for each in noticed(conclusion) if each not in said] == []
    for cause in conclusion.verdict.causes:
        assert f"{conclusion.numbers[cause.name]} · " in said
        assert " ".join(in_words(cause.finding).split()) in said
    shown = " ".join(screen(conclusion, Look(120), commands=pages.COMMANDS).split())
    for command in (pages.COMMANDS.explain, pages.COMMANDS.plan) if conclusion.verdict.causes else ():
        assert command in shown
        assert command in said


@pytest.mark.parametrize("name", RUNS)
def test_its_numbers_are_the_screens(name: str) -> None:
    conclusion = pages.concluded(name)
    rows = [row for _, each in view.chapters_of(conclusion, conclusion.numbers) for row in each]
    assert len(rows) == len(conclusion.verdict.results)
    counts = conclusion.verdict.counts
    assert sum(row.outcome in ("cause", "failed", "blocked") for row in rows) == sum(
        counts.get(each, 0) for each in FINDINGS
    )
    causes = [row for row in rows if row.outcome == "cause"]
    marks = {int(re.sub(r"\D", "", row.mark)) for row in causes}
    assert marks == {*conclusion.numbers.values()}
    columns, matrix = view.matrix_of(conclusion, conclusion.numbers)
    line = screen(conclusion, Look(120)).splitlines()
    for row in matrix if len(columns) < 9 else ():
        told = next(each for each in line if each.split() and each.split()[0] == row.name)
        cells = re.split(r" {2,}", told.strip().removeprefix(row.name).replace("*", "").strip())
        assert [cell.text for cell in row.cells] == cells


def test_what_is_new_is_told_as_on_the_screen() -> None:
    told = pages.Parsed(pages.page(scenes.five()))
    since = scenes.five().since
    assert since is not None
    assert since_told(since) in " ".join("".join(told.words).split())


def test_commands_keep_their_lines() -> None:
    text = pages.page(pages.concluded("route-missing-at-my-dc-3.cloudapi0"))
    steps = [
        step.step
        for entry in pages.concluded("route-missing-at-my-dc-3.cloudapi0").plan.entries
        for step in entry.steps
    ]
    assert any("\n" in step.run for step in steps)
    import html

    for step in steps:
        assert step.run in html.unescape(text)


def test_a_cell_of_the_ways_has_its_reason() -> None:
    found = ways(pages.concluded("route-missing-at-my-dc-3.cloudapi0"))
    cells = {
        (zone, goal): cell
        for table in tables(found)
        for zone, row in table.rows
        for goal, cell in zip(table.targets, row, strict=True)
    }
    bad = cells["my-dc-3.cloudapi0", "my-dc-2.ufds.636"] or cells["my-dc-3.cloudapi0", "my-dc-1.ufds.636"]
    assert bad is not None
    assert bad.kind == "bad"
    assert "timeout" in bad.text
    assert {cell.kind for cell in cells.values() if cell is not None and cell is not bad} <= {"ok", "na"}


def test_a_way_is_told_by_the_names_in_the_inventory() -> None:
    """A datacenter's name, and an alias, may have two dashes themselves."""
    conclusion = pages.concluded("healthy")
    row = next(each for each in conclusion.verdict.results if "--" in each.name.subject)
    odd = replace(row, result=replace(row.result, subject="my-dc-1.binder--0--my-dc-2.binder0.53"))
    verdict = replace(conclusion.verdict, results=(odd,))
    (way,) = ways(replace(conclusion, verdict=verdict))
    assert (way.zone, way.source, way.target, way.goal) == (
        "my-dc-1.binder--0",
        "my-dc-1",
        "my-dc-2",
        "my-dc-2.binder0.53",
    )


def test_the_summary_knows_who_ran_it_and_what_was_behind() -> None:
    conclusion = pages.concluded("replicator-slow-at-my-dc-1")
    told = summary_of(conclusion, findings_of(conclusion, pages.RUN))
    assert "" not in (told.user, told.host, told.suite)
    assert (told.most_behind or 0) > 0
    assert told.critical + told.warning + told.blocked == sum(
        conclusion.verdict.counts.get(each, 0) for each in FINDINGS
    )
