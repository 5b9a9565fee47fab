"""A sample of the cases, put right by az-checks apply, applied again with nothing left to do, and taken back."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.proofs.cases import CASES

pytestmark = pytest.mark.proof

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = (
    ("account-changed@my-dc-1",),
    ("checkpoint-twice@my-dc-1",),
    ("cloudapi-own-master@my-dc-3",),
    ("firewall-open@my-dc-2.ufds0",),
    ("headnode-route-missing@my-dc-3",),
    ("napi-route-missing@my-dc-3",),
    ("networks-of-another-poseidon@my-dc-3", "--manta"),
    ("region-name@my-dc-1",),
    ("resolver-lost@my-dc-1",),
    ("route-missing@my-dc-3.cloudapi0",),
    ("route-missing@my-dc-1.cloudapi1", "--servers=2"),
    ("second-master@my-dc-3",),
    ("usbkey-old@my-dc-1",),
)


ALL = tuple((case.fault, *case.lab) for case in CASES if not case.mended)
"""Every case that steps put right: with AZ_APPLIED=all, which takes hours."""


@pytest.mark.parametrize("case", ALL if os.environ.get("AZ_APPLIED") == "all" else SAMPLE, ids=lambda case: case[0])
def test_applied_and_taken_back(case: tuple[str, ...]) -> None:
    fault, *options = case
    inside = [sys.executable, "-m", "tests.proofs.applied", fault]
    command = [sys.executable, "-m", "lab", *options, f"--fault={fault}", "--", *inside]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
