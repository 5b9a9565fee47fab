"""--output: the findings alone on standard output, or a plugin's line and exit code, however the run ends."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
from msgspec.structs import replace

from evidence.store import save
from evidence.subjects.spec import BLOCKED, CRITICAL, FAILED, PASSED, WARNING, Outcome, Severity
from reports.conclusion import Conclusion
from reports.output import LONGEST, State, line, said
from tests.recording import recorded
from tests.reports import scenes
from tests.suite.running import HEALTHY, ROOT, SUITE, environment, run_of, suite

LINE = re.compile(r"AZ-CHECKS (OK|WARNING|CRITICAL|UNKNOWN) - [^|\n]+( \| \S+( \S+)*)?\n")
NUMBER = re.compile(r"[a-z]+=[0-9]+(\.[0-9]+s)?;;;0")


@pytest.fixture(scope="module")
def fault(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("evidence") / "evidence.json"
    save(recorded("region-name-at-my-dc-1"), path)
    return path


@pytest.mark.parametrize("options", [(), ("-n", "2"), ("-vvv", "-rA", "--tb=long")])
def test_json_is_the_document_and_nothing_else(tmp_path: Path, fault: Path, options: tuple[str, ...]) -> None:
    done = suite(tmp_path, f"--evidence={fault}", "--output=json", *options)
    assert done.returncode == 1
    assert done.stdout == (run_of(tmp_path) / "findings.json").read_text()
    assert [cause["check"] for cause in json.loads(done.stdout)["causes"]] == ["region-name-agrees"]


def test_json_of_a_run_that_is_not_kept(tmp_path: Path, fault: Path) -> None:
    (tmp_path / "reports").write_text("in the way")
    done = suite(tmp_path, f"--evidence={fault}", "--output=json")
    assert (done.returncode, json.loads(done.stdout)["run"]) == (1, "")


def test_no_document_without_a_verdict(tmp_path: Path) -> None:
    done = suite(tmp_path, "--output=json", "--evidence=/nonexistent")
    assert (done.returncode, done.stdout) == (4, "")
    assert "/nonexistent" in done.stderr


def az(place: Path, *options: str) -> tuple[int, str]:
    """What a monitor gets of az-checks."""
    called = environment() | {"AZ_RUNS": str(place / "runs"), "PATH": os.environ["PATH"]}
    command = [str(ROOT / "az-checks"), "run", *options]
    done = subprocess.run(command, cwd=place, env=called, capture_output=True, text=True, timeout=300, check=False)
    assert LINE.fullmatch(done.stdout), done.stdout
    return done.returncode, done.stdout


def test_a_line_with_numbers(tmp_path: Path, fault: Path) -> None:
    code, text = az(tmp_path, f"--evidence={HEALTHY}", "--output", "nagios")
    assert (code, text.partition(" | ")[0]) == (0, "AZ-CHECKS OK - All is well")
    assert all(NUMBER.fullmatch(number) for number in text.partition(" | ")[2].split())
    code, text = az(tmp_path, f"--evidence={fault}", "--output=nagios", "-n", "2")
    assert code == 2
    assert text.startswith("AZ-CHECKS CRITICAL - 1 cause: my-dc-1: region_name is my-dc-old, not my-dc | causes=1;;;0 ")


@pytest.mark.parametrize(
    "options",
    [
        ("--evidence=/nonexistent",),
        ("--bogus",),
        ("--preflight", "--nightly"),
        (f"--evidence={HEALTHY}", "-k", "no-such-check"),
        (f"--evidence={HEALTHY}", "--deselect=checks"),
    ],
)
def test_what_did_not_judge_is_unknown(tmp_path: Path, options: tuple[str, ...]) -> None:
    code, text = az(tmp_path, *options, "--output=nagios")
    assert (code, text.split()[1]) == (3, "UNKNOWN")


def test_interrupted_is_unknown(tmp_path: Path, fault: Path) -> None:
    plugin = "import os, signal\ndef pytest_runtest_logreport(report):\n    os.kill(os.getpid(), signal.SIGINT)\n"
    (tmp_path / "ctrl_c.py").write_text(plugin)
    command = [*SUITE, f"--rootdir={tmp_path}", f"--evidence={fault}", "-p", "ctrl_c", "--output=nagios"]
    called = environment() | {"PYTHONPATH": str(tmp_path)}
    done = subprocess.run(command, cwd=ROOT, env=called, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 3, done.stderr
    assert done.stdout.startswith("AZ-CHECKS UNKNOWN - the run was interrupted")
    assert LINE.fullmatch(done.stdout)


@pytest.mark.parametrize("words", ["a" * 5000, "\u00fc" * 5000, "one | two " * 900], ids=["long", "wide", "bars"])
def test_a_line_is_never_so_long_that_a_monitor_cuts_its_numbers(words: str) -> None:
    told = said(State.CRITICAL, words)
    assert len(told.encode()) <= LONGEST
    assert told.startswith("AZ-CHECKS CRITICAL - ")
    assert told.endswith("...")
    assert "|" not in told


def ended(*results: tuple[Outcome, Severity]) -> Conclusion:
    """A conclusion of which the results ended so."""
    base = scenes.green()
    row = base.verdict.results[0]
    rows = tuple(
        replace(row, result=replace(row.result, subject=f"my-dc-1.sapi{n}", outcome=outcome, severity=severity))
        for n, (outcome, severity) in enumerate(results)
    )
    counts = {outcome: sum(each == outcome for each, _ in results) for outcome, _ in results}
    return replace(base, verdict=replace(base.verdict, results=rows, counts=counts))


@pytest.mark.parametrize(
    ("results", "code", "state"),
    [
        ([(PASSED, CRITICAL)], 0, State.OK),
        ([(PASSED, CRITICAL), (FAILED, WARNING)], 1, State.WARNING),
        ([(FAILED, WARNING), (BLOCKED, CRITICAL)], 1, State.WARNING),
        ([(FAILED, WARNING), (FAILED, CRITICAL)], 1, State.CRITICAL),
        ([(PASSED, CRITICAL), (BLOCKED, CRITICAL)], 1, State.UNKNOWN),
        ([(FAILED, CRITICAL)], 3, State.UNKNOWN),
        ([(PASSED, CRITICAL)], 2, State.UNKNOWN),
        ([(PASSED, CRITICAL)], 1, State.UNKNOWN),
    ],
)
def test_the_state(results: list[tuple[Outcome, Severity]], code: int, state: State) -> None:
    assert line(ended(*results), "run", code)[0] == state


def test_a_hostile_answer_adds_no_number_and_no_line() -> None:
    state, text = line(scenes.hostile(), "run", 1)
    assert (state, text.count("|"), text.count("\n")) == (State.CRITICAL, 1, 0)
    assert "\x1b" not in text
