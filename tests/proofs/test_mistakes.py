"""`make accuracy`: mistakes that no list names are made in a living lab, named, and healed by what is printed.

`make proofs` does a sample.  `AZ_MISTAKES=FOLDER` keeps a row a mistake there, for the table of docs/accuracy.md, and makes only those
that have none.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.proofs.mistaken import row_of
from tests.proofs.mistakes import COUNT, drawn

ROOT = Path(__file__).resolve().parents[2]
BATCH = 20
"""So many are made in one lab, one after the other, as long as each is healed."""
SAMPLE = 8


def rows_of(names: list[str], folder: Path) -> list[dict[str, Any]]:
    """Makes those of these mistakes that have no row in the folder; all their rows. After one that was not healed another lab goes on."""
    while left := [name for name in names if not row_of(name, folder).exists()]:
        inside = [sys.executable, "-m", "tests.proofs.mistaken", str(folder), *left]
        done = subprocess.run(
            [sys.executable, "-m", "lab", "--", *inside],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=180 * len(left),
            check=False,
        )
        assert row_of(left[0], folder).exists() and done.returncode in (0, 3), done.stdout + done.stderr
    return [json.loads(row_of(name, folder).read_bytes()) for name in names]


def fell_short(row: dict[str, Any]) -> bool:
    """Whether it was not named right, or not healed by what was printed though a command can."""
    return row["verdict"] != "right" or not (row["healed"] or row["by_hand"])


@pytest.mark.accuracy
@pytest.mark.parametrize("batch", range(0, COUNT, BATCH))
def test_mistakes_are_named_and_healed(batch: int, tmp_path: Path) -> None:
    kept = Path(os.environ["AZ_MISTAKES"]) if "AZ_MISTAKES" in os.environ else tmp_path
    found = rows_of([mistake.name for mistake in drawn()[batch : batch + BATCH]], kept)
    assert [row for row in found if fell_short(row)] == []


@pytest.mark.proof
def test_a_sample_of_mistakes_is_named_and_healed(tmp_path: Path) -> None:
    found = rows_of([mistake.name for mistake in drawn()[:SAMPLE]], tmp_path)
    assert [row for row in found if fell_short(row)] == []
