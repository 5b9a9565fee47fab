"""A part of the catalogue: by id, mark, datacenter and stage."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from evidence.subjects.spec import BOTH, POSTCHANGE, PREFLIGHT
from fixtures.check import CHECKS
from reports.findings import load
from tests.judging import check_functions
from tests.recording import RECORDED
from tests.suite.running import (
    HEALTHY,
    ROOT,
    SUITE,
    environment,
    run_of,
    suite,
)

NO_SUCH = "checks/names.py::test_region_name_agrees[nobody]"
SELECTIONS = [
    (("checks", "-k", "candidate"), 0, "Nothing was judged: 0 of 0 checks passed"),
    (("checks", "-k", "manta and not candidate"), 0, "Nothing was judged: 0 of 0 checks passed"),
    (("checks", "-k", "candidate", "--datacenter=my-dc-1"), 0, "Nothing was judged: 0 of 0 checks passed"),
    (("checks", "-m", "preflight", "-k", "candidate"), 0, "Nothing was judged: 0 of 0 checks passed"),
    (
        ("checks", "--deselect", "checks/names.py::test_nothing", "-k", "candidate"),
        0,
        "Nothing was judged: 0 of 0 checks passed",
    ),
    (("checks", "-m", "nosuch"), 4, "Unknown marker(s) in '-m' expression: nosuch"),
    (("checks", "-m", "preflight and"), 4, "Wrong expression passed to '-m'"),
    (("checks", "-k", "region and"), 4, "Wrong expression passed to '-k'"),
    ((NO_SUCH,), 4, "not found: "),
    (("checks/names.py::test_nothing",), 4, "not found: "),
    (("checks/nothing.py",), 4, "not found: "),
    (("checks", "--datacenter=nobody"), 4, "the inventory has no nobody"),
    (("checks", "-k", "nosuch"), 5, "Nothing was selected"),
    (("checks", "-k", "nosuch", "--collect-only"), 5, "Nothing was selected"),
    (("checks", "-k", "candidate", "--collect-only"), 0, "coupling.py: 10"),
    ((NO_SUCH, "--collect-only"), 4, "not found: "),
]
WITH_WORKERS = [0, 5, 8, 12]
"""One of each kind of end: with workers, pytest's own process judges nothing."""


@pytest.mark.parametrize(
    ("selection", "code", "said", "how"),
    [(*each, ()) for each in SELECTIONS] + [(*SELECTIONS[each], ("-n", "2")) for each in WITH_WORKERS],
)
def test_no_selection_ends_in_an_internal_error(
    tmp_path: Path, selection: tuple[str, ...], code: int, said: str, how: tuple[str, ...]
) -> None:
    command = [*SUITE[:-1], f"--rootdir={tmp_path}", f"--evidence={HEALTHY}", *selection, *how]
    done = subprocess.run(
        command, cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=300, check=False
    )  # fmt: skip
    told = done.stdout + done.stderr
    assert done.returncode == code, told
    assert not [word for word in ("Traceback", "INTERNALERROR") if word in told], told
    assert said in told


def test_nothing_selected(tmp_path: Path) -> None:
    done = suite(tmp_path, f"--evidence={HEALTHY}", "-k", "nope")
    assert done.returncode == 5
    assert "Nothing was selected" in done.stdout


def test_k_takes_what_the_reports_print(tmp_path: Path) -> None:
    done = suite(tmp_path, f"--evidence={HEALTHY}", "-k", "sapi-points-at-master-moray[my-dc-1] or one-ufds-master")
    assert done.returncode == 0
    assert "All that was judged is well: 2 of 2 checks passed." in done.stdout


@pytest.mark.parametrize("options", [(), ("-n", "2")])
def test_one_datacenter_is_judged_with_what_it_lies_in(tmp_path: Path, options: tuple[str, ...]) -> None:
    done = suite(tmp_path, f"--evidence={HEALTHY}", "--datacenter=my-dc-1", *options)
    (run,) = (tmp_path / "reports/runs").glob("2*")
    judged = {row.subject.partition("--")[0].partition(".")[0] for row in load(run).results if row.selected}
    assert judged - {"not-applicable"} == {"my-dc-1", "my-dc", "coupling"}
    assert "Only my-dc-1 was judged" in done.stdout
    assert f"az-checks plan {run}" in done.stdout or done.returncode == 0
    assert not (run.parent / "latest").exists()


def test_the_cause_of_a_selected_finding_is_told_though_it_was_not_selected(tmp_path: Path, dark: Path) -> None:
    done = suite(tmp_path, f"--evidence={dark}", "-k", "one-ufds-master")
    assert done.returncode == 1
    assert "1 cause, and 1 finding that follows" in done.stdout
    assert "root@10.3.2.2 refused the connection" in " ".join(done.stdout.split())
    assert "headnode-answers[my-dc-3] was not selected" in done.stdout


LABS = {
    "healthy": (3, set()),
    "healthy-candidate-my-dc-3": (3, {"my-dc-3"}),
    "healthy-uncoupled-datacenters-2": (2, {"my-dc-1"}),
}
"""The recorded labs: how many datacenters each has, and which of them are candidates."""
SELECTED = {"preflight": {PREFLIGHT, BOTH}, "postchange": {POSTCHANGE, BOTH}, "nightly": {PREFLIGHT, POSTCHANGE, BOTH}}


@pytest.mark.parametrize("stage", SELECTED)
@pytest.mark.parametrize("lab", LABS)
def test_each_stage_judges_those_whom_it_is_about(tmp_path: Path, lab: str, stage: str) -> None:
    """Before coupling: candidates, with what must hold anyway. After it: nothing about a candidate."""
    count, candidates = LABS[lab]
    done = suite(tmp_path, f"--evidence={RECORDED / lab}.json", "-m", stage)
    assert done.returncode == 0, done.stdout
    check_functions()
    rows = [row for row in load(run_of(tmp_path)).results if row.outcome != "not_applicable"]
    assert {CHECKS[row.check].stage for row in rows} <= SELECTED[stage]
    everyone = {f"my-dc-{number}" for number in range(1, count + 1)}
    for kind, about in ((PREFLIGHT, candidates), (POSTCHANGE, everyone - candidates), (BOTH, everyone)):
        places = {row.subject.partition("--")[0].partition(".")[0] for row in rows if CHECKS[row.check].stage == kind}
        assert places & everyone == (about if kind in SELECTED[stage] else set()), kind
