"""`make record`: record the evidence of every fault, and of the healthy labs, into tests/recorded.

`python -m tools.record NAME…` records these cases alone (a healthy lab's too: `healthy-manta`).
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from evidence.store import load
from tests.judging import verdict_on
from tests.proofs import consequences
from tests.proofs.cases import CASES, healthy
from tests.recording import RECORDED, record, recorded

ROOT = Path(__file__).resolve().parent.parent
OPTIONS = ["-c", "tests/pytest.ini", "-n", "2", "-m", "proof"]
TESTS = "tests/proofs/test_proofs.py"


def main(wanted: list[str]) -> int:
    against = {case.name: healthy(case.lab) for case in CASES}
    names = {**dict.fromkeys(against.values()), healthy(()): None, **against}
    tests = [f"{TESTS}::{'test_case' if names[name] else 'test_healthy'}[{name}]" for name in wanted] or [TESTS]
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {"AZ_RECORD": folder}
        command = [sys.executable, "-m", "pytest", *OPTIONS, *tests]
        done = subprocess.run(command, cwd=ROOT, env=environment, check=False)
        for name, base in names.items():
            seen = Path(folder, f"{name}.json")
            if seen.exists():
                record(load(seen), name, base)
    for old in RECORDED.glob("*.json"):
        if old.stem not in names:
            old.unlink()
    consequences.write({name: consequences_of(name) for name in against if (RECORDED / f"{name}.json").exists()})
    return done.returncode


def consequences_of(name: str) -> list[consequences.Finding]:
    """The findings of a recorded case that are no cause."""
    causes = verdict_on(recorded(name)).causes
    return sorted({(found.check, found.subject) for cause in causes for found in cause.consequences})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
