"""Odd is not wrong, in a living lab: nothing is found in regions that are healthy and unlike the lab's.

`make proofs` makes two, `make accuracy` all.  `AZ_ODD=FOLDER` keeps a row a region there, and makes only those that have none.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.proofs.oddities import COUNT, drawn

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = (0, 1)


def nothing_is_found(number: int, folder: Path) -> None:
    row = folder / f"{number:03}.json"
    if not row.exists():
        inside = [sys.executable, "-m", "tests.proofs.odd", str(folder), str(number)]
        command = [sys.executable, "-m", "lab", "--", *inside]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(row.read_bytes())
    assert found["typed"] == [], "what makes the region odd was not made"
    assert (found["causes"], found["exit"]) == ([], 0), drawn()[number].id


@pytest.mark.accuracy
@pytest.mark.parametrize("number", range(COUNT))
def test_no_odd_region_has_a_finding(number: int, tmp_path: Path) -> None:
    nothing_is_found(number, Path(os.environ["AZ_ODD"]) if "AZ_ODD" in os.environ else tmp_path)


@pytest.mark.proof
@pytest.mark.parametrize("number", SAMPLE)
def test_a_sample_of_odd_regions_has_no_finding(number: int, tmp_path: Path) -> None:
    nothing_is_found(number, tmp_path)
