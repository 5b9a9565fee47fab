"""waivers.yaml: read with its lines, refused before anybody is contacted; which findings a waiver covers, and until when."""

from __future__ import annotations

import datetime
import os
import pathlib

import pytest

from evidence.inventory.lines import DeclarationError
from evidence.inventory.model import Waiver
from evidence.inventory.reading import read_inventory
from evidence.inventory.waivers import MOST, read_waivers

GOOD = """\
- check: headnode-answers
  subject: my-dc-3
  reason: being moved
  owner: ops
  until: 2027-01-31
- {check: one-poseidon, subject: "*", reason: known, owner: ops, until: "2027-02-28", ticket: OPS-1}
"""


def written(folder: pathlib.Path, text: str) -> pathlib.Path:
    path = folder / "waivers.yaml"
    path.write_text(text)
    return path


def test_everything_is_read(tmp_path: pathlib.Path) -> None:
    first, second = read_waivers(written(tmp_path, GOOD))
    assert first == Waiver("headnode-answers", "my-dc-3", "being moved", "ops", datetime.date(2027, 1, 31))
    assert second.told == "known (ops, until 2027-02-28, OPS-1)"


@pytest.mark.parametrize("text", ["", "# none at the moment\n", "[]\n"])
def test_a_file_without_waivers(tmp_path: pathlib.Path, text: str) -> None:
    assert read_waivers(written(tmp_path, text)) == ()


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        (GOOD.replace("  owner: ops\n", ""), 1, "the waiver lacks `owner`"),
        (GOOD.replace("  reason: being moved\n", ""), 1, "the waiver lacks `reason`"),
        (GOOD.replace("  until: 2027-01-31\n", ""), 1, "the waiver lacks `until`"),
        (GOOD.replace("being moved", "''"), 3, "reason is ''"),
        (GOOD.replace("2027-01-31", "2027-02-31"), 5, "until is '2027-02-31' — write a date"),
        (GOOD.replace("2027-01-31", "2027-01-31 10:00:00"), 5, "write a date"),
        (GOOD.replace("2027-01-31", "[2027-01-31]"), 5, "until is a list — write a date"),
        (GOOD.replace("2027-01-31", "tomorrow"), 5, "write a date"),
        (GOOD.replace("owner: ops\n", "owner: 1\n"), 4, "owner is '1', not text"),
        (GOOD.replace("  owner: ops\n", "  owner: ops\n  until: 2027-01-01\n"), 6, "twice (first on line 5)"),
        (GOOD.replace("ticket", "tickets"), 6, "unknown key 'tickets'"),
        ("- headnode-answers\n", 1, "not a mapping"),
        ("check: headnode-answers\n", 1, "a mapping, not a list"),
        (GOOD.replace("my-dc-3", "*x"), 2, "aliases"),
        ("- {a: b}\n" * (MOST + 1), MOST + 1, f"more than {MOST}"),
    ],
)
def test_wrong_is_refused_with_line_and_advice(tmp_path: pathlib.Path, text: str, line: int, reason: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(DeclarationError) as caught:
        read_waivers(path)
    assert str(caught.value).startswith(f"{path}:{line}: "), str(caught.value)
    assert reason in str(caught.value)
    assert " — " in str(caught.value), "says what to do"


def test_the_inventory_names_the_file_beside_it(tmp_path: pathlib.Path) -> None:
    inventory = tmp_path / "region.yaml"
    inventory.write_text("master: a\ndatacenters: {a: {headnode: h, region: r}}\nwaivers: waivers.yaml\n")
    with pytest.raises(DeclarationError, match=r"waivers.yaml:1: cannot be read"):
        read_inventory(inventory)
    written(tmp_path, GOOD)
    assert len(read_inventory(inventory).waived) == 2


@pytest.mark.parametrize("kind", ["fifo", "folder", "device"])
def test_what_would_keep_us_waiting_is_no_file(tmp_path: pathlib.Path, kind: str) -> None:
    path = {"fifo": tmp_path / "fifo", "folder": tmp_path, "device": pathlib.Path("/dev/zero")}[kind]
    if kind == "fifo":
        os.mkfifo(path)
    for read in (read_waivers, read_inventory):
        with pytest.raises(DeclarationError, match="not a file — name a"):
            read(path)


def test_a_waiver_covers_its_check_at_the_subjects_that_fit_up_to_its_last_day() -> None:
    waiver = Waiver("services-run", "my-dc-3.*", "r", "o", datetime.date(2027, 1, 31))
    assert waiver.covers("services-run", "my-dc-3.ufds0")
    assert not waiver.covers("services-run", "my-dc-3")
    assert not waiver.covers("ufds-answers", "my-dc-3.ufds0")
    assert waiver.holds_on(datetime.date(2027, 1, 31))
    assert not waiver.holds_on(datetime.date(2027, 2, 1))
