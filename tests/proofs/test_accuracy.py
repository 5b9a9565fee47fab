"""`make accuracy`: several faults in one lab. Each is named as a cause or lies under another, and nothing else is named.

Then `az-checks apply` puts all of it right, in as few rounds as its plan has stages, and one more for each cause that was hidden, or that
has a remedy of its own once that from which it followed is gone.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from tests.proofs.combinations import Combination, combinations, score

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.accuracy


@pytest.mark.parametrize("combination", combinations(), ids=lambda each: each.name)
def test_several_faults_at_once(combination: Combination, tmp_path: Path) -> None:
    """Another planted cause may hide a planted one (nobody sees into a dark head node), but it may not vanish."""
    faults = [f"--fault={case.fault}" for case in combination.cases]
    mended = [case.fault for case in combination.cases if case.mended]
    inside = [sys.executable, "-m", "tests.proofs.together", str(tmp_path), *mended]
    command = [sys.executable, "-m", "lab", *combination.lab, *faults, "--", *inside]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    found = score(combination, json.loads((tmp_path / "findings.json").read_bytes()))
    healed = json.loads((tmp_path / "healed.json").read_bytes())
    row = {"planted": combination.name, **asdict(found), **healed}
    if os.environ.get("AZ_ACCURACY"):
        Path(os.environ["AZ_ACCURACY"], f"{combination.name}.json").write_text(json.dumps(row), encoding="utf-8")
    assert not found.missed, f"planted, and not found: {found.missed}"
    assert not found.extra, f"named as causes, and not planted: {found.extra}"
    assert healed["healed"], f"not put right: {healed}\n{done.stdout}"
    assert healed["rounds"] <= healed["stages"] + len(found.hidden) + len(healed["later"]), healed
