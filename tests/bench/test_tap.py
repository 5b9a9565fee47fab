"""In a living lab: what is written down of a run is all on the short list, and the floor's reads are judged as the suite's own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from evidence.collect.permitted import COMMANDS
from tools.bench.contenders import ROOT
from tools.bench.reads import load

INSIDE = """
import os, sys
from pathlib import Path
from tools.bench.contenders import FLOOR, Measuring, judged, run
from tools.bench.inside import delayed
from tools.bench.reads import Reads, load, save
folder = Path(sys.argv[1])
inventory = os.environ["AZ_INVENTORY"]
reads = folder / "reads.json"
own = judged(inventory, folder / "own", AZ_BENCH_READS=str(reads))
with delayed(1):
    took = run(FLOOR, Measuring(folder, inventory, load(reads), own), folder / "floor")
assert took.read == took.wanted > 100, took
answers = folder / "floor/answers.json"
theirs = judged(inventory, folder / "theirs", AZ_BENCH_ANSWERS=str(answers))
assert own == theirs, {key for key in own if own[key] != theirs.get(key)}
kept = load(answers)
kept.typed = [each for each in kept.typed if each.command != "sysinfo"]
save(kept, answers)
less = judged(inventory, folder / "less", AZ_BENCH_ANSWERS=str(answers))
assert less and own != less
"""


@pytest.mark.proof
def test_the_floor_reads_what_the_suite_reads(tmp_path: Path) -> None:
    lab = [sys.executable, "-m", "lab", "--datacenters", "2", "--", sys.executable, "-c", INSIDE, str(tmp_path)]
    done = subprocess.run(lab, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    typed = load(tmp_path / "reads.json").typed or []
    strangers = [each.command for each in typed if not any(form.is_it(each.command) for form in COMMANDS)]
    assert len(typed) > 40
    assert strangers == []
