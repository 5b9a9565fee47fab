"""If the operator's machine lacks something, the suite says so before anybody is asked."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

from tests.ssh.test_noise import home as home

ROOT = Path(__file__).resolve().parents[2]
INVENTORY = "master: a\ndatacenters:\n  a: {headnode: no-such-name.invalid, region: r}\n"


def run(folder: Path, soft: int, hard: int) -> subprocess.CompletedProcess[str]:
    (folder / "region.yaml").write_text(INVENTORY)
    command = [sys.executable, "-m", "pytest", f"--rootdir={folder}", f"--inventory={folder / 'region.yaml'}", "checks"]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, env={**os.environ, "HOME": str(folder)},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard)),
    )  # fmt: skip


def test_too_few_files_are_one_sentence_and_no_finding(tmp_path: Path) -> None:
    done = run(tmp_path, 64, 64)
    assert done.returncode == 4
    said = (done.stdout + done.stderr).strip().splitlines()
    assert said[-1].startswith(
        "ERROR: this machine lets a process have 64 files open, and asking 1 head nodes needs 128"
    )
    assert "cause" not in done.stdout


def test_what_may_be_raised_is_raised(tmp_path: Path) -> None:
    done = run(tmp_path, 64, 4096)
    assert done.returncode == 1
    assert "No head node can be asked" in done.stdout
