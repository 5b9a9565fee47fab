"""What judging costs, as a ratio to an empty pytest run with as many parametrised tests: both in turn, medians of whole processes."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tools.bench.contenders import EMPTY, ROOT, outcomes

EVIDENCE = ROOT / "tests/recorded/healthy.json"
ROUNDS = 7


def measured() -> tuple[int, float, float, float]:
    """How many checks there are, seconds of judging them, of as many empty tests, and the ratio."""
    with tempfile.TemporaryDirectory(prefix="az-bench-") as name:
        folder = Path(name)
        judge = [sys.executable, "-m", "pytest", f"--evidence={EVIDENCE}", f"--runs={folder / 'runs'}"]
        seconds(judge, ROOT)
        count = len(outcomes(folder / "runs"))
        (folder / "test_empty.py").write_text(EMPTY.format(count=count), encoding="utf-8")
        empty = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_empty.py"]
        pairs = [(seconds(judge, ROOT), seconds(empty, folder)) for _ in range(ROUNDS)]
    ours, theirs = (statistics.median(column) for column in zip(*pairs, strict=True))
    return count, ours, theirs, statistics.median(one / other for one, other in pairs)


def seconds(command: list[str], folder: Path) -> float:
    """Seconds that a command takes, from start to exit."""
    begun = time.perf_counter()
    known = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    subprocess.run(command, cwd=folder, env=known, check=True, capture_output=True)
    return time.perf_counter() - begun
