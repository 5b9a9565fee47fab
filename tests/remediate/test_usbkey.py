"""A line of /usbkey/config that config.sh cannot take: the step makes it one, on both copies, by nothing that reads it."""

from __future__ import annotations

import random
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from evidence.collect.configuration import Written, written
from evidence.collect.mending import carried
from evidence.collect.word import word
from evidence.headnode import BACKSLASH, COMMENT, EXPANSION, OTHER, QUOTE, RETURN, BadLines
from evidence.model import Configuration
from remediate.registry import advice_for
from remediate.steps import OVERWRITES, Advice
from tests.evidence.test_configuration import LINES, by_bash
from tests.remediate import synthetic as s

BAD = [row for row in LINES if row[2]]
PW = "ufds_ldap_root_pw"


def advised(*bad: BadLines, effect: str = "", **facts: Any) -> Advice:
    usbkey = Configuration(bad=bad, effect=effect, **facts)
    return advice_for(
        s.cause("usbkey-can-be-evaluated", "my-dc-3"), s.changed(s.healthy(), "my-dc-3", usbkey=s.fact(usbkey))
    )


def of_file(text: str, printed: dict[str, str] | None, **facts: Any) -> Advice:
    found = written(text, printed)
    return advised(*found.bad, effect=found.effect, **facts)


def in_sapi(key: str) -> str:
    """What SAPI has: a value, or the fingerprint of a secret."""
    sapi = s.healthy().datacenter("my-dc-3").sdc_metadata
    return str(sapi.fingerprints.get(key) or sapi.values[key])


def files(folder: Path, text: str) -> tuple[Path, Path]:
    for name in ("usbkey", "mnt"):
        (folder / name).mkdir(exist_ok=True)
        (folder / name / "config").write_bytes(text.encode())
    return folder / "usbkey/config", folder / "mnt/config"


def bash(folder: Path, run: str, stubs: str = "sdc-usbkey() { :; }") -> int:
    run = run.replace("/mnt/usbkey/", f"{folder}/mnt/").replace(" /usbkey/", f" {folder}/usbkey/")
    return subprocess.run(["bash"], input=f"{stubs}\n{run}\n", text=True, check=False, timeout=20).returncode


def typed(folder: Path, text: str, **facts: Any) -> str:
    """What both copies are after the step for what is wrong with this file was typed."""
    one, other = files(folder, text)
    run = of_file(text, by_bash(folder, text), **facts).steps[0].run
    assert not re.search(r"sapiadm|sdcadm|sdc-(?!usbkey)|config\.sh", run)
    assert bash(folder, run) == 0
    assert one.read_text() == other.read_text()
    return one.read_text()


@pytest.mark.parametrize(("line", "meant", "kind"), BAD, ids=[repr(row[0]) for row in BAD])
def test_the_line_is_one_that_config_sh_takes(tmp_path: Path, line: str, meant: str | None, kind: str) -> None:
    text = f"# head\nfirst=1\n{line}\nlast=2\n"
    mended = typed(tmp_path, text)
    for newest in (False, True):
        printed = by_bash(tmp_path, mended, newest)
        assert written(mended, printed).bad == ()
        assert printed is not None
        found = {key: printed.get(key) for key in ("first", "name", "last")}
        assert found == {"first": "1", "last": "2", "name": None if meant is None else carried(meant)}
    kept = [path.read_bytes() for path in (tmp_path / "usbkey").iterdir() if path.name != "config"]
    assert kept == [text.encode()]


COMMENTS = [
    ("name='p #1'", "p #1", None),
    ("name='p' # root", "p", "p"),
    ('name="x y" # z', "x y", "x y"),
    ("name='x'y # z", "xy", "xy"),
    ("name=ufds.$CONFIG_first # z", "ufds.1", "ufds.1"),
    ("name=x # y # z", "x", "x"),
    ("name='p #1' # root", "p #1", None),
    ('name="x #y" # z', "x #y", None),
]


@pytest.mark.parametrize(("line", "read", "left"), COMMENTS, ids=[row[0] for row in COMMENTS])
def test_a_comment_is_cut_off_and_the_value_left_as_it_is(
    tmp_path: Path, line: str, read: str, left: str | None
) -> None:
    """Where sed would cut within the value, no step is given."""
    text = f"first=1\n{line}\nlast=2\n"
    before = by_bash(tmp_path, text)
    assert before is not None
    assert before["name"] == read
    if left is None:
        assert of_file(text, before).steps == ()
        assert " # " not in line or "none would write exactly what is meant" in of_file(text, before).notes[0]
        return
    after = by_bash(tmp_path, typed(tmp_path, text))
    assert after is not None
    assert (after["name"], after["last"]) == (left, "2")


def test_what_names_another_setting_keeps_naming_it(tmp_path: Path) -> None:
    """In quotes it would be its name: its line is left to a human if it needs them."""
    text = "first=1\nname=of $CONFIG_first\nother=a b\nlast=2\n"
    advice = of_file(text, by_bash(tmp_path, text))
    assert "name=of $CONFIG_first\n" in typed(tmp_path, text)
    assert advice.notes[0].startswith("name: no command is given")


