"""A line of /usbkey/config that config.sh cannot take: the step corrects it in both copies, without any tool that reads it."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from evidence.collect.configuration import written
from evidence.headnode import QUOTE, BadLines
from evidence.model import Configuration
from remediate.registry import advice_for
from remediate.steps import Advice
from tests.evidence.test_configuration import LINES, by_bash
from tests.remediate import synthetic as s

BAD = [row for row in LINES if row[2]]


def advised(*bad: BadLines) -> Advice:
    world = s.changed(s.healthy(), "my-dc-3", usbkey=s.fact(Configuration(bad=bad)))
    return advice_for(s.cause("usbkey-can-be-evaluated", "my-dc-3"), world)


def typed(folder: Path, text: str) -> str:
    """The contents of both copies after typing the step for this file."""
    for name in ("usbkey", "mnt"):
        (folder / name).mkdir(exist_ok=True)
        (folder / name / "config").write_bytes(text.encode())
    run = advised(*written(text, by_bash(folder, text)).bad).steps[0].run
    assert not re.search(r"sapiadm|sdcadm|sdc-(?!usbkey)|config\.sh", run)
    run = run.replace("/mnt/usbkey/", f"{folder}/mnt/").replace(" /usbkey/", f" {folder}/usbkey/")
    subprocess.run(["bash"], input="sdc-usbkey() { :; }\n" + run, text=True, check=True, timeout=20)
    one, other = ((folder / name / "config").read_text() for name in ("usbkey", "mnt"))
    assert one == other
    return one


@pytest.mark.parametrize(("line", "meant", "kind"), BAD, ids=[repr(row[0]) for row in BAD])
def test_the_line_is_one_that_config_sh_takes(tmp_path: Path, line: str, meant: str | None, kind: str) -> None:
    text = f"# head\nfirst=1\n{line}\nlast=2\n"
    mended = typed(tmp_path, text)
    printed = by_bash(tmp_path, mended)
    assert written(mended, printed).bad == ()
    assert printed is not None
    found = {key: printed.get(key) for key in ("first", "name", "last")}
    assert found == {
        "first": "1",
        "last": "2",
        "name": None if meant is None else re.sub(r'["\\]', "", meant).replace("\t", " "),
    }
    kept = [path.read_bytes() for path in (tmp_path / "usbkey").iterdir() if path.name != "config"]
    assert kept == [text.encode()]


def test_typed_twice_it_changes_nothing(tmp_path: Path) -> None:
    text = 'first=1\nname=it\'s "so" # now\nother=a b\nlast=2\n'
    run = advised(*written(text, by_bash(tmp_path, text)).bad).steps[0].run
    mended = typed(tmp_path, text)
    run = run.replace("/mnt/usbkey/", f"{tmp_path}/mnt/").replace(" /usbkey/", f" {tmp_path}/usbkey/")
    before = sorted((path.name, path.stat().st_mtime_ns) for path in (tmp_path / "usbkey").iterdir())
    subprocess.run(["bash"], input="sdc-usbkey() { :; }\n" + run, text=True, check=True, timeout=20)
    assert (tmp_path / "usbkey/config").read_text() == mended
    assert sorted((path.name, path.stat().st_mtime_ns) for path in (tmp_path / "usbkey").iterdir()) == before


def test_a_password_is_not_changed() -> None:
    """Removing a character from it would lock everybody out of UFDS."""
    advice = advised(BadLines(QUOTE, (7,), ("ufds_ldap_root_pw",), ("ufds_ldap_root_pw",)))
    assert not advice.steps
    assert "ufds_ldap_root_pw is a secret" in advice.notes[0]


def test_a_password_that_only_needs_quotes_gets_them(tmp_path: Path) -> None:
    text = "ufds_ldap_root_pw=of ufds $root\nlast=2\n"
    printed = by_bash(tmp_path, typed(tmp_path, text))
    assert printed is not None
    assert printed["ufds_ldap_root_pw"] == "of ufds $root"
