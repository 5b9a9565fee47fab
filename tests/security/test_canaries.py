"""A word that nobody may show, in every place where a secret can stand in a living lab; and every word that comes out of a run."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.security.allowed import ROOT
from tests.security.canaries import THERE, WORD

pytestmark = pytest.mark.proof
FEWEST = 3


def test_no_word_of_any_place_comes_out(tmp_path: Path) -> None:
    """Files of all zones, settings of all levels, logs, directory and changelog, /usbkey/config, answers, and the environment."""
    inside = [sys.executable, "-m", "tests.security.canaries", str(tmp_path)]
    command = [sys.executable, "-m", "lab", "--fault=account-collides@my-dc-3", "--", *inside]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads((tmp_path / "told.json").read_text())
    assert told["exit"] == 1
    assert {place: count >= FEWEST for place, count in told["there"].items()} == dict.fromkeys(THERE, True)
    files = [path for path in tmp_path.rglob("*") if path.is_file() and path.name != "told.json"]
    assert len(files) > 300
    assert [path.name for path in files if WORD.encode() in path.read_bytes()] == []
    for name in ("run", "plan", "plan-json", "explain", "explain-1", "show", "compliance", "site"):
        assert (tmp_path / f"{name}.out").read_text().strip(), (tmp_path / f"{name}.err").read_text()
