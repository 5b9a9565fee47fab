"""docs/walkthrough.md is what the lab says, station by station. AZ_GOLDEN=write writes it anew."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.walkthrough.journal import ROOT

DOCUMENT = ROOT / "docs/walkthrough.md"


@pytest.mark.proof
def test_the_walkthrough_goes_as_it_is_told() -> None:
    command = [sys.executable, "-m", "lab", "--uncoupled", "--", sys.executable, "-m", "tests.walkthrough.stations"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr
    if os.environ.get("AZ_GOLDEN") == "write":
        DOCUMENT.write_text(done.stdout, encoding="utf-8")
    assert done.stdout == DOCUMENT.read_text(encoding="utf-8")
