"""The completion and the manual page are those of the parsers, and a real bash completes with them."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from tools.shell_pages import grammar, pages
from triton_az_checks import cli, shell

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", ["completion.bash", "completion.zsh", "az-checks.1"])
def test_the_files_are_current(name: str) -> None:
    """AZ_GOLDEN=write writes them anew."""
    if os.environ.get("AZ_GOLDEN") == "write":
        (shell.HERE / name).write_text(pages()[name], encoding="utf-8")
    assert (shell.HERE / name).read_text(encoding="utf-8") == pages()[name]


def test_every_command_is_in_them() -> None:
    """What --help names, the grammar has. A new command is added to tools/shell_pages.py."""
    named = set(re.findall(r"^az-checks ([a-z]+) ", cli.HELP, re.MULTILINE))
    assert {each.name for each in grammar()} == named


def completed(place: Path, *typed: str) -> set[str]:
    """What a bash offers behind these words; the last one is being typed."""
    line = " ".join(typed)
    script = f"""
        PATH={shlex.quote(str(ROOT))}:$PATH
        source {shlex.quote(str(shell.BASH))}
        COMP_LINE={shlex.quote(line)} COMP_POINT={len(line)}
        COMP_WORDS=({" ".join(shlex.quote(word) for word in typed)}) COMP_CWORD={len(typed) - 1}
        _az_checks az-checks
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    called = os.environ | {"AZ_RUNS": str(place / "runs")}
    done = subprocess.run(
        ["bash", "-c", script], cwd=place, env=called, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stderr == ""
    return set(done.stdout.split())


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "runs/20261127T030000Z").mkdir(parents=True)
    (tmp_path / "region.yaml").touch()
    return tmp_path


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        (["az-checks", "re"], {"report"}),
        (["az-checks", "run", "--pre"], {"--preflight"}),
        (["az-checks", "run", "reg"], {"region.yaml"}),
        (["az-checks", "nightly", "reg"], {"region.yaml"}),
        (["az-checks", "nightly", "--dat"], {"--datacenter"}),
        (["az-checks", "nightly", "--output", ""], {"json", "nagios"}),
        (["az-checks", "nightly", "--ev"], set()),
        (["az-checks", "run", "region.yaml", "--output", ""], {"json", "nagios"}),
        (["az-checks", "run", "--output", "=", "na"], {"nagios"}),
        (["az-checks", "run", "--evidence", "=", ""], {"20261127T030000Z"}),
        (["az-checks", "report", "di"], {"diff"}),
        (["az-checks", "report", "diff", "2026"], {"20261127T030000Z"}),
        (["az-checks", "report", "sign", "--k"], {"--key"}),
        (["az-checks", "explain", "cloudapi-answers-o"], {"cloudapi-answers-outside"}),
        (["az-checks", "plan", "--only", "one-pos"], {"one-poseidon"}),
        (["az-checks", "apply", "--und"], {"--undo"}),
        (["az-checks", "lab", "--man"], {"--manta"}),
        (["az-checks", "completion", "ba"], {"bash"}),
    ],
)
def test_a_real_bash_completes(place: Path, typed: list[str], offered: set[str]) -> None:
    assert completed(place, *typed) == offered


def test_an_interactive_bash_knows_it(place: Path) -> None:
    """The function is bound to the command by whatever path it is typed."""
    script = f"source <({shlex.quote(str(ROOT / 'az-checks'))} completion bash); complete -p az-checks"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "complete -F _az_checks az-checks\n"


@pytest.mark.skipif(shutil.which("groff") is None, reason="groff is not installed")
def test_roff_has_no_complaint() -> None:
    page = (shell.HERE / "az-checks.1").read_bytes()
    done = subprocess.run(["groff", "-man", "-ww", "-Tutf8", "-z"], input=page, capture_output=True, check=True)
    assert done.stderr == b""
    for each in grammar():
        assert f".SS {each.name}\n".encode() in page
