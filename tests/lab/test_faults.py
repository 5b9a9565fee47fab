"""Every fault of the lab causes its symptom without the suite's help, and disappears if the lab can undo it."""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys

import pytest

from lab.faults import registry
from tests.lab.symptoms import TABLES

pytestmark = pytest.mark.proof  # large labs: alone on the machine

ROOT = pathlib.Path(__file__).resolve().parents[2]
LABS = {
    "one": ("--datacenters", "10"),
    "several": ("--datacenters", "6"),
    "two": ("--datacenters", "10"),
    "candidates": ("--datacenters", "10", *(f"--candidate=my-dc-{number}" for number in range(3, 9))),
    "manta": ("--manta",),
    "servers": ("--datacenters", "2", "--servers", "2"),
}
SYMPTOMS = [symptom for waves in TABLES.values() for wave in waves for symptom in wave]


@pytest.mark.parametrize("name", TABLES)
def test_symptoms_show_by_themselves(name: str) -> None:
    """One lab for each table: many faults at once, each asked for before planting, after it, and after healing."""
    command = [sys.executable, "-m", "lab", *LABS[name], "--", sys.executable, "-m"]
    done = subprocess.run(
        [*command, "tests.lab.asking", name], cwd=ROOT, capture_output=True, text=True, check=False, timeout=600
    )
    if done.returncode == 2:
        pytest.skip("no namespaces on this machine")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    wrong = []
    for wave in TABLES[name]:
        for symptom in wave:
            for moment, wanted in (("before", False), ("after", True), ("healed", False)):
                shown, answer = found[symptom.fault].get(moment, (wanted, ""))
                if shown is not wanted:
                    wrong.append(f"{symptom.fault}, {moment}: {answer}")
            assert symptom.heals is ("healed" in found[symptom.fault])
    assert not wrong, "\n".join(wrong)


def test_every_fault_is_in_a_table() -> None:
    registry.listing()
    assert {symptom.fault.partition("@")[0] for symptom in SYMPTOMS} == set(registry.FAULTS)


def test_every_fault_says_what_it_does() -> None:
    registry.listing()
    assert not [each.name for each in registry.FAULTS.values() if len(each.text) < 40]
