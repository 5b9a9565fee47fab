"""A sample of the matrix of what breaks and how; docs/trust.md has all of it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.proofs.matrix import cells, table
from tests.security.allowed import ROOT

SAMPLE = ("my-dc-1.ufds0:garbage", "my-dc-1.napi0:other-protocol", "my-dc-2:cut")


def test_a_broken_answer_is_one_cause_that_names_the_thing(tmp_path: Path) -> None:
    file = tmp_path / "cells.jsonl"
    inside = [sys.executable, "-m", "tests.proofs.matrix", str(file), *SAMPLE]
    done = subprocess.run(
        [sys.executable, "-m", "lab", "--", *inside], cwd=ROOT, capture_output=True, text=True, timeout=500, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    assert {f"{row['thing']}:{row['way']}" for row in rows} == set(SAMPLE)
    assert [row for row in rows if row["wrong"]] == []


def test_the_page_has_every_cell() -> None:
    """A line for each way, as the matrix knows them, and none that is wrong."""
    page = (ROOT / "docs/trust.md").read_text(encoding="utf-8")
    ways = {way for _, way, _ in cells([])}
    assert [way for way in sorted(ways) if f"\n| {way} | " not in page] == []
    row = {"thing": "my-dc-1.ufds0", "way": "cut", "causes": [], "wrong": ["exit 0"]}
    assert "**nothing: exit 0**" in table([row])
    assert "**" not in page.partition("## What breaks, and how")[2].partition("## ")[0]
