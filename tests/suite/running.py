"""Calls the suite as an operator does, without a lab. The tests of whole runs share it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

from tests.recording import RECORDED

ROOT = Path(__file__).resolve().parents[2]
HEALTHY = RECORDED / "healthy.json"
SUITE = [sys.executable, "-m", "pytest", "-c", str(ROOT / "pytest.ini"), "checks"]


def environment() -> dict[str, str]:
    return {
        key: value for key, value in os.environ.items() if not key.startswith(("AZ_", "PYTEST_", "PYTHONUNBUFFERED"))
    }


def suite(place: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Call the suite. Its runs are kept below `place`."""
    command = [*SUITE, f"--rootdir={place}", *options]
    return subprocess.run(
        command, cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=300, check=False
    )


def run_of(place: Path) -> Path:
    """The folder of the only run that is kept there."""
    (run,) = (place / "reports/runs").glob("2*")
    return run


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


WAIVER = "- {check: headnode-answers, subject: my-dc-3, reason: it moves, owner: ops, until: 2100-01-01}\n"
