"""`make record`: record the evidence of every fault, and of a healthy lab, into tests/recorded."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TESTS = ["-c", "tests/pytest.ini", "tests/proofs", "-n", "2", "-m", "proof"]


def main() -> int:
    environment = os.environ | {"AZ_RECORD": "1"}
    return subprocess.run([sys.executable, "-m", "pytest", *TESTS], cwd=ROOT, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
