"""az-checks, the one way in. It works from any folder, with whatever lies there, and its output can be pasted."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from triton_az_checks import cli, places

ROOT = Path(__file__).resolve().parents[2]
FAULT = "region-name-at-my-dc-1"


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run's evidence with one fault in it."""
    from evidence.store import save
    from tests.recording import recorded

    path = tmp_path_factory.mktemp("evidence") / "evidence.json"
    save(recorded(FAULT), path)
    return path


def az(folder: Path, *words: str, command: str = str(ROOT / "az-checks")) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("AZ_", "PYTEST", "PYTHON"))}
    return subprocess.run(
        [command, *words], cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False
    )


def test_it_runs_from_a_folder_that_has_a_package_called_checks(tmp_path: Path, evidence: Path) -> None:
    for name in ("checks", "evidence", "reports"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise SystemExit('not the suite')\n")
    done = az(tmp_path, "run", f"--evidence={evidence}", "--runs", "kept here")
    assert done.returncode == 1, done.stderr
    assert "region_name is my-dc-old, not my-dc" in done.stdout
    (run,) = (tmp_path / "kept here").glob("2*")
    assert (run / "findings.json").exists()


def test_the_next_step_can_be_pasted_as_it_is(tmp_path: Path, evidence: Path) -> None:
    done = az(tmp_path, "run", "--evidence", str(evidence), "--runs", "kept here")
    for line, said in zip(done.stdout.splitlines()[-2:], ("Cause 1 of 1", "Stage 1: "), strict=True):
        pasted = az(tmp_path, "-c", line, command="/bin/sh")
        assert pasted.returncode == 0, pasted.stderr
        assert said in pasted.stdout
        assert "region-name-agrees[my-dc-1]" in pasted.stdout


def test_the_inventory_is_named_by_a_space(tmp_path: Path) -> None:
    """Its lines are told as the operator wrote them, and nobody is contacted."""
    (tmp_path / "my region.yaml").write_text("master: a\n")
    for words in (["my region.yaml"], ["--inventory", "my region.yaml"], ["--preflight", "my region.yaml"]):
        done = az(tmp_path, "run", *words)
        assert done.returncode == 4
        assert f"{tmp_path / 'my region.yaml'}:1: the inventory lacks `datacenters`" in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("frobnicate",), "there is no command 'frobnicate'; AZ --help names them"),
        (("nightyl",), "do you mean nightly?"),
        (("report", "list", "--last", "0"), "--last wants a number of runs, 1 or more"),
        (("run", "--preflight", "--nightly"), "not allowed with argument"),
        (("run",), "no inventory was given"),
        (("plan", "no-such-run"), "there is no run no-such-run"),
        (("explain", "1", "--runs", "none yet"), "there is no complete run"),
        (("explain", "no-such-check"), "there is no check no-such-check; "),
        (("explain", "zzz"), "docs/checks.md has all of them"),
        (("explain", "--frobnicate"), "unrecognized arguments"),
        (("report", "diff", "--frobnicate"), "az-checks report --help tells more"),
        (("doctor", "--frobnicate"), "az-checks doctor --help tells more"),
        (
            ("plan", "--frobnicate"),
            "az-checks plan: unrecognized arguments: --frobnicate; AZ plan --help tells more",
        ),
        (("apply", "no-such-run"), "there is no run no-such-run"),
        (("apply", "--undo", "--resume"), "not allowed with argument"),
        (("lab", "--frobnicate"), "unrecognized arguments"),
        (("run", "--runs"), "expected one argument"),
    ],
)
def test_wrong_use_is_a_sentence_and_exit_code_4(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    done = az(tmp_path, *words)
    assert done.returncode == 4, done.stdout + done.stderr
    assert said.replace("AZ ", f"{done.args[0]} ") in done.stderr
    assert "Traceback" not in done.stderr


def test_help_says_what_there_is(tmp_path: Path) -> None:
    done = az(tmp_path)
    assert done.returncode == 0
    assert [
        command for command in ("run", "plan", "explain", "apply", "lab") if f"az-checks {command} " not in done.stdout
    ] == []


def test_runs_are_kept_where_it_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("AZ_RUNS", raising=False)
    assert places.runs(None) == ROOT / "reports" / "runs"
    monkeypatch.setenv("AZ_RUNS", str(tmp_path))
    assert places.runs(None) == tmp_path
    assert places.runs(str(tmp_path / "other")) == tmp_path / "other"


def test_pytests_own_options_go_through() -> None:
    words = cli.run_command(["--postchange", "region.yaml", "-k", "one_poseidon", "-n", "2"])
    assert words[-5:] == ["-k", "one_poseidon", "-n", "2", str(ROOT / "checks")]
    assert f"--inventory={Path('region.yaml').absolute()}" in words
    assert words[words.index("-m", 3) + 1] == "postchange"


@pytest.mark.proof
def test_the_wheel_has_the_suite_below_one_package(tmp_path: Path, evidence: Path) -> None:
    """The wheel is built, installed elsewhere and run from another folder. It may use this environment's libraries."""
    build = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(tmp_path), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    there = tmp_path / "site"
    install = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(there), str(wheel)]
    subprocess.run(install, check=True, capture_output=True)
    assert sorted(path.name for path in there.iterdir() if not path.name.endswith(".dist-info")) == [
        "bin", "triton_az_checks",
    ]  # fmt: skip
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": str(there)}
    command = [sys.executable, "-P", str(there / "bin" / "az-checks"), "run", f"--evidence={evidence}"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 1, done.stderr
    assert "region-name-agrees" in done.stdout
    assert list((tmp_path / ".local/state/triton-az-checks/runs").glob("2*"))
