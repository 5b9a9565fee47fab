"""/usbkey/config as it is written: what bash makes of each line, which lines config.sh cannot take, and what they mean."""

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
    NO_JSON,
    NO_SETTING,
    QUOTE,
    RETURN,
    BadLines,
)
from lab.machine.roots import SCRIPTS

LINES = [
    # a line, the intended value, and the mistake in the line
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


def by_bash(folder: Path, text: str) -> dict[str, str] | None:
    """What the lab's config.sh, with a real bash, prints for a file; None if it is not JSON."""
    config, cache = folder / "config", folder / "cache"
    config.write_bytes(text.encode())
    script = folder / "config.sh"
    script.write_text((SCRIPTS / "config.sh").read_text().replace("/tmp/.config.json", str(cache)))
    cache.unlink(missing_ok=True)
    done = subprocess.run(
        ["bash", str(script), "-json"], env={"SDC_CONFIG_FILENAME": str(config), "PATH": "/usr/bin:/bin"},
        capture_output=True, timeout=20, check=False,
    )  # fmt: skip
    try:
        found: dict[str, str] = json.loads(done.stdout)
    except ValueError:
        return None
    return found


def judged(folder: Path, text: str) -> Written:
    return written(text, by_bash(folder, text))


@pytest.mark.parametrize(("line", "meant", "kind"), LINES, ids=[repr(row[0]) for row in LINES])
def test_a_line(tmp_path: Path, line: str, meant: str | None, kind: str) -> None:
    found = judged(tmp_path, f"first=1\n{line}\nlast=2\n")
    assert found.settings == {"first": "1", "last": "2"} | ({} if meant is None else {"name": meant})
    assert [(bad.kind, bad.lines) for bad in found.bad] == ([(kind, (2,))] if kind else [])


@pytest.mark.parametrize("line", [row[0] for row in LINES if row[1] is not None and not row[2]])
def test_what_is_called_good_is_so_in_bash(tmp_path: Path, line: str) -> None:
    text = f"first=1\n{line}\nlast=2\n"
    printed = by_bash(tmp_path, text)
    assert printed is not None
    assert {key: printed[key] for key in ("first", "name", "last")} == written(text, printed).settings


def test_a_newer_config_sh_takes_a_comment() -> None:
    """It evaluates the lines one by one, so one line costs no other."""
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