def test_typed_twice_it_changes_nothing(tmp_path: Path) -> None:
    text = 'first=1\nname=the "so # now\nother=a b\nlast=2\n'
    run = of_file(text, by_bash(tmp_path, text)).steps[0].run
    mended = typed(tmp_path, text)
    before = sorted((path.name, path.stat().st_mtime_ns) for path in (tmp_path / "usbkey").iterdir())
    assert bash(tmp_path, run) == 0
    assert (tmp_path / "usbkey/config").read_text() == mended
    assert sorted((path.name, path.stat().st_mtime_ns) for path in (tmp_path / "usbkey").iterdir()) == before


def test_a_password_is_not_changed() -> None:
    """To take a character out of it would lock everybody out of UFDS."""
    advice = advised(BadLines(QUOTE, (7,), (PW,), (PW,)), effect="nothing is given")
    assert not advice.steps
    assert f"{PW}: no command is given, because a secret holds" in advice.notes[0]
    assert "no sapiadm" in advice.notes[0]


@pytest.mark.parametrize("value", ["abc$def", "ab\\cd", "a;b"])
@pytest.mark.parametrize("json", [True, False])
def test_a_password_in_use_is_not_changed(tmp_path: Path, value: str, json: bool) -> None:
    """config.sh has always given another one than is written; where it prints no JSON, the shell still has that one."""
    for key in (PW, "adminui_pw"):
        text = f"{key}={value}\nlast=2\n"
        printed = by_bash(tmp_path, text, newest=True)
        assert printed is not None
        assert printed[key] != value
        advice = of_file(text + "other=it's\n", printed if json else None)
        assert key not in "".join(step.run for step in advice.steps)
        assert any(note.startswith(f"{key}: no command is given, because") for note in advice.notes)


def test_a_password_that_only_needs_quotes_gets_them(tmp_path: Path) -> None:
    """If it is the one that SAPI has; its datacenter's own fingerprint says so."""
    text = f"{PW}=of ufds $root\nlast=2\n"
    printed = by_bash(tmp_path, typed(tmp_path, text, fingerprints={PW: in_sapi(PW)}))
    assert printed is not None
    assert printed[PW] == "of ufds $root"
    advice = of_file(text, by_bash(tmp_path, text), fingerprints={PW: "another"})
    assert advice.steps == ()
    assert "SAPI's metadata of `sdc` has another value" in advice.notes[0]


def test_a_setting_that_sapi_has_otherwise_is_not_written() -> None:
    bad = BadLines(COMMENT, (1,), ("region_name", "mail_from"))
    other = advised(bad, values={"region_name": "other"})
    assert "mail_from" in other.steps[0].run
    assert "region_name" not in other.steps[0].run
    assert other.notes[0].startswith("region_name: no command is given, because SAPI's metadata")
    assert "region_name" in advised(bad, values={"region_name": in_sapi("region_name")}).steps[0].run
    given = BadLines(EXPANSION, (1,), ("region_name",), given=("region_name",))
    assert not advised(given, values={"region_name": in_sapi("region_name")}).steps


def test_a_secret_that_is_spared_keeps_even_its_line_end(tmp_path: Path) -> None:
    text = f"first=1\r\n{PW}=x\r\n"
    one, _ = files(tmp_path, text)
    run = of_file(text, None, fingerprints={PW: "another"}).steps[0].run
    assert bash(tmp_path, run) == 0
    assert one.read_bytes().decode() == f"first=1\n{PW}=x\r\n"


def test_line_ends_and_a_blank_are_mended_at_once(tmp_path: Path) -> None:
    text = "first=1\r\nname=a b\r\nlast='x'\r\n"
    mended = typed(tmp_path, text)
    assert mended == "first=1\nname=\"a b\"\nlast='x'\n"
    assert {bad.kind for bad in written(text, None).bad} == {RETURN, "blank"}


def test_what_shows_no_reason_gets_no_step() -> None:
    advice = advised(BadLines(OTHER, (3,), ("name",), ("name",), ("name",), ("name",)))
    assert advice.steps == ()
    assert advice.notes[0].startswith("Look at /usbkey/config.inc/generic")


def test_a_backslash_that_costs_nothing_is_no_word_about_tools_that_fail() -> None:
    advice = advised(BadLines(BACKSLASH, (3,), (PW,), (PW,), (), (PW,)))
    assert advice.steps == ()
    assert "no sapiadm" not in advice.notes[0]


TEXT = "first=1\nname=a b\nlast=2\n"


