"""run --evidence of several files: judged as one and kept as a run, or refused with a sentence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evidence.store import save
from tests.evidence.test_together import part
from tests.recording import recorded
from tests.suite.running import run_of, suite


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """--evidence for each datacenter of a healthy lab."""
    whole = recorded("healthy")
    for name in whole.datacenters:
        save(part(whole, name), tmp_path / f"{name}.json")
    return [f"--evidence={tmp_path / name}.json" for name in sorted(whole.datacenters)]


def test_several_files_are_a_run_and_one_is_a_replay(tmp_path: Path, files: list[str]) -> None:
    """With -n, too, whose workers get the merged evidence. `latest` points to it."""
    done = suite(tmp_path, *files, "-n", "2")
    assert done.returncode == 0, done.stdout
    assert "3 parts collected apart, seen " in done.stdout
    run = run_of(tmp_path)
    assert (run.parent / "latest").resolve() == run
    assert json.loads((run / "summary.json").read_text())["replayed"] is False
    again = suite(tmp_path, f"--evidence={run}")
    assert again.returncode == 0
    assert "a replay: " in again.stdout
    assert (run.parent / "latest").resolve() == run


def test_files_that_are_not_one_are_refused(tmp_path: Path, files: list[str]) -> None:
    save(part(recorded("healthy"), "my-dc-1", begun="2026-11-27T04:00:00Z"), tmp_path / "my-dc-1.json")
    done = suite(tmp_path, *files)
    assert done.returncode == 4
    told = " ".join((done.stderr + done.stdout).split())
    assert f"{tmp_path / 'my-dc-1.json'} at 2026-11-27 04:00 UTC, which is more than 30m apart" in told
    assert suite(tmp_path, *files, "--max-age=2h").returncode == 0


def test_a_max_age_that_is_no_time_is_refused(tmp_path: Path, files: list[str]) -> None:
    done = suite(tmp_path, *files, "--max-age=long")
    assert done.returncode == 4
    assert "--max-age: it wants a time, such as 30m" in done.stderr + done.stdout


def test_a_datacenter_in_no_file_blocks_what_needs_it(tmp_path: Path, files: list[str]) -> None:
    done = suite(tmp_path, *files[:2])
    assert done.returncode == 1, done.stdout
    assert "it is in no file of evidence" in " ".join(done.stdout.split())
