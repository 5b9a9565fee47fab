"""What a run leaves: its folder, findings.json, junit.xml, and `latest`. A full disk costs only the files."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree

import pytest
from msgspec.structs import replace

from evidence.store import save
from evidence.subjects.spec import BLOCKED, BOTH, CRITICAL, NOT_APPLICABLE, PASSED, Outcome, Result, Spec
from reports import command as remediate
from reports import findings
from reports.conclude import conclude
from reports.conclusion import Conclusion
from reports.extent import Extent
from reports.findings import causes_in
from reports.run import Run, RunError, new_run
from tests.reports import scenes
from triton_az_checks.places import RUNS

NOW = datetime(2026, 11, 23, 10, 45, tzinfo=UTC)


def kept(root: Path, conclusion: Conclusion) -> Run:
    run = new_run(root / RUNS, NOW)
    assert conclusion.world.evidence is not None
    save(conclusion.world.evidence, run.path / "evidence.json")
    assert run.write(conclusion)
    return run


def test_runs_of_one_second_do_not_collide(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        runs = list(pool.map(lambda _: new_run(tmp_path / RUNS, NOW), range(24)))
    assert len({run.path for run in runs}) == 24
    assert {run.name for run in runs} >= {"20261123T104500Z", "20261123T104500Z-24"}


def test_latest_points_to_the_newest_complete_run(tmp_path: Path) -> None:
    runs = tmp_path / "reports" / "runs"
    kept(tmp_path, scenes.green())
    assert (runs / "latest").resolve().name == "20261123T104500Z"
    new_run(tmp_path / RUNS, NOW)
    assert (runs / "latest").resolve().name == "20261123T104500Z"
    kept(tmp_path, scenes.green())
    assert (runs / "latest").resolve().name == "20261123T104500Z-3"
    assert sorted(path.name for path in (runs / "latest").iterdir()) == [
        "evidence.json", "findings.json", "junit.xml", "metrics.prom", "report.html", "summary.json",
    ]  # fmt: skip


def test_latest_does_not_point_to_a_partial_run(tmp_path: Path) -> None:
    kept(tmp_path, scenes.green())
    kept(tmp_path, scenes.partial())
    assert (tmp_path / "reports/runs/latest").resolve().name == "20261123T104500Z"


def less(root: Path, rows: list[tuple[str, str]], extent: Extent, outcome: Outcome = PASSED) -> tuple[str, ...]:
    """What a run of these checks and subjects reports as judged less than in the run before."""
    results = [Result(check, subject, CRITICAL, outcome) for check, subject in rows]
    run, world = new_run(root / RUNS, NOW), scenes.green().world
    specs = {check: Spec(check, BOTH, CRITICAL, "datacenter") for check, _ in rows}
    concluded = conclude(results, specs, world, extent, run.home)
    assert run.write(concluded)
    return concluded.less


def test_less_than_before_is_told(tmp_path: Path) -> None:
    rows, whole = [("a", "my-dc-1"), ("a", "my-dc-2"), ("b", "my-dc-1")], Extent(inventory="/region.yaml")
    assert less(tmp_path, rows, whole) == ()
    assert less(tmp_path, rows[:1], replace(whole, partial=True)) == ()
    assert less(tmp_path, rows[:1], replace(whole, selection="preflight")) == ()
    assert less(tmp_path, rows[:1], replace(whole, inventory="/another.yaml")) == ()
    assert less(tmp_path, rows, whole, BLOCKED) == ()
    assert less(tmp_path, rows[:1], whole) == (
        "2 of the 3 that run 20261123T104500Z-5 judged were not judged now.",
        "my-dc-2: not judged at all now, 1 before.",
        "b: not judged now at my-dc-1.",
    )
    assert less(tmp_path, rows, whole) == ()
    assert less(tmp_path, [*rows[:1], rows[2]], whole)[1:] == ("my-dc-2: not judged at all now, 1 before.",)
    assert less(tmp_path, rows[:1], whole)[1:] == ("b: not judged now at my-dc-1.",)
    assert less(tmp_path, rows, whole, NOT_APPLICABLE)[0].startswith("1 of the 1 that run 20261123T104500Z-9")


def test_a_full_disk_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = new_run(tmp_path / RUNS, NOW)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    assert not run.write(scenes.demo())
    said = capsys.readouterr().err
    assert "No space left on device; the verdict stands" in said
    assert not list(run.path.iterdir())


def test_a_folder_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "reports").write_text("in the way")
    with pytest.raises(RunError, match="cannot be written"):
        new_run(tmp_path / RUNS, NOW)


def test_findings_are_the_same_for_the_same_verdict_and_come_back() -> None:
    found = findings.findings_of(scenes.demo(), "run")
    assert findings.encode(found) == findings.encode(findings.findings_of(scenes.demo(), "run"))
    told = json.loads(findings.encode(found))
    assert list(told) == [
        "schema", "run", "results", "causes", "counts", "partial", "selection", "inventory", "remarks",
        "suite", "started", "finished",
    ]  # fmt: skip
    assert told["counts"] == {"blocked": 9, "failed": 3, "not_applicable": 1, "passed": 1, "waived": 2}
    assert [cause["check"] for cause in told["causes"]] == [
        "cloudapi-reaches-master-ufds",
        "sapi-points-at-master-moray",
    ]
    assert len(told["causes"][0]["consequences"]) == 10
    assert told["causes"][0]["steps"][0]["on"] == "my-dc-3.global"
    blocked = next(row for row in told["results"] if row["outcome"] == "blocked")
    assert blocked["blocked_by"] == [{"check": "cloudapi-reaches-master-ufds", "subject": scenes.LINK}]
    with_it, own = (row["waiver"] for row in told["results"] if row["outcome"] == "waived")
    assert own == {
        "check": "ufds-answers", "subject": "my-dc-1.*", "reason": "known", "owner": "ops", "until": "2026-11-27",
        "ticket": "OPS-1", "was": "failed", "through": [], "expired": False,
    }  # fmt: skip
    assert with_it["through"] == [{"check": "ufds-answers", "subject": "my-dc-1.ufds0"}]
    assert {row["page"] for row in told["results"] if row["check"] == "ufds-answers"} == {"docs/checks.md#ufds-answers"}


def test_stored_causes_are_the_causes(tmp_path: Path) -> None:
    run = kept(tmp_path, scenes.demo())
    stored = causes_in(findings.load(run.path))
    assert stored == scenes.demo().verdict.causes


def test_junit_tells_every_outcome(tmp_path: Path) -> None:
    run = kept(tmp_path, scenes.demo())
    root = ElementTree.parse(run.path / "junit.xml").getroot()
    assert (root.attrib["tests"], root.attrib["failures"], root.attrib["errors"]) == ("16", "3", "9")
    assert sum(int(suite.attrib["skipped"]) for suite in root) == 3
    cases = {case.attrib["name"]: case for case in root.iter("testcase")}
    link = cases[f"cloudapi-reaches-master-ufds[{scenes.LINK}]"]
    assert link.attrib["classname"] == "checks.reachability.cloudapi-reaches-master-ufds"
    assert link[0].tag == "failure"
    assert "timeout to 10.2.2.29" in link[0].attrib["message"]
    blocked = cases["core-services-are-healthy[my-dc-3.zone0]"][0]
    assert blocked.tag == "error"
    assert "blocked by: cause 1, cloudapi-reaches-master-ufds" in (blocked.text or "")
    assert cases["ufds-answers[my-dc-1.ufds0]"][0].attrib == {"message": "waived: known (ops, until 2026-11-27, OPS-1)"}
    assert cases["one-ufds-master[not-applicable]"][0].tag == "skipped"
    assert not list(cases["sapi-answers[my-dc-1.sapi0]"])


def test_junit_holds_hostile_answers(tmp_path: Path) -> None:
    text = (kept(tmp_path, scenes.hostile()).path / "junit.xml").read_bytes()
    ElementTree.fromstring(text)
    assert b"\x1b" not in text
    assert b"\\x1b[2J" in text
    assert b"\\x00" in text


def test_conclude_judges_and_plans() -> None:
    demo = scenes.demo()
    results = [judged.result for judged in demo.verdict.results if judged.result.check == "sapi-points-at-master-moray"]
    concluded = conclude(results, demo.specs, demo.world)
    assert [str(cause.name) for cause in concluded.verdict.causes] == ["sapi-points-at-master-moray[my-dc-1]"]
    assert concluded.plan.entries[0].steps[0].where == "root@10.1.2.2 (my-dc-1)"


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AZ_RUNS", str(tmp_path / "reports" / "runs"))
    return tmp_path / "reports" / "runs"


def test_remediate_prints_the_plan_of_the_latest_run(
    tmp_path: Path, runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept(tmp_path, scenes.demo())
    assert remediate.main([]) == 0
    told = capsys.readouterr().out
    assert told.index("cloudapi-reaches") < told.index("sapi-points")
    assert remediate.main(["--json", "--only", "sapi-points-at-master-moray@my-dc-1", "20261123T104500Z"]) == 0
    told = json.loads(capsys.readouterr().out)
    (stage,) = told["stages"]
    (entry,) = told["entries"]
    assert [step["step"]["run"] for step in entry["steps"]] == [step["step"]["run"] for step in stage["steps"]]
    assert stage["steps"][0]["where"] == "root@10.1.2.2 (my-dc-1)"
    assert stage["steps"][0]["causes"] == ["sapi-points-at-master-moray[my-dc-1]"]
    assert remediate.main(["--only", "sapi-points-at-master-moray[my-dc-1]"]) == 0


def test_remediate_has_nothing_to_do_after_a_green_run(
    tmp_path: Path, runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept(tmp_path, scenes.green())
    assert remediate.main([]) == 0
    assert "Nothing to repair" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "broken", "said"),
    [
        ([], "none", "there is no complete run"),
        (["nowhere"], "", "there is no run nowhere"),
        (["--frobnicate"], "", "unrecognized arguments"),
        (["--only", "clocks-agree"], "", "is no cause of this run"),
        ([], "findings.json", "is not what a run of this version wrote"),
        ([], "evidence.json", "is not evidence"),
    ],
)
def test_remediate_refuses_in_one_sentence(
    tmp_path: Path, runs: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], broken: str, said: str
) -> None:
    if broken != "none":
        run = kept(tmp_path, scenes.demo())
        if broken:
            (run.path / broken).write_text("{broken")
    assert remediate.main(arguments) == 4
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
