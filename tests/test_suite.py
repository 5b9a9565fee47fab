"""The suite as an operator calls it, without a lab: options, exit codes, what is contacted, what is left behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

from remediate.findings import load

ROOT = Path(__file__).resolve().parent.parent
RECORDED = ROOT / "tests" / "recorded"
DARK = RECORDED / "headnode-refuses-at-my-dc-3.json"
HEALTHY = RECORDED / "healthy.json"
SUITE = [sys.executable, "-m", "pytest", "-c", str(ROOT / "pytest.ini"), "checks"]


def environment() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if not key.startswith(("AZ_", "PYTEST_"))}


def suite(place: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Calls the suite; its runs are kept below `place`."""
    command = [*SUITE, f"--rootdir={place}", *options]
    return subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A port of this machine that would see it if somebody were asked; it never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(5)
        yield server


def inventory(place: Path, server: socket.socket, more: str = "") -> Path:
    home = place / ".ssh"
    home.mkdir()
    (home / "config").write_text(f"Host one\n  HostName 127.0.0.1\n  Port {server.getsockname()[1]}\n")
    path = place / "region.yaml"
    path.write_text(f"master: dc\ndatacenters:\n  dc: {{headnode: root@one, region: r}}\n{more}")
    return path


def contacted(server: socket.socket) -> bool:
    server.setblocking(False)
    try:
        server.accept()[0].close()
    except BlockingIOError:
        return False
    return True


def test_without_an_inventory_it_says_what_to_give(tmp_path: Path) -> None:
    done = suite(tmp_path)
    assert done.returncode == 4
    assert "--inventory=FILE or AZ_INVENTORY" in done.stderr + done.stdout


def test_a_bad_inventory_is_refused_with_its_line_and_nobody_is_contacted(
    tmp_path: Path, listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    path = inventory(tmp_path, listener, "bogus: 1\n")
    done = suite(tmp_path, f"--inventory={path}")
    assert done.returncode == 4
    assert f"{path}:4: the inventory has the unknown key 'bogus'" in done.stderr + done.stdout
    assert not contacted(listener)
    assert not (tmp_path / "reports").exists()


def test_collect_only_contacts_nobody(tmp_path: Path, listener: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    done = suite(tmp_path, f"--inventory={inventory(tmp_path, listener)}", "--collect-only")
    assert done.returncode == 0, done.stdout
    assert not contacted(listener)
    assert not (tmp_path / "reports").exists()


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
        said, _ = process.communicate(timeout=20)
    assert process.returncode == 2
    assert "interrupted while the evidence was collected, so nothing was judged" in said
    assert "Traceback" not in said


def test_nothing_selected(tmp_path: Path) -> None:
    done = suite(tmp_path, f"--evidence={HEALTHY}", "-k", "nope")
    assert done.returncode == 5
    assert "Nothing was selected" in done.stdout


def test_k_takes_what_the_reports_print(tmp_path: Path) -> None:
    done = suite(tmp_path, f"--evidence={HEALTHY}", "-k", "sapi-points-at-master-moray[my-dc-1] or one-ufds-master")
    assert done.returncode == 0
    assert "2 passed of 2" in done.stdout


@pytest.mark.parametrize("named", ["/nonexistent", "pytest.ini", "."])
def test_what_is_no_evidence(tmp_path: Path, named: str) -> None:
    done = suite(tmp_path, f"--evidence={named}")
    assert done.returncode == 4
    assert "name an" in done.stderr + done.stdout


def test_a_dark_datacenter_is_blocked_and_the_others_are_judged(tmp_path: Path) -> None:
    done = suite(tmp_path, f"--evidence={DARK}")
    assert done.returncode == 1
    assert "1 cause, and " in done.stdout
    assert "observed  root@10.3.2.2 refused the connection: nothing listens on port 22\n" in done.stdout
    assert "checks of my-dc-3 (blocked: nobody could look)" in done.stdout
    run = tmp_path / "reports/runs/latest"
    rows = load(run).results
    assert {row.outcome for row in rows if row.subject.startswith("my-dc-3")} == {"failed", "blocked"}
    assert {row.outcome for row in rows if row.subject.startswith("my-dc-1") and "my-dc-3" not in row.subject} == {
        "passed"
    }
    cases = ElementTree.parse(run / "junit.xml").getroot().findall("testsuite/testcase")
    assert len(cases) == len(rows)


def test_workers_give_the_same_verdict_and_a_run_can_be_replayed_by_its_name(tmp_path: Path) -> None:
    alone = suite(tmp_path, f"--evidence={DARK}")
    name = (tmp_path / "reports/runs/latest").resolve().name
    shared = suite(tmp_path, f"--evidence={name}", "-n", "2")
    assert alone.returncode == shared.returncode == 1
    first, second = (
        json.loads((tmp_path / "reports/runs" / run / "findings.json").read_bytes()) | {"run": ""}
        for run in (name, "latest")
    )
    assert first == second


def test_a_run_that_cannot_be_kept_is_judged_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "reports").write_text("in the way")
    for options in ((), ("-n", "2")):
        done = suite(tmp_path, f"--evidence={DARK}", *options)
        assert done.returncode == 1
        assert "this run is not kept" in done.stderr
        assert "1 cause" in done.stdout
        assert "This run was not kept." in done.stdout
