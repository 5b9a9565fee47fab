"""Runs that go badly: ten at once, ended at each file, on a full or read-only disk, in a poor environment, with a clock that jumps.

Each ends with the verdict or with a sentence, never with a traceback, and leaves nothing that looks like a run and is none.
"""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from reports.pages.retention import WRITING
from reports.run import INCOMPLETE
from tests.suite.running import ROOT, environment

BROKEN = ("Traceback", "INTERNALERROR", "Exception ignored", "KeyboardInterrupt", "full-trace")
FILES = ("evidence.json", "findings.json", "junit.xml", "summary.json", "metrics.prom", "report.html")
"""In the order in which they are written."""
SIGNALS = {"killed": signal.SIGKILL, "terminated": signal.SIGTERM, "interrupted": signal.SIGINT}
AT_A_FILE = """\
import os, sys
def stop(event, args):
    if event == "open" and isinstance(args[0], (str, os.PathLike)) and ".NAME." in os.fspath(args[0]):
        os.kill(os.getpid(), SIGNAL)
sys.addaudithook(stop)
"""
JUMPS = """\
import time
seen, real = [], time.time
def pytest_runtest_logreport(report):
    seen.append(report)
    if len(seen) == 30:
        time.time = lambda: real() - 86400.0
        time.time_ns = lambda: int((real() - 86400.0) * 1e9)
"""


def words(evidence: Path, runs: Path, *more: str) -> list[str]:
    return [sys.executable, "-m", "triton_az_checks", "run", f"--evidence={evidence}", f"--runs={runs}", *more]


def run(
    evidence: Path, runs: Path, *more: str, env: Mapping[str, str] | None = None, files: int = 0
) -> subprocess.CompletedProcess[str]:
    def before() -> None:
        if files:
            resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))

    return subprocess.run(
        words(evidence, runs, *more), cwd=ROOT, env=environment() if env is None else env, capture_output=True, text=True,
        timeout=300, check=False, preexec_fn=before,
    )  # fmt: skip


def plainly(done: subprocess.CompletedProcess[str]) -> str:
    said = done.stdout + done.stderr
    assert not [word for word in BROKEN if word in said], said
    return said


def whole(runs: Path) -> list[Path]:
    """The folders that look like runs. Each has all of its files."""
    found = sorted(runs.glob("2*Z*")) if runs.exists() else []
    found = [path for path in found if "." not in path.name]
    assert all({path.name for path in each.iterdir()} == set(FILES) for each in found)
    return found


def test_ten_at_once(tmp_path: Path, dark: Path) -> None:
    runs = tmp_path / "runs"
    begun = [
        subprocess.Popen(
            words(dark, runs), cwd=ROOT, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        for _ in range(10)
    ]
    said = [each.communicate(timeout=300)[0] for each in begun]
    assert [each.returncode for each in begun] == [1] * 10, said
    assert not [word for word in BROKEN for text in said if word in text], said
    assert len(whole(runs)) == 10
    assert len(list(runs.iterdir())) == 10


@pytest.mark.parametrize("how", SIGNALS)
@pytest.mark.parametrize(
    "file", [pytest.param(name, marks=() if name == "junit.xml" else pytest.mark.proof) for name in FILES]
)
def test_ended_at_a_file(tmp_path: Path, dark: Path, how: str, file: str) -> None:
    """What is left is named as no run is, and is in nobody's way; the next run of a region removes what a killed one left."""
    runs, plugin = tmp_path / "runs", tmp_path / "at_a_file.py"
    plugin.write_text(AT_A_FILE.replace("NAME", file).replace("SIGNAL", str(int(SIGNALS[how]))))
    env = environment() | {"PYTHONPATH": str(tmp_path), "PYTEST_ADDOPTS": "-p at_a_file"}
    done = run(dark, runs, env=env)
    plainly(done)
    expected = (-signal.SIGKILL,) if how == "killed" else (1, 2)
    assert done.returncode in expected, done.stdout + done.stderr
    ended = whole(runs)
    assert len(ended) <= (0 if how == "killed" else 1)
    again = run(dark, runs)
    assert again.returncode == 1, plainly(again)
    assert len(whole(runs)) == len(ended) + 1
    left = [path.name for path in runs.iterdir() if path not in whole(runs)]
    assert all(name.endswith((WRITING, INCOMPLETE)) for name in left)
    assert len(left) <= 1


SIZES = (0, 64, 256, 512, 1024, 2048)
"""kB of room. The files of a run have about 1.5 MB."""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts")
@pytest.mark.parametrize("size", [pytest.param(kb, marks=() if kb == 256 else pytest.mark.proof) for kb in SIZES])
def test_on_a_full_disk(tmp_path: Path, dark: Path, size: int) -> None:
    """The verdict stands, and one sentence says that the folder is not complete."""
    runs = tmp_path / "runs"
    runs.mkdir()
    filled = f"dd if=/dev/zero of={runs}/ballast bs=1k count={4096 - size} status=none"
    line = f'mount -t tmpfs -o size=4096k none {runs} && {filled}; exec "$@"'
    done = subprocess.run(
        ["unshare", "--mount", "bash", "-c", line, "bash", *words(dark, runs)], cwd=ROOT, env=environment(),
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    said = plainly(done)
    assert done.returncode == 1, said
    assert "headnode-answers" in done.stdout
    if size < 1024:
        assert "No space left on device" in said
    assert len(done.stderr.strip().splitlines()) <= 1, done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts")
def test_on_a_disk_that_nobody_may_write(tmp_path: Path, dark: Path) -> None:
    runs = tmp_path / "runs"
    runs.mkdir()
    line = f'mount --bind {runs} {runs} && mount -o remount,bind,ro {runs}; exec "$@"'
    done = subprocess.run(
        ["unshare", "--mount", "bash", "-c", line, "bash", *words(dark, runs)], cwd=ROOT, env=environment(),
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    said = plainly(done)
    assert "Read-only file system" in said
    assert done.returncode in (1, 4), said


@pytest.mark.parametrize(
    "env",
    [{}, {"PATH": "/usr/bin"}, {"TERM": "unknown", "LANG": "xx_YY.nonsense", "COLUMNS": "0"}, {"HOME": "/nowhere"}, {"TZ": "no/zone"}],
    ids=["nothing", "no-home", "nonsense", "a-home-that-is-not-there", "no-zone"],
)  # fmt: skip
def test_in_a_poor_environment(tmp_path: Path, dark: Path, env: dict[str, str]) -> None:
    done = run(dark, tmp_path / "runs", env=env, files=64)
    said = plainly(done)
    assert done.returncode == 1, said
    assert "headnode-answers" in done.stdout
    assert len(whole(tmp_path / "runs")) == 1


def test_while_the_clock_jumps_back_by_a_day(tmp_path: Path, dark: Path) -> None:
    (tmp_path / "jumps.py").write_text(JUMPS)
    done = run(
        dark,
        tmp_path / "runs",
        env=environment() | {"PYTHONPATH": str(tmp_path), "PYTEST_ADDOPTS": "-p jumps"},
    )
    assert done.returncode == 1, plainly(done)
    assert len(whole(tmp_path / "runs")) == 1
