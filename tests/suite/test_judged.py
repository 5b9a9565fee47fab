"""A whole run over stored evidence: exit codes, the report, and the files that stay."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import date
from pathlib import Path
from xml.etree import ElementTree

import pytest
from msgspec.structs import replace

from evidence.inventory.model import Waiver
from evidence.store import load as load_evidence
from evidence.store import save
from reports.findings import load
from tests.suite.running import (
    ROOT,
    WAIVER,
    run_of,
    suite,
)


@pytest.mark.parametrize("options", [(), ("-n", "2")])
def test_a_replay_is_never_the_latest_run(tmp_path: Path, dark: Path, options: tuple[str, ...]) -> None:
    """Nor is it the previous run for another run. Its output names its own folder, and so does the plan."""
    old = tmp_path / "reports/runs/20200101T000000Z"
    old.mkdir(parents=True)
    latest = old.parent / "latest"
    latest.symlink_to(old.name)
    done = suite(tmp_path, f"--evidence={dark}", *options)
    assert done.returncode == 1
    assert latest.readlink() == Path(old.name)
    (run,) = (old.parent).glob("202[1-9]*")
    assert done.stdout.endswith(f"az-checks plan {run}\n")
    assert load(run).inventory == ""
    plan = subprocess.run(
        [sys.executable, "-m", "remediate", str(run)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert plan.returncode == 0
    assert run.name in plan.stdout


def test_a_dark_datacenter_is_blocked_and_the_others_are_judged(tmp_path: Path, dark: Path) -> None:
    done = suite(tmp_path, f"--evidence={dark}", "-vv")
    assert done.returncode == 1
    assert "1 cause, and " in done.stdout
    assert "observed  root@10.3.2.2 refused the connection: nothing listens on port 22\n" in done.stdout
    assert "checks of my-dc-3 (blocked: nobody could look)" in done.stdout
    run = run_of(tmp_path)
    rows = load(run).results
    assert {row.outcome for row in rows if row.subject.startswith("my-dc-3")} == {"failed", "blocked"}
    others = [row for row in rows if row.subject.startswith("my-dc-1") and "my-dc-3" not in row.subject]
    assert {row.outcome for row in others} == {"passed", "blocked", "not_applicable"}
    assert {name for row in others if row.outcome == "blocked" for name in map(str, row.blocked_by)} == {
        "headnode-answers[my-dc-3]"
    }
    cases = ElementTree.parse(run / "junit.xml").getroot().findall("testsuite/testcase")
    assert len(cases) == len(rows)


def test_workers_give_the_same_verdict_and_a_run_can_be_replayed_by_its_name(tmp_path: Path, dark: Path) -> None:
    alone = suite(tmp_path, f"--evidence={dark}")
    name = run_of(tmp_path).name
    shared = suite(tmp_path, f"--evidence={name}", "-n", "2")
    assert alone.returncode == shared.returncode == 1
    first, second = (
        json.loads((run / "findings.json").read_bytes()) | {"run": ""}
        for run in sorted((tmp_path / "reports/runs").glob("2*"), key=lambda run: run.name != name)
    )
    assert first == second


@pytest.mark.parametrize("options", [(), ("-n", "2")])
def test_only_waived_findings_are_exit_0(tmp_path: Path, dark: Path, options: tuple[str, ...]) -> None:
    (tmp_path / "waivers.yaml").write_text(WAIVER)
    selected = ("-k", "headnode-answers or headnode-is-the-right-one", f"--waivers={tmp_path / 'waivers.yaml'}")
    done = suite(tmp_path, f"--evidence={dark}", *selected, f"--junitxml={tmp_path / 'own.xml'}", *options)
    assert done.returncode == 0, done.stdout
    assert "Waived: 1 finding, the first until 2100-01-01 (ops)." in done.stdout
    told = "All that was judged is well except for waived findings: 4 of 6 checks passed, 2 waived."
    assert told in " ".join(done.stdout.split())
    own = ElementTree.parse(tmp_path / "own.xml").getroot().find("testsuite")
    assert own is not None
    assert own.attrib["skipped"] == "1", "what follows is only known at the end"
    (run,) = (tmp_path / "reports/runs").glob("2*")
    waivers = {row.check: row.waiver for row in load(run).results if row.waiver is not None}
    assert [str(name) for name in waivers["headnode-is-the-right-one"].through] == ["headnode-answers[my-dc-3]"]


def test_a_hostile_waiver_in_stored_evidence_is_shown_harmless(tmp_path: Path, dark: Path) -> None:
    evidence = load_evidence(dark)
    hostile = Waiver("headnode-answers", "my-dc-3", "\x1b[2J\n<b>", "\x9bowner", date(2100, 1, 1), "\u202e")
    save(replace(evidence, inventory=replace(evidence.inventory, waived=(hostile,))), tmp_path / "evidence.json")
    done = suite(tmp_path, f"--evidence={tmp_path / 'evidence.json'}", "-k", "headnode", "-rA", "-v")
    assert "\\x1b[2J" in done.stdout
    assert not [raw for raw in ("\x1b", "\x9b", "\u202e") if raw in done.stdout + done.stderr]


def test_a_run_that_cannot_be_kept_is_judged_all_the_same(tmp_path: Path, dark: Path) -> None:
    (tmp_path / "reports").write_text("in the way")
    for options in ((), ("-n", "2")):
        done = suite(tmp_path, f"--evidence={dark}", *options)
        assert done.returncode == 1
        assert "this run is not kept" in done.stderr
        assert "1 cause" in done.stdout
        assert "This run was not kept." in done.stdout
