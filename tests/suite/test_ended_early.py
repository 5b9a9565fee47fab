"""A run that ends early (Ctrl-C, -x) tells what it knows, and invents nothing."""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from evidence.store import save
from reports.findings import load
from tests.recording import recorded
from tests.suite.running import (
    ROOT,
    SUITE,
    environment,
    inventory,
    run_of,
    suite,
)


def test_interrupted_while_collecting(tmp_path: Path, listener: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    command = [*SUITE, f"--rootdir={tmp_path}", f"--inventory={inventory(tmp_path, listener)}"]
    with (
        subprocess.Popen(
            command, cwd=ROOT, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as process,
        listener.accept()[0],
    ):
        time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=120)
    assert process.returncode == 2
    assert "interrupted while the evidence was collected, so nothing was judged" in said
    assert "Traceback" not in said


CTRL_C = """\
import os, signal
seen = []
def pytest_runtest_logreport(report):
    seen.append(report)
    if len(seen) == 30 and "PYTEST_XDIST_WORKER" not in os.environ:
        os.killpg(0, signal.SIGINT)
"""


@pytest.mark.parametrize("options", [(), ("-n", "2")])
def test_interrupted_while_judging(tmp_path: Path, dark: Path, options: tuple[str, ...]) -> None:
    """Ctrl-C reaches the whole group of processes, as from a terminal."""
    (tmp_path / "ctrl_c.py").write_text(CTRL_C)
    command = [*SUITE, f"--rootdir={tmp_path}", f"--evidence={dark}", "-p", "ctrl_c", *options]
    called = environment() | {"PYTHONPATH": str(tmp_path)}
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=called,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        said, _ = process.communicate(timeout=120)
    assert process.returncode == 2
    assert "Interrupted: this report holds only what was judged until then." in said
    assert "Run: " in said
    assert not [word for word in ("Traceback", "KeyboardInterrupt", "full-trace") if word in said]
    assert not (tmp_path / "reports/runs/latest").exists()


AT_A_CONSEQUENCE = """\
import os, signal
def pytest_runtest_logreport(report):
    here = report.when == "call" and "PYTEST_XDIST_WORKER" not in os.environ
    if here and "test_cloudapi_answers[my-dc-3.cloudapi0]" in report.nodeid:
        os.killpg(0, signal.SIGINT)
"""
TWICE = """\
import os, signal
import fixtures.quiet
judge, calls = fixtures.quiet._result, []
def interrupted(*arguments):
    calls.append(arguments)
    if len(calls) == 5:
        os.kill(os.getpid(), signal.SIGINT)
    return judge(*arguments)
fixtures.quiet._result = interrupted
"""


def stopped(place: Path, evidence: Path, plugin: str, *options: str) -> subprocess.CompletedProcess[str]:
    (place / "plugin.py").write_text(plugin)
    command = [*SUITE, f"--rootdir={place}", f"--evidence={evidence}", "-p", "plugin", *options]
    called = environment() | {"PYTHONPATH": f"{place}:{ROOT}"}
    with subprocess.Popen(
        command, cwd=ROOT, env=called, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    ) as process:  # fmt: skip
        said, _ = process.communicate(timeout=300)
    assert not [word for word in ("Traceback", "INTERNALERROR", "KeyboardInterrupt", "full-trace") if word in said]
    return subprocess.CompletedProcess(command, process.returncode, said, "")


@pytest.mark.parametrize("options", [(), ("-n", "2"), ("-x",)])
def test_stopped_before_the_cause_was_judged_it_is_told_all_the_same(tmp_path: Path, options: tuple[str, ...]) -> None:
    """A route is missing. The interrupt comes when only its consequences have been judged; -x stops there by itself."""
    evidence = tmp_path / "evidence.json"
    save(recorded("route-missing-at-my-dc-3.cloudapi0"), evidence)
    plugin = AT_A_CONSEQUENCE if "-x" not in options else ""
    done = stopped(tmp_path, evidence, plugin, *options)
    assert done.returncode == (1 if "-x" in options else 2)
    found = load(run_of(tmp_path))
    causes = [(cause.check, cause.subject) for cause in found.causes]
    assert causes == [("cloudapi-reaches-master-ufds", "my-dc-3.cloudapi0--my-dc-2.ufds.636")]
    assert "cloudapi-reaches-master-ufds[my-dc-3.cloudapi0--my-dc-2.ufds.636] was not reached" in " ".join(
        done.stdout.split()
    )
    assert len([row for row in found.results if row.selected]) < 150, "of 337"
    assert found.partial


def test_interrupted_twice_no_cause_is_claimed(tmp_path: Path) -> None:
    evidence = tmp_path / "evidence.json"
    save(recorded("route-missing-at-my-dc-3.cloudapi0"), evidence)
    done = stopped(tmp_path, evidence, AT_A_CONSEQUENCE + TWICE)
    assert done.returncode == 2
    run = run_of(tmp_path)
    assert "Interrupted before causes were told apart from consequences." in done.stdout
    assert f"pytest --evidence={run.name}" in done.stdout
    assert "step 1" not in done.stdout
    assert sorted(path.name for path in run.iterdir()) == ["evidence.json"]


@pytest.mark.parametrize("options", [("-x",), ("-x", "-n", "2")])
def test_stopped_at_the_first_finding(tmp_path: Path, dark: Path, options: tuple[str, ...]) -> None:
    done = suite(tmp_path, f"--evidence={dark}", *options)
    assert done.returncode == 1
    assert "Stopped by -x or --maxfail" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert "full-trace" not in done.stdout
    assert not (tmp_path / "reports/runs/latest").exists()
