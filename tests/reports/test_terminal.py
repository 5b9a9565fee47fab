"""The report as an operator reads it: golden pages of 80 columns, hostile answers escaped, colour only on request."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from reports.page import Page, safe, some
from reports.plan import commands, tell
from reports.terminal import summary
from tests.reports import scenes

GOLDEN = Path(__file__).parent / "golden"
FOLDER = "reports/runs/20261123T104500Z"
PAGES = {
    "demo": lambda: summary(scenes.demo(), folder=FOLDER),
    "green": lambda: summary(scenes.green(), folder=FOLDER),
    "hostile": lambda: summary(scenes.hostile()),
    "copy": lambda: commands(scenes.demo().plan),
    "plan": lambda: tell(scenes.demo().plan, "20261123T104500Z", 80, colour=False),
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
    page = summary(conclusion, folder=FOLDER)
    assert all(len(line) <= 80 or line.strip() in commands for line in page.splitlines())
    assert all(command.strip() in page for command in commands)


def test_the_next_step_is_a_line_of_its_own(tmp_path: Path) -> None:
    page = summary(scenes.partial(), folder=FOLDER, plan="./az-checks plan 20261123T104500Z")
    assert "Only my-dc-1 was judged." in page
    assert "\n  ./az-checks plan 20261123T104500Z\n" in page


def test_colour_adds_nothing_but_colour() -> None:
    plain, coloured = summary(scenes.demo(), folder=FOLDER), summary(scenes.demo(), colour=True, folder=FOLDER)
    assert "\x1b" not in plain
    assert "\x1b[" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == plain


def test_a_green_run_takes_two_lines() -> None:
    assert len(summary(scenes.green(), folder=FOLDER).splitlines()) == 2


def test_hostile_answers_reach_no_terminal() -> None:
    page = summary(scenes.hostile())
    assert "\\x1b[2J" in page
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", page)


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
