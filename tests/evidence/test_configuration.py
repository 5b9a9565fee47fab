"""/usbkey/config as it is written: what bash makes of each line, which lines config.sh cannot take, what is meant by them."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from evidence.collect.configuration import Written, written
from evidence.headnode import (
    BACKSLASH,
    BLANK,
    COMMAND,
    COMMENT,
    EXPANSION,
    LONG,
    NO_JSON,
    NO_SETTING,
    OTHER,
    QUOTE,
    RETURN,
    BadLines,
)
from lab.machine.roots import SCRIPTS

LINES = [
    # a line, what is meant by it, and what is wrong with it
    ("name=plain", "plain", ""),
    ("   name=plain", "plain", ""),
    ("name=", "", ""),
    ("name=blank-behind  ", "blank-behind", ""),
    ("name=a=b,c:/d#e~f*", "a=b,c:/d#e~f*", ""),
    ("name='a b $x'", "a b $x", ""),
    ('name="a b"', "a b", ""),
    ("name=it\\'s\\ so", "it's so", ""),
    ('name="a \\$x"', "a $x", ""),
    ("name=a'b'\"c\"", "abc", ""),
    ("name=costs$", "costs$", ""),
    ("name=a b", "a b", BLANK),
    ("name=a\tb", "a\tb", BLANK),
    ("name=a;b", "a;b", COMMAND),
    ("name=a&b", "a&b", COMMAND),
    ("name=<me@here>", "<me@here>", COMMAND),
    ('name=a"b', 'a"b', QUOTE),
    ('name=the "ops of', 'the "ops of', QUOTE),
    ("name=it's", "it's", QUOTE),
    ("name=a # b", "a", COMMENT),
    ("name=a$x", "a$x", EXPANSION),
    ('name="a$x"', "a$x", EXPANSION),
    ("name=a`x`", "a`x`", EXPANSION),
    ("name=a\\b", "a\\b", BACKSLASH),
    ("name='a\"b'", 'a"b', NO_JSON),
    ("name='a\\b'", "a\\b", NO_JSON),
    ("name=plain\r", "plain", RETURN),
    ("name plain", None, NO_SETTING),
    ("a-name=plain", None, NO_SETTING),
    ("#name=a b", None, ""),
    ("_name=a b", None, ""),
]


def by_bash(folder: Path, text: str, newest: bool = False) -> dict[str, str] | None:
    """What the lab's config.sh, by a real bash, prints of a file; None where it is no JSON.

    `newest`: the form that evaluates line by line (facts, "Head node configuration").
    """
    config, cache = folder / "config", folder / "cache"
    config.write_bytes(text.encode())
    script = folder / "config.sh"
    lines = (SCRIPTS / "config.sh").read_text().replace("/tmp/.config.json", str(cache))
    old = """eval $(_config_lines | sed -e "s/^/CONFIG_/")"""
    assert old in lines
    script.write_text(lines.replace(old, f'eval "{old.removeprefix("eval ")}"') if newest else lines)
    cache.unlink(missing_ok=True)
    done = subprocess.run(
        ["bash", str(script), "-json"], env={"SDC_CONFIG_FILENAME": str(config), "PATH": "/usr/bin:/bin"},
        capture_output=True, timeout=20, check=False, cwd=folder,
    )  # fmt: skip
    try:
        found: dict[str, str] = json.loads(done.stdout)
    except ValueError:
        return None
    return found


def judged(folder: Path, text: str, newest: bool = False) -> Written:
    return written(text, by_bash(folder, text, newest))


@pytest.mark.parametrize("newest", [False, True], ids=["all as one", "line by line"])
@pytest.mark.parametrize(("line", "meant", "kind"), LINES, ids=[repr(row[0]) for row in LINES])
def test_a_line(tmp_path: Path, line: str, meant: str | None, kind: str, newest: bool) -> None:
    found = judged(tmp_path, f"first=1\n{line}\nlast=2\n", newest)
    kind = "" if newest and kind == COMMENT else kind
    assert found.settings == {"first": "1", "last": "2"} | ({} if meant is None else {"name": meant})
    assert [(bad.kind, bad.lines) for bad in found.bad] == ([(kind, (2,))] if kind else [])


@pytest.mark.parametrize("line", [row[0] for row in LINES if row[1] is not None and not row[2]])
def test_what_is_called_good_is_so_in_bash(tmp_path: Path, line: str) -> None:
    text = f"first=1\n{line}\nlast=2\n"
    printed = by_bash(tmp_path, text)
    assert printed is not None
    assert {key: printed[key] for key in ("first", "name", "last")} == written(text, printed).settings


def test_a_newer_config_sh_takes_a_comment() -> None:
    """It evaluates the lines one by one, so nothing is lost by one."""
    assert written("name=a # b\nlast=2\n", {"name": "a", "last": "2"}).bad == ()


def test_a_newer_config_sh_escapes_the_password_of_admin() -> None:
    assert written("ufds_admin_pw='a\"b'\n", {"ufds_admin_pw": 'a"b'}).bad == ()


def test_a_value_that_names_another_is_taken() -> None:
    assert written("a=x\nb=ufds.$CONFIG_a\n", {"a": "x", "b": "ufds.x"}).bad == ()


def test_what_is_lost_is_told(tmp_path: Path) -> None:
    found = judged(tmp_path, "one=1\ntwo=2\nthree=3\nfour=4\nname=a b\n")
    assert found.effect == "config.sh -json then gives nothing for one, two, three and 2 more"
    assert (
        str(found.bad[0])
        == "line 5 (name) has a blank outside quotes, behind which the shell takes the rest for a command"
    )


def test_lines_of_one_kind_are_told_once(tmp_path: Path) -> None:
    found = judged(tmp_path, "# head\r\none=1\r\ntwo=2\r\n")
    assert found.bad == (BadLines(RETURN, (2, 3), ("one", "two")),)
    assert found.effect == "config.sh -json then prints no JSON"
    assert str(found.bad[0]).startswith("2 lines, from 2 on, (one, two) have a carriage return at the end (CRLF)")


def kinds(found: Written) -> list[tuple[str, tuple[str, ...]]]:
    return [(bad.kind, bad.keys) for bad in found.bad]


def test_a_setting_that_is_lost_without_a_bad_line_is_told() -> None:
    """As where /usbkey/config.inc/generic, which config.sh evaluates first, has a bad one."""
    found = written("a=1\nb=2\nc=\n", {"a": "1", "b": ""})
    assert kinds(found) == [(OTHER, ("b",))]
    assert found.effect == "config.sh -json then gives nothing for b"
    assert "/usbkey/config.inc/generic" in str(found.bad[0])
    assert found.given == {"a": "1", "b": "2", "c": ""}


def test_a_file_without_a_bad_line_of_which_no_json_comes_is_told() -> None:
    found = written("a=1\n", None)
    assert found.bad == (BadLines(OTHER, ()),)
    assert str(found.bad[0]).startswith("no line of it is bad, but /usbkey/config.inc/generic")


@pytest.mark.parametrize("line", ["b=~", "b='x  y'", "b='x * y'", "b=' x'"])
def test_a_value_that_comes_out_otherwise_is_told(tmp_path: Path, line: str) -> None:
    """For reasons that lie in how config.sh reads and prints, not in the line."""
    found = judged(tmp_path, f"a=1\n{line}\nc=2\n")
    assert kinds(found) == [(OTHER, ("b",))]
    assert found.effect == ""


def test_what_a_bad_line_explains_is_not_told_as_something_else(tmp_path: Path) -> None:
    assert kinds(judged(tmp_path, "one=1\nname=a b\ntwo=~\n")) == [(BLANK, ("name",))]


@pytest.mark.parametrize("newest", [False, True], ids=["all as one", "line by line"])
@pytest.mark.parametrize("value", ["abc$def", "ab\\cd", '"ab$(true)cd"'])
def test_the_facts_have_what_config_sh_gives(tmp_path: Path, value: str, newest: bool) -> None:
    """It is the value in use, whatever was meant; the line is told all the same."""
    printed = by_bash(tmp_path, f"a=1\nb_pw={value}\nc=2\n", newest)
    found = written(f"a=1\nb_pw={value}\nc=2\n", printed)
    assert printed is not None
    assert found.given["b_pw"] == printed["b_pw"] != ""
    assert found.effect == ""
    assert [bad.given for bad in found.bad] == [("b_pw",)]


def test_what_else_is_wrong_with_a_line_that_ends_in_a_return_is_told_too(tmp_path: Path) -> None:
    text = "one=1\r\ntwo=it's\r\nthree=3 # x\r\nfour=4\r\n"
    assert kinds(judged(tmp_path, text)) == [
        (RETURN, ("one", "two", "three", "four")),
        (QUOTE, ("two",)),
        (COMMENT, ("three",)),
    ]


def test_only_the_last_of_two_lines_of_a_key_counts(tmp_path: Path) -> None:
    assert judged(tmp_path, "a=x$y\na=2\n").bad == ()


def test_a_process_id_before_another_setting_is_an_expansion() -> None:
    assert kinds(written('a="x$$CONFIG_b"\n', {"a": "x12CONFIG_b"})) == [(EXPANSION, ("a",))]


def test_a_line_that_no_human_wrote_is_not_read() -> None:
    found = written(f"a={'x' * 65536}\nb={'x' * 65537}\n", {"a": "x" * 65536, "b": "y"})
    assert [(bad.kind, bad.keys) for bad in found.bad] == [(LONG, ("b",))]


def test_names_are_cut_where_they_are_told() -> None:
    found = written(f"{'k' * 5000}=it's\n", {})
    assert max(len(key) for bad in found.bad for key in (*bad.keys, *bad.by_hand)) == 4096
    assert len(found.effect) < 4200
