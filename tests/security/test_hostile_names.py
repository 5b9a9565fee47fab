"""Rule 7 in the living lab: an alias and metadata with escapes, HTML and shell words are shown, and do nothing."""

from __future__ import annotations

import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
FAULTS = ("hostile-alias@my-dc-1.moray0", "hostile-metadata@my-dc-1", "service-stopped@my-dc-1.moray0")
RAW = ("\x1b", "\x07", "\u202e", "<script>")
INSIDE = """
"$0" -m pytest --rootdir="$1/root" checks -v --color=no --inventory="$AZ_INVENTORY" --junitxml="$1/own.xml" > "$1/terminal" 2>&1
echo $? > "$1/exit"
"$0" -m remediate "$1"/root/reports/runs/latest > "$1/plan" 2>&1
ls /tmp/owned > "$1/owned" 2>&1
"""


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    place = tmp_path_factory.mktemp("hostile")
    (place / "root").mkdir()
    faults = [f"--fault={fault}" for fault in FAULTS]
    command = [sys.executable, "-m", "lab", *faults, "--", "bash", "-c", INSIDE, sys.executable, str(place)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode == 2 and "namespaces" in done.stderr:
        pytest.skip("no namespaces on this machine")
    return place


def test_a_zone_with_a_hostile_alias_is_judged_under_a_harmless_id(outputs: pathlib.Path) -> None:
    assert (outputs / "exit").read_text().strip() == "1"
    told = (outputs / "terminal").read_text()
    assert "services-run[my-dc-1.moray-" in told
    assert "moray-2021 is disabled" in " ".join(told.split())


@pytest.mark.parametrize("name", ["terminal", "plan", "own.xml", "junit.xml", "findings.json", "evidence.json"])
def test_nothing_hostile_is_shown_as_it_is(outputs: pathlib.Path, name: str) -> None:
    path = outputs / name if (outputs / name).exists() else outputs / "root/reports/runs/latest" / name
    text = path.read_text(encoding="utf-8")
    assert text
    for raw in (
        RAW[:2] if name.endswith(".json") else RAW
    ):  # JSON is data, so it is enough to look for what moves a terminal
        assert raw not in text


def test_nothing_of_it_was_run(outputs: pathlib.Path) -> None:
    assert "No such file" in (outputs / "owned").read_text()
