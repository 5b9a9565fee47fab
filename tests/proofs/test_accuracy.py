"""`make accuracy`: several faults in one lab. Each is named as a cause or lies under another, and nothing else is named."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.proofs.combinations import Combination, combinations, score

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.accuracy


@pytest.mark.parametrize("combination", combinations(), ids=lambda each: each.name)
def test_several_faults_at_once(combination: Combination, tmp_path: Path) -> None:
    """Another planted cause may hide a planted one (nobody sees into a dark head node), but it may not vanish."""
    findings = tmp_path / "findings.json"
    faults = [f"--fault={case.fault}" for case in combination.cases]
    inside = [sys.executable, "-m", "tests.proofs.inside", "judge", str(findings)]
    command = [sys.executable, "-m", "lab", *combination.lab, *faults, "--", *inside]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    found = score(combination, json.loads(findings.read_bytes()))
    if os.environ.get("AZ_ACCURACY"):
        row = {"planted": combination.name, "named": found.named, "hidden": found.hidden} | {
            "missed": found.missed,
            "extra": found.extra,
        }
        Path(os.environ["AZ_ACCURACY"], f"{combination.name}.json").write_text(json.dumps(row), encoding="utf-8")
    assert not found.missed, f"planted, and not found: {found.missed}"
    assert not found.extra, f"named as causes, and not planted: {found.extra}"
