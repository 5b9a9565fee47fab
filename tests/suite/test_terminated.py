"""Others end a run: SIGTERM, a reader that goes away, no standard output. It ends with what is known, and without a traceback."""

from __future__ import annotations

import importlib
import shlex
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType

import pytest

from remediate import registry
from tests.remediate import synthetic as s
from tests.suite.running import ROOT, SUITE, environment, inventory, run_of

BROKEN = ("Traceback", "INTERNALERROR", "Exception ignored", "KeyboardInterrupt", "full-trace")
HEADLESS = """\
import os, signal
seen = []
def pytest_runtest_logreport(report):
    seen.append(report)
    if len(seen) == 30:
        os.kill(os.getpid(), signal.SIGTERM)
"""

FILES = {"evidence.json", "findings.json", "junit.xml", "metrics.prom", "report.html", "summary.json"}


@pytest.mark.parametrize("ignored", [False, True], ids=["in front", "in the background"])
def test_terminated_while_collecting(
    tmp_path: Path,
    listener: socket.socket,
    monkeypatch: pytest.MonkeyPatch,
    ignored: bool,
) -> None:
    """In the background a shell has SIGINT ignored; SIGTERM ends it all the same."""
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "tmp").mkdir()
    command = [*SUITE, f"--rootdir={tmp_path}", f"--inventory={inventory(tmp_path, listener)}"]
    called = ["bash", "-c", f"trap '' INT; exec {shlex.join(command)}"] if ignored else command
    with (
        subprocess.Popen(
            called, cwd=ROOT, env=environment() | {"TMPDIR": str(tmp_path / "tmp")}, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True,
        ) as process,
        listener.accept()[0],
    ):  # fmt: skip
        time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        said, _ = process.communicate(timeout=120)
    assert process.returncode == 2
    assert "interrupted while the evidence was collected, so nothing was judged" in said
    assert not [word for word in BROKEN if word in said], said
    assert list((tmp_path / "tmp").iterdir()) == []
    assert not (tmp_path / "reports").exists()


@pytest.mark.parametrize("gap", [0.0, 0.05, 0.3])
def test_two_at_once_are_one(
    tmp_path: Path, listener: socket.socket, monkeypatch: pytest.MonkeyPatch, gap: float
) -> None:
    """A tired hand presses Ctrl-C more than once, and SIGTERM follows: one sentence, and nothing left behind."""
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "tmp").mkdir()
    command = [*SUITE, f"--rootdir={tmp_path}", f"--inventory={inventory(tmp_path, listener)}"]
    with (
        subprocess.Popen(
            command, cwd=ROOT, env=environment() | {"TMPDIR": str(tmp_path / "tmp")}, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True,
        ) as process,
        listener.accept()[0],
    ):  # fmt: skip
        for each in (signal.SIGINT, signal.SIGINT, signal.SIGTERM):
            time.sleep(gap)
            process.send_signal(each)
        said, _ = process.communicate(timeout=60)
    assert process.returncode == 2, said
    assert "so nothing was judged" in said
    assert not [word for word in BROKEN if word in said], said
    assert list((tmp_path / "tmp").iterdir()) == []


STUCK = """\
import asyncio, os, signal, time
from fixtures import interrupted
interrupted.GRACE = 0.5
async def work():
    asyncio.get_running_loop().call_later(0.1, os.kill, os.getpid(), signal.SIGINT)
    await asyncio.get_running_loop().run_in_executor(None, time.sleep, 300)
interrupted.unless_interrupted(work(), "nothing was judged")
"""


def test_what_does_not_end_is_not_waited_for() -> None:
    """A thread that reads from a dead connection would keep the process for as long as the connection has time."""
    done = subprocess.run(
        [sys.executable, "-c", STUCK], cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (2, "", "nothing was judged\n")


@pytest.mark.parametrize("command", [["run"], ["explain", "region-agrees"], ["run", "--output=nagios"]])
def test_interrupted_before_the_suite_is_there(tmp_path: Path, command: list[str]) -> None:
    """Nothing was done, and nothing is said: a shell tells 130."""
    (tmp_path / "pytest.py").write_text(
        "import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(60)\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "triton_az_checks", *command], cwd=ROOT, capture_output=True, text=True, timeout=60,
        env=environment() | {"PYTHONPATH": str(tmp_path)}, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, "", "")


def test_terminated_while_judging(tmp_path: Path, dark: Path) -> None:
    (tmp_path / "headless.py").write_text(HEADLESS)
    done = subprocess.run(
        [*SUITE, f"--rootdir={tmp_path}", f"--evidence={dark}", "-p", "headless"],
        cwd=ROOT, env=environment() | {"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    said = done.stdout + done.stderr
    assert done.returncode == 2
    assert "Interrupted: this report holds only what was judged until then." in said
    assert not [word for word in BROKEN if word in said], said
    assert {path.name for path in run_of(tmp_path).iterdir()} == FILES


@pytest.mark.parametrize("where", ["| head -1", ">&-", "> /dev/full", "<&- >&-"])
def test_the_verdict_stands_though_nobody_reads_it(tmp_path: Path, dark: Path, where: str) -> None:
    """Exit code and files are those of a run that somebody reads. `head` reads one line, and is gone."""
    words = shlex.join(
        [sys.executable, "-m", "triton_az_checks", "run", f"--evidence={dark}", f"--runs={tmp_path / 'runs'}"]
    )
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {words} {where}"], cwd=ROOT, env=environment(), capture_output=True, text=True,
        timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert not [word for word in BROKEN if word in done.stdout + done.stderr], done.stderr
    assert len(done.stderr.strip().splitlines()) <= (1 if "full" in where else 0), done.stderr
    (run,) = (tmp_path / "runs").glob("2*")
    assert {path.name for path in run.iterdir()} == FILES
    assert b"Interrupted" not in (run / "junit.xml").read_bytes()
    plan = shlex.join([sys.executable, "-m", "triton_az_checks", "plan", str(run)])
    told = subprocess.run(
        ["bash", "-c", f"{plan} {where}"], cwd=ROOT, env=environment(), capture_output=True, text=True
    )
    assert not [word for word in BROKEN if word in told.stdout + told.stderr], told.stderr


def test_remedies_that_cannot_be_loaded_are_a_defect_and_the_others_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    load = importlib.import_module

    def broken(name: str, package: str | None = None) -> ModuleType:
        if name == "remediate.firewall":
            raise ImportError("no such thing")
        return load(name, package)

    known = dict(registry.remedies())
    monkeypatch.setattr(registry, "_REMEDIES", {k: v for k, v in known.items() if v.chapter != "firewall"})
    monkeypatch.setattr(registry, "_BROKEN", {})
    monkeypatch.setattr(registry.importlib, "import_module", broken)
    lost = registry.advice_for(s.cause("firewall-lets-peers-in", "my-dc-2.ufds0"), s.healthy())
    assert "remediate/firewall.py (ImportError: no such thing)" in lost.defect
    assert lost.steps == ()
    kept = registry.advice_for(s.cause("replica-key-is-known-to-master", "my-dc-3"), s.healthy())
    assert kept.defect == ""
    assert kept.steps
