"""The report as an operator reads it: golden pages of 80 columns, hostile answers escaped, colour only on request."""

from __future__ import annotations

import os
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reports.output import EVIDENCE
from reports.page import Look, Page, safe, some
from reports.plan import commands, tell
from reports.screen import HEIGHT, Next
from reports.terminal import in_full
from reports.told import LINES, QUIET, told
from reports.tty import only_ascii
from tests.reports import scenes

GOLDEN = Path(__file__).parent / "golden"
RUN = "20261123T104500Z"
FOLDER = f"reports/runs/{RUN}"
NOW = datetime(2026, 11, 23, 10, 45, tzinfo=UTC)
NEXT = Next("az-checks explain 1", "az-checks explain", "az-checks plan")
SCENES = {
    "five": scenes.five,
    "eleven": scenes.eleven,
    "green": scenes.green,
    "demo": scenes.demo,
    "partial": scenes.partial,
    "replayed": scenes.replayed,
    "hostile": scenes.hostile,
}
LOOKS = {"80": Look(80), "120": Look(120), "80-colour": Look(80, True), "120-colour": Look(120, True)}


def told_of(scene: str, look: Look = LOOKS["80"], level: int = 0) -> str:
    return told(SCENES[scene](), look, level, folder=FOLDER, commands=NEXT, now=NOW)


PAGES = {
    **{
        f"screen-five-{name}": lambda name=name: told_of("five", LOOKS[name])  # type: ignore[misc]
        for name in LOOKS
    },
    "screen-five-ascii": lambda: told_of("five", Look(80, ascii=True)),
    "screen-five-40": lambda: told_of("five", Look(40)),
    **{f"screen-{name}": lambda name=name: told_of(name) for name in SCENES if name != "five"},  # type: ignore[misc]
    "quiet": lambda: told_of("five", level=QUIET),
    "lines": lambda: told_of("demo", level=LINES),
    "evidence": lambda: told_of("demo", level=EVIDENCE),
    "copy": lambda: commands(scenes.demo().plan),
    "plan": lambda: tell(scenes.demo().plan, RUN, Look(), scenes.demo().numbers),
}


@pytest.mark.parametrize("name", PAGES)
def test_golden(name: str) -> None:
    """AZ_GOLDEN=write writes the pages anew. Read the difference before you keep it."""
    page, golden = PAGES[name]() + "\n", GOLDEN / f"{name}.txt"
    if os.environ.get("AZ_GOLDEN") == "write":
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(page, encoding="utf-8")
    assert page == golden.read_text(encoding="utf-8")


def test_prose_stays_within_80_columns_and_commands_in_one_piece() -> None:
    conclusion = scenes.demo()
    commands = {
        line for e in conclusion.plan.entries for p in e.steps for line in (p.step.run + "\n" + p.step.undo).split("\n")
    }
    page = in_full(conclusion, Look())
    assert all(len(line) <= 80 or line.strip() in commands for line in page.splitlines())
    assert all(command.strip() in page for command in commands)


@pytest.mark.parametrize("scene", ["five", "eleven", "replayed"])
def test_the_first_screen_fits_and_ends_with_what_to_type(scene: str) -> None:
    """One line is the shell's, and one is empty at the beginning."""
    lines = told_of(scene).splitlines()
    assert len(lines) < HEIGHT
    assert max(map(len, lines)) <= 80
    assert [line.strip() for line in lines[-2:]] == [NEXT.explain, NEXT.plan]


def test_a_part_says_what_was_left_out() -> None:
    assert "Only my-dc-1 was judged." in told_of("partial")


def test_a_replay_says_how_old_it_is() -> None:
    page = told_of("replayed")
    assert "a replay: seen 2000-01-01 00:00:00 UTC, 9823 days old" in page
    assert "live" not in page


@pytest.mark.parametrize("scene", SCENES)
@pytest.mark.parametrize("level", [QUIET, 0, LINES, EVIDENCE])
def test_colour_adds_nothing_but_colour(scene: str, level: int) -> None:
    plain, coloured = told_of(scene, level=level), told_of(scene, Look(80, True), level)
    assert "\x1b" not in plain
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == plain
    assert "\x1b[" in coloured or not plain


@pytest.mark.parametrize("level", [QUIET, 0, LINES, EVIDENCE])
def test_a_terminal_that_knows_no_more_gets_ascii(level: int) -> None:
    assert told_of("five", Look(80, ascii=True), level).isascii()
    assert told_of("hostile", Look(80, ascii=True), level).isascii()


@pytest.mark.parametrize(
    ("environment", "ascii_only"),
    [
        ({"LANG": "en_GB.UTF-8"}, False),
        ({"LANG": "C.UTF-8"}, False),
        ({"LANG": "C"}, True),
        ({}, True),
        ({"LANG": "C", "LC_CTYPE": "C.UTF-8"}, True),
        ({"LC_CTYPE": "C.UTF-8"}, True),
        ({"LANG": "en_GB.UTF-8", "LC_ALL": "C"}, True),
        ({"LC_ALL": "C.UTF-8"}, False),
        ({"LANG": "en_GB.UTF-8", "TERM": "dumb"}, True),
        ({"LANG": "en_GB.UTF-8", "TERM": "linux"}, True),
        ({"LANG": "en_GB.UTF-8", "TERM": "xterm-256color"}, False),
        ({"LANG": "de_DE.ISO-8859-1"}, True),
    ],
)
def test_where_signs_beyond_ascii_are_shown(environment: dict[str, str], ascii_only: bool) -> None:
    """PEP 538: Python sets LC_CTYPE itself where the locale is C."""
    assert only_ascii("utf-8", environment) is ascii_only
    assert only_ascii("ascii", environment)


@pytest.mark.parametrize("level", [QUIET, 0, LINES, EVIDENCE])
def test_hostile_answers_reach_no_terminal(level: int) -> None:
    page = told_of("hostile", level=level)
    assert "\\x1b[2J" in page
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", page)


def test_quiet_and_well_is_silent() -> None:
    assert told_of("green", level=QUIET) == ""


def test_what_is_waived_is_told_in_full_with_v() -> None:
    assert "ufds-answers[my-dc-1.ufds0] (failed)" in told_of("demo", level=LINES)
    assert "1 of the 20 that run X judged was not judged now." in told_of("demo")


def test_some_collapses_from_two_on() -> None:
    assert some("abc") == "a, b, c"
    assert some("abcd") == "a, b, c, d"
    assert some("abcde") == "a, b, c and 2 more"


def test_safe_spells_out_what_a_terminal_acts_upon() -> None:
    assert safe("a\x9bb\u2028\tü") == "a\\x9bb\\u2028\\tü"


def test_a_narrow_page_is_40_wide() -> None:
    page = Page(10)
    page.prose("word " * 20)
    assert max(map(len, str(page).splitlines())) <= 40


def test_the_commands_alone_are_each_in_one_piece_and_can_be_pasted() -> None:
    plan, page = scenes.demo().plan, commands(scenes.demo().plan)
    for entry in plan.entries:
        for planned in entry.steps:
            assert f"\n{planned.step.run}\n" in f"{page}\n"
    assert subprocess.run(["bash", "-n"], input=page, text=True, capture_output=True, check=False).stderr == ""
