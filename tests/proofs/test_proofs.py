"""`make proofs`: every case in a separate living lab, from fault to remedy."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.proofs import aborted, endings, stopped
from tests.proofs.cases import CASES, Case, healthy

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.proof


def in_lab(name: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Run one case inside a fresh lab."""
    folder = os.environ.get("AZ_RECORD")
    record = [str(Path(folder, f"{name}.json"))] if folder else []
    inside = [sys.executable, "-m", "tests.proofs.inside", name, *record]
    command = [sys.executable, "-m", "lab", *options, "--", *inside]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode and record:
        Path(record[0]).unlink(missing_ok=True)  # a run that failed is not a recording
    return done


@pytest.mark.parametrize("options", sorted({case.lab for case in CASES} | {()}), ids=healthy)
def test_healthy(options: tuple[str, ...]) -> None:
    """Nothing is found in a healthy lab of any kind that a case needs."""
    done = in_lab(healthy(options), *options)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_case(case: Case) -> None:
    """The fault is named as the cause, the remedy is typed as printed, and then all is well."""
    done = in_lab(case.name, *case.lab, f"--fault={case.fault}")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("stage", aborted.STAGES)
def test_aborted(stage: str) -> None:
    """sdc-ufds-m2s, aborted at each of its stages: the suite says in which state the datacenter is."""
    inside = [sys.executable, "-m", "tests.proofs.aborted", stage]
    command = [sys.executable, "-m", "lab", "--candidate", aborted.DC, "--", *inside]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("stop", stopped.STOPS)
def test_stopped(stop: str) -> None:
    """sdc-ufds-m2s, stopped at each line of its table: what is printed, typed, leads to health, and nothing is lost that was not named."""
    inside = [sys.executable, "-m", "tests.proofs.stopped", stop]
    command = [sys.executable, "-m", "lab", "--candidate", aborted.DC, "--", *inside]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("ending", endings.ENDINGS)
def test_ending(ending: str) -> None:
    """sdc-ufds-m2s, broken off at each question and wait, or given something wrong: the same must hold."""
    inside = [sys.executable, "-m", "tests.proofs.endings", ending]
    command = [sys.executable, "-m", "lab", "--candidate", aborted.DC, "--", *inside]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_endpoints() -> None:
    """Master and replica are judged as far as LDAP, HTTP and DNS reach without SSH."""
    command = [sys.executable, "-m", "lab", "--", sys.executable, "-m", "tests.proofs.endpoints"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
