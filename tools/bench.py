"""`make bench`: what judging costs, as a ratio to an empty pytest run with as many parametrised tests, in one go.

Machines are noisy, so both are timed in turn and the medians of whole processes compared; nothing here passes or fails.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EVIDENCE = ROOT / "tests/recorded/healthy.json"
ROUNDS = 7
EMPTY = """import pytest

@pytest.mark.parametrize("number", range({count}))
def test_nothing(number):
    assert number >= 0
"""


def timed(command: list[str], folder: Path) -> float:
    """Seconds that a command takes, from start to exit."""
    begun = time.perf_counter()
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return time.perf_counter() - begun


def main() -> None:
    judge = [sys.executable, "-m", "pytest", f"--evidence={EVIDENCE}"]
    subprocess.run(judge, cwd=ROOT, check=True, capture_output=True)
    newest = max((ROOT / "reports/runs").glob("2*/findings.json"), key=lambda path: path.stat().st_mtime)
    findings = json.loads(newest.read_bytes())
    count = len(findings["results"])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "test_empty.py").write_text(EMPTY.format(count=count))
        empty = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_empty.py"]
        pairs = [(timed(judge, ROOT), timed(empty, folder)) for _ in range(ROUNDS)]
    ours, theirs = (statistics.median(column) for column in zip(*pairs, strict=True))
    ratio = statistics.median(one / other for one, other in pairs)
    print(
        f"{count} checks judged from stored evidence: {ours:.2f} s; as many empty tests: {theirs:.2f} s; ratio {ratio:.2f}"
    )


if __name__ == "__main__":
    main()
