"""metrics.prom is read by both kinds of parsers, and its numbers are the run's."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as older

from evidence.model import Evidence
from evidence.subjects.spec import FINDINGS, place_of
from reports.conclusion import Conclusion, Ending
from reports.findings import findings_of
from reports.metrics import metrics
from reports.pages.summary import summary_of
from tests.recording import recorded
from tests.reports import pages, scenes
from tests.suite.running import HEALTHY, suite

NOW = datetime.datetime(2000, 1, 1, 0, 1, tzinfo=datetime.UTC)
SCENES = [scenes.demo, scenes.green, scenes.hostile, scenes.partial, pages.hostile]


def text(conclusion: Conclusion, code: int = 1) -> str:
    summary = summary_of(conclusion, findings_of(conclusion, pages.RUN))
    return metrics(conclusion, summary, Ending(code), NOW).decode()


def samples(conclusion: Conclusion, name: str, code: int = 1) -> list[Any]:
    """The samples of a metric, as an OpenMetrics parser reads them."""
    return [
        sample
        for family in openmetrics(text(conclusion, code))
        for sample in family.samples
        if sample.name == f"az_checks_{name}"
    ]


@pytest.mark.parametrize("scene", SCENES)
def test_both_parsers_read_the_same(scene: Any) -> None:
    told = text(scene())
    new, old = list(openmetrics(told)), list(older(told))
    assert [(each.name, each.type, each.documentation, each.samples) for each in new] == [
        (each.name, each.type, each.documentation, each.samples) for each in old
    ]
    assert {each.type for each in new} == {"gauge"}
    assert all(sample.timestamp is None for each in new for sample in each.samples), "node_exporter refuses them"
    assert len(told.splitlines()) == len(set(told.splitlines()))
    assert told.endswith("# EOF\n")


@pytest.mark.parametrize("name", ["headnode-dark-at-my-dc-3", "region-name-at-my-dc-1", "healthy-manta"])
def test_the_counts_are_those_of_the_verdict(name: str) -> None:
    concluded = pages.concluded(name)
    rows = concluded.verdict.results
    found = samples(concluded, "results")
    assert sum(each.value for each in found) == len(rows)
    for outcome, count in concluded.verdict.counts.items():
        assert sum(each.value for each in found if each.labels["outcome"] == outcome) == count
    mine = [row for row in rows if place_of(row.name.subject) == "my-dc-3"]
    assert sum(each.value for each in found if each.labels["datacenter"] == "my-dc-3") == len(mine)
    findings = samples(concluded, "findings")
    assert len(findings) == 8, "what there is none of is 0, and there"
    causes = sum(each.value for each in findings if each.labels["kind"] == "cause")
    assert causes == len(concluded.verdict.causes)
    assert sum(each.value for each in findings) == sum(row.result.outcome in FINDINGS for row in rows)


def test_replication_and_a_replica_that_was_not_seen() -> None:
    concluded = pages.concluded("replicator-slow-at-my-dc-1")
    zone = {"master": "my-dc-2", "datacenter": "my-dc-1", "zone": "my-dc-1.ufds0"}
    (lag,) = [each for each in samples(concluded, "replica_behind_changes") if each.labels == zone]
    assert lag.value > 0
    (waits,) = [each for each in samples(concluded, "replica_waiting_seconds") if each.labels == zone]
    evidence = concluded.world.evidence
    assert evidence is not None
    progress = evidence.datacenters["my-dc-1"].zones.get()["ufds0"].progress
    assert progress is not None
    assert (lag.value, waits.value) == (progress.get().behind, progress.get().waiting)
    dark = pages.concluded("ufds-hangs-at-my-dc-1.ufds0")
    seen = {each.labels["zone"]: each.value for each in samples(dark, "replica_seen")}
    assert seen == {"my-dc-1.ufds0": 0, "my-dc-3.ufds0": 1}
    assert [each.labels["zone"] for each in samples(dark, "replica_behind_changes")] == ["my-dc-3.ufds0"]


def test_the_run() -> None:
    concluded = pages.concluded("healthy")
    assert [each.value for each in samples(concluded, "run_exit_code", 3)] == [3]
    assert [each.value for each in samples(concluded, "run_age_seconds")] == [60]
    assert [each.value for each in samples(concluded, "run_finished_timestamp_seconds")] == [946684800]
    (info,) = samples(concluded, "run_info")
    assert info.labels == {"master": "my-dc-2", "version": "0.1.0", "judged": "whole"}


def test_a_run_leaves_them_where_it_is_told(tmp_path: Path) -> None:
    target = tmp_path / "collector"
    target.mkdir()
    for _ in range(2):
        done = suite(tmp_path, f"--evidence={HEALTHY}", f"--metrics={target / 'az.prom'}", "-k", "headnode-answers")
        assert done.returncode == 0, done.stderr
    assert [path.name for path in target.iterdir()] == ["az.prom"]
    assert (target / "az.prom").stat().st_mode & 0o777 == 0o644
    told = (target / "az.prom").read_text()
    kept = (max((tmp_path / "reports/runs").glob("2*")) / "metrics.prom").read_text()
    assert 'az_checks_run_exit_code{master="my-dc-2"} 0' in told.splitlines()
    assert 'az_checks_run_partial{master="my-dc-2"} 1' in told.splitlines()
    assert kept.count("\n") == told.count("\n")


def test_a_place_that_is_not_there_is_told_before_anybody_is_asked(tmp_path: Path) -> None:
    done = suite(tmp_path, f"--evidence={HEALTHY}", f"--metrics={tmp_path / 'nowhere' / 'az.prom'}")
    assert done.returncode == 4
    assert f"--metrics: {tmp_path / 'nowhere'} is no folder" in done.stderr
    assert not (tmp_path / "reports").exists()


def test_a_file_that_cannot_be_written_does_not_change_the_verdict(tmp_path: Path) -> None:
    (tmp_path / "az.prom").mkdir()
    done = suite(
        tmp_path, f"--evidence={HEALTHY}", f"--metrics={tmp_path / 'az.prom'}", "-k", "headnode-answers"
    )  # fmt: skip
    assert done.returncode == 0
    assert "az.prom cannot be written (Is a directory); the verdict stands" in done.stderr
    assert not list(tmp_path.glob(".az.prom*"))


def measured(detail: str, result: str = "open") -> Conclusion:
    """The healthy region, in which a packet of my-dc-1 to my-dc-2 was away so long."""
    tree = msgspec.to_builtins(recorded("healthy"))
    for link, fact in tree["datacenters"]["my-dc-1"]["links"].items():
        for probe in fact["value"]:
            if probe["protocol"] == "size":
                probe |= {"detail": detail, "result": result} if "--my-dc-2." in link else {"detail": ""}
    return pages.conclusion_on(msgspec.convert(tree, type=Evidence))


def test_how_long_a_packet_is_away() -> None:
    concluded = measured("48.250 ms")
    (away,) = samples(concluded, "round_trip_seconds")
    assert away.labels == {"master": "my-dc-2", "datacenter": "my-dc-1", "to": "my-dc-2"}
    assert away.value == pytest.approx(0.04825)
    assert "48.2" in pages.Parsed(pages.page(concluded)).words


@pytest.mark.parametrize("detail", ["", "ms", "1.2.3 ms", "1e9 ms", "٣ ms", "nan ms", "0.3 s", f"{'9' * 400} ms"])
def test_what_is_no_time_is_none(detail: str) -> None:
    assert samples(measured(detail), "round_trip_seconds") == []


def test_a_packet_that_did_not_come_back_has_no_time() -> None:
    assert samples(measured("0.3 ms", "timeout"), "round_trip_seconds") == []
