"""Faults are refused where they would change nothing, and unknown names are answered with a sentence."""

from __future__ import annotations

import pathlib
import re
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
LAB = [sys.executable, "-m", "lab"]


def run(*command: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode == 2:
        pytest.skip("no namespaces on this machine")
    return done


def test_a_fault_that_would_change_nothing_is_refused_before_the_command_runs() -> None:
    done = run(*LAB, "--datacenters=2", "--fault=remote-ip@my-dc-2", "--", "echo", "was run")
    assert (done.returncode, done.stdout) == (4, "")
    assert "my-dc-2 is a master, where it would change nothing" in done.stderr


INSIDE = """
lab() { "$@"; echo "exit $?"; }
lab "$0" -m lab fault
lab "$0" -m lab settle now
lab "$0" -m lab fault headnode-denies@my-dc-1
lab "$0" -m lab fault headnode-denies@my-dc-1
lab "$0" -m lab heal headnode-denies@my-dc-1
lab "$0" -m lab heal headnode-denies@my-dc-1
lab "$0" -m lab fault second-poseidon@my-dc-2
"""


def test_what_cannot_be_done_inside_is_said() -> None:
    done = run(*LAB, "--datacenters=2", "--", "bash", "-c", INSIDE, sys.executable)
    assert [line[-1] for line in done.stdout.splitlines()] == list("4404044")
    said = done.stderr.splitlines()
    assert len(said) == 5, done.stderr
    for line, words in zip(
        said, ("fault wants NAME", "settle wants nothing", "planted already", "not planted", "is a master"), strict=True
    ):
        assert words in line


def test_a_folder_without_recordings_is_named() -> None:
    done = subprocess.run([*LAB, "--conformance=/nonexistent"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 4
    assert done.stderr.startswith("lab: /nonexistent holds no recordings")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.proof
def test_a_fault_that_another_one_prevents_is_named() -> None:
    done = run(*LAB, "--fault=port-dropped@my-dc-2.ufds0", "--fault=second-poseidon@my-dc-3", "--", "true")
    assert done.returncode == 3
    assert re.fullmatch(r"lab: second-poseidon@my-dc-3: it waited in vain for this: .*\n", done.stderr), done.stderr