@pytest.mark.parametrize(
    ("stubs", "status", "mended"),
    [
        ("sdc-usbkey() { [[ $1 != mount ]]; }", 1, []),
        ('sdc-usbkey() { :; }; mv() { [[ $2 != */mnt/* ]] && command mv "$@"; }', 1, []),
        ('sdc-usbkey() { :; }; cp() { [[ $3 != */mnt/* ]] && command cp "$@"; }', 1, []),
        ('sdc-usbkey() { :; }; printf() { echo half; return 1; }', 1, []),
        ('sdc-usbkey() { :; }; mv() { [[ $2 == */mnt/* ]] && command mv "$@"; }', 1, ["mnt"]),
        ("sdc-usbkey() { :; }", 0, ["mnt", "usbkey"]),
    ],
    ids=["no key", "key not renamed", "key full", "half written", "disk full", "all well"],
)  # fmt: skip
def test_a_file_that_cannot_be_written_stays_whole(tmp_path: Path, stubs: str, status: int, mended: list[str]) -> None:
    """The key's copy comes first; what fails ends with an exit status that says so, and leaves no half of a file."""
    files(tmp_path, TEXT)
    assert bash(tmp_path, of_file(TEXT, by_bash(tmp_path, TEXT)).steps[0].run, stubs) == status
    texts = {name: (tmp_path / name / "config").read_text() for name in ("mnt", "usbkey")}
    assert [name for name, text in texts.items() if text != TEXT] == mended
    assert all(texts[name] == 'first=1\nname="a b"\nlast=2\n' for name in mended)
    assert not list(tmp_path.glob("*/*.new"))


def test_it_is_not_called_safe() -> None:
    assert advised(BadLines(QUOTE, (7,), ("mail_from",))).steps[0].risk == OVERWRITES


OWN = "${CONFIG_k0}"
ALPHABET = [
    "a",
    "b",
    " ",
    " ",
    "'",
    '"',
    "#",
    " #",
    "$",
    "\\",
    OWN,
    "`",
    ";",
    "x y",
    "'p #1'",
    '"q #2"',
    "\t",
    "~",
    "\r",
]


def invented(seed: int) -> str:
    """Settings that nobody would write, and some that somebody might."""
    chosen = random.Random(seed)
    lines = ["".join(chosen.choices(ALPHABET, k=chosen.randint(1, 7))) for _ in range(250)]
    return "k0=zero\n" + "".join(f"k{number}={line}\n" for number, line in enumerate(lines, 1))


def by_eval(folder: Path, text: str) -> dict[str, str]:
    """What bash has for each line of a file, each in a shell of its own."""
    script = (
        'CONFIG_k0=zero\nwhile IFS= read -r line; do (eval "CONFIG_$line" < /dev/null > /dev/null 2>&1 || exit; name="CONFIG_${line%%=*}"; '
        'printf \'%s=%s\\0\' "${line%%=*}" "${!name}"); done'
    )
    done = subprocess.run(["bash", "-c", script], input=text.encode(), capture_output=True, check=False, cwd=folder)
    return dict(row.split("=", 1) for row in done.stdout.decode().split("\0")[:-1])


@pytest.mark.parametrize("seed", range(8))
def test_what_the_parser_says_is_what_bash_does(tmp_path: Path, seed: int) -> None:
    text = invented(seed).replace("\r", "").replace("~", "")
    read = by_eval(tmp_path, text)
    words = {key: word(value) for key, _, value in (line.partition("=") for line in text.splitlines())}
    good = {key: each.text.replace(OWN, "zero") for key, each in words.items() if each.kind in ("", COMMENT)}
    literal = {key for key, each in words.items() if not each.own and OWN in each.text}
    assert len(good) > 60
    assert {key: read[key] for key in good if key not in literal} == {
        key: value for key, value in good.items() if key not in literal
    }


def judged(text: str) -> tuple[Written, set[str]]:
    """A file of which no JSON comes, and the keys that get no step."""
    found = written(text, None)
    return found, {key for bad in found.bad for key in bad.by_hand}


@pytest.mark.parametrize("seed", range(8))
def test_what_the_step_writes_is_what_was_meant(tmp_path: Path, seed: int) -> None:
    """Of each line that it touches; the others stay as they are, but for their line ends."""
    text = invented(seed).replace("~", "")  # which is right in the line, and no home in quotes
    found, by_hand = judged(text)
    one, _ = files(tmp_path, text)
    assert bash(tmp_path, of_file(text, None).steps[0].run) == 0
    mended = one.read_bytes().decode()
    read = by_eval(tmp_path, mended)
    bad = {key for each in found.bad for key in each.keys} - by_hand
    quoted = {key for each in found.bad if each.kind not in (RETURN, COMMENT) for key in each.keys}
    before, after = (dict(line.split("=", 1) for line in each.split("\n") if line) for each in (text, mended))
    assert len(bad) > 40
    for key in bad:
        value = found.settings[key]
        wanted = carried(value) if key in quoted else by_eval(tmp_path, f"{key}={before[key].rstrip(chr(13))}\n")[key]
        assert (key, read.get(key)) == (key, wanted)
    assert {key: after[key] for key in after.keys() - bad} == {key: before[key] for key in before.keys() - bad}
    assert not {key for each in written(mended, None).bad for key in each.keys} & bad
