"""A sample of the proofs with this machine's own sshd on the head nodes. The suite is not slower with it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from lab.machine import openssh
from tests.proofs.cases import CASES, Case
from tests.proofs.test_proofs import in_lab

if cannot := openssh.refused():
    pytest.skip(cannot, allow_module_level=True)

pytestmark = pytest.mark.proof

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ("headnode-denies", "headnode-key", "headnode-forbids-forwarding", "region-name", "sapi-storage")
AT_MOST = 1.3  # times the duration with the lab's own server
NIGHTLY = "import subprocess, sys, time\nfor _ in range(3):\n    began = time.monotonic()\n    " \
    "code = subprocess.run([sys.executable, '-m', 'pytest', '-q', '-m', 'nightly', '-p', 'no:cacheprovider']).returncode\n    " \
    "print('took', time.monotonic() - began)\n    code and sys.exit(code)\n"  # fmt: skip


def nightly(*options: str) -> float:
    """The quickest of three healthy nights, in seconds."""
    command = [sys.executable, "-m", "lab", *options, "--", sys.executable, "-c", NIGHTLY]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return min(map(float, re.findall(r"^took (\S+)", done.stdout, re.MULTILINE)))


def test_a_healthy_night_finds_nothing_and_takes_no_longer() -> None:
    assert nightly("--openssh") <= AT_MOST * nightly()


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.fault.partition("@")[0] in SAMPLE], ids=lambda case: case.name
)
def test_case(case: Case) -> None:
    done = in_lab(case.name, *case.lab, "--openssh", f"--fault={case.fault}")
    assert done.returncode == 0, done.stdout + done.stderr
