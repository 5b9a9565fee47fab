"""A defect of the suite is not the region's: it is an outcome of its own, never a cause, without advice, and with exit code 3."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from msgspec.structs import replace

from evidence.fact import missing
from evidence.model import Evidence
from evidence.store import save
from evidence.subjects.claims import judged
from fixtures.check import CHECKS, FUNCTIONS
from fixtures.quiet import results
from remediate import registry
from reports.conclude import conclude
from reports.conclusion import Conclusion
from reports.findings import load
from reports.page import Look
from reports.told import told as said
from tests.judging import check_functions
from tests.recording import recorded
from tests.reports.test_junit import parsed

ROOT = Path(__file__).resolve().parents[2]
CHECK = "region-name-agrees"


def concluded(evidence: Evidence) -> Conclusion:
    check_functions()
    world = judged(evidence.inventory, evidence)
    return conclude(results(world), CHECKS, world)


def broken(*_: object) -> None:
    raise KeyError("of ours")


def test_a_check_that_breaks_is_told_apart_and_is_no_cause(monkeypatch: pytest.MonkeyPatch) -> None:
    check_functions()
    monkeypatch.setitem(FUNCTIONS, CHECK, lambda datacenter: broken(datacenter))
    told = concluded(recorded("healthy"))
    assert (told.verdict.causes, told.verdict.counts["broken"]) == ((), 3)
    assert [defect.partition(":")[0] for defect in told.defects] == [f"{CHECK}[my-dc-{n}]" for n in (1, 2, 3)]
    assert "the check itself broke: KeyError: 'of ours' (test_defects.py:" in told.defects[0]
    page = said(told, Look(), folder="reports/runs/x")
    assert "The suite itself broke. This says nothing about the region. Please report it" in page
    assert "All is well" not in page
    assert "1 cause" not in page


def test_in_junit_it_is_an_error_of_the_suite(monkeypatch: pytest.MonkeyPatch) -> None:
    check_functions()
    monkeypatch.setitem(FUNCTIONS, CHECK, lambda datacenter: broken(datacenter))
    root = parsed(concluded(recorded("healthy")))
    assert (root.get("errors"), root.get("failures")) == ("3", "0")
    assert {error.get("type") for error in root.iter("error")} == {"defect of the suite"}
    assert all("please report it" in (error.text or "") for error in root.iter("error"))


def test_a_remedy_that_breaks_costs_its_own_steps_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "region-name-at-my-dc-1"
    well = concluded(recorded(name))
    remedy = registry.remedies()[CHECK]
    monkeypatch.setitem(registry._REMEDIES, CHECK, type(remedy)(CHECK, remedy.chapter, remedy.parameters, broken))
    told = concluded(recorded(name))
    assert told.verdict.causes == well.verdict.causes
    assert told.plan.entries[0].steps == ()
    (defect,) = told.defects
    assert "the remedy of region-name-agrees[my-dc-1] itself broke: " in defect


def lost_by_us(evidence: Evidence) -> Evidence:
    """The same, but the suite broke while it read NAPI's networks of a datacenter."""
    seen = evidence.datacenters["my-dc-1"]
    fact = missing(
        "my-dc-1", "NAPI's networks", "sdc-napi /networks", "the suite could not read it (KeyError)", ours=True
    )
    return replace(evidence, datacenters=evidence.datacenters | {"my-dc-1": replace(seen, networks=fact)})


def test_what_collecting_lost_by_a_defect_blocks_nothing_and_is_no_cause() -> None:
    told = concluded(lost_by_us(recorded("healthy")))
    assert told.verdict.causes == ()
    assert told.verdict.counts["broken"] > 0
    assert "blocked" not in told.verdict.counts


@pytest.mark.parametrize("options", [(), ("-n", "2")])
def test_the_run_ends_with_3_and_says_so(tmp_path: Path, options: tuple[str, ...]) -> None:
    path = tmp_path / "evidence.json"
    save(lost_by_us(recorded("healthy")), path)
    command = [sys.executable, "-m", "pytest", f"--evidence={path}", f"--runs={tmp_path / 'runs'}", *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 3, done.stdout + done.stderr
    assert "The suite itself broke" in done.stdout
    assert "INTERNALERROR" not in done.stdout + done.stderr
    (run,) = (tmp_path / "runs").glob("2*")
    assert load(run).counts["broken"] > 0


def test_beside_a_real_finding_that_one_is_told_with_its_cause(tmp_path: Path) -> None:
    told = concluded(lost_by_us(recorded("region-name-at-my-dc-1")))
    assert [str(cause.name) for cause in told.verdict.causes] == ["region-name-agrees[my-dc-1]"]
    assert told.plan.entries[0].steps
    assert told.defects
