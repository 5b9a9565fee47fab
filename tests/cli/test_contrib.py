"""What lies in contrib/ can be used as it is: systemd accepts the units, and the commands in them are ours."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from prepare.collect import parser_of
from triton_az_checks import cli

ROOT = Path(__file__).resolve().parents[2]
UNITS = ROOT / "contrib" / "systemd"
SERVICE, TIMER = "az-checks-nightly.service", "az-checks-nightly.timer"
CRON = ROOT / "contrib" / "cron" / "az-checks-nightly"
GITLAB = ROOT / "contrib" / "gitlab" / "az-checks-nightly.gitlab-ci.yml"


def typed() -> dict[str, list[str]]:
    """The words behind `az-checks` in each file."""
    unit = re.search(r"^ExecStart=\S+/az-checks (.*)$", (UNITS / SERVICE).read_text(), re.MULTILINE)
    cron = re.search(r"^30 2 \* \* \* az-checks \S+/az-checks (.*)$", CRON.read_text(), re.MULTILINE)
    (line,) = yaml.safe_load(GITLAB.read_text())["az-checks-nightly"]["script"]
    found = {"systemd": unit and unit[1], "cron": cron and cron[1], "gitlab": line.removeprefix("az-checks ")}
    return {name: shlex.split(text or "") for name, text in found.items()}


@pytest.mark.parametrize("name", ["systemd", "cron", "gitlab"])
def test_the_command_is_the_nightly(name: str) -> None:
    command, *words = typed()[name]
    assert command == "nightly"
    started = cli.nightly_command(words)
    assert started[-1] == str(ROOT / "checks")
    (named,) = (word for word in started if word.startswith("--inventory="))
    assert named.endswith("/region.yaml")
    assert {"-m", "nightly", "--night", "--deadline=2h"} <= {*started}
    assert not [word for word in started if word.endswith(".yaml") and word != named]


def test_systemd_accepts_the_units(tmp_path: Path) -> None:
    """With a command and a user that this machine has."""
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("this machine has no systemd-analyze (Debian: systemd)")
    text = (UNITS / SERVICE).read_text()
    for was, here in (("/opt/az-checks/bin/az-checks", "/bin/true"), ("User=az-checks", "User=daemon")):
        assert text.count(was) >= 1
        text = text.replace(was, here)
    (tmp_path / SERVICE).write_text(text)
    shutil.copy(UNITS / TIMER, tmp_path)
    command = [analyze, "verify", str(tmp_path / TIMER), str(tmp_path / SERVICE)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr.strip()) == (0, "")


def test_the_service_may_do_little_and_has_more_time_than_the_deadline() -> None:
    lines = (UNITS / SERVICE).read_text().splitlines()
    assert {"NoNewPrivileges=yes", "ProtectSystem=strict", "ProtectHome=yes", "CapabilityBoundingSet="} <= {*lines}
    assert "TimeoutStartSec=2h 10min" in lines
    assert not [line for line in lines if re.match(r"Environment=.*(PASSWORD|KEY|TOKEN)", line)]


def test_crons_file_is_one_that_cron_reads() -> None:
    """run-parts' rule for names, and a newline at the end."""
    assert re.fullmatch(r"[A-Za-z0-9_-]+", CRON.name)
    assert CRON.read_text().endswith("\n")
    assert "%" not in CRON.read_text(), "cron takes it for a newline"


def test_gitlabs_job_keeps_what_the_next_night_needs() -> None:
    job = yaml.safe_load(GITLAB.read_text())["az-checks-nightly"]
    assert job["variables"]["AZ_RUNS"] == "$CI_PROJECT_DIR/runs"
    assert (job["cache"]["paths"], job["cache"]["when"]) == (["runs/"], "always")
    assert job["artifacts"]["paths"] == ["night/"]
    assert any("runs/latest-nightly night" in line for line in job["after_script"])


APART = ROOT / "contrib" / "gitlab" / "az-checks-apart.gitlab-ci.yml"
COLLECT, JUDGE = (ROOT / "contrib" / "cron" / name for name in ("az-checks-collect", "az-checks-judge"))


@pytest.mark.parametrize("path", [COLLECT, JUDGE], ids=lambda path: path.name)
def test_crons_files_of_what_is_collected_apart_are_ones_that_cron_reads(path: Path) -> None:
    assert re.fullmatch(r"[A-Za-z0-9_-]+", path.name)
    assert path.read_text().endswith("\n")
    assert "%" not in path.read_text(), "cron takes it for a newline"
    for line in path.read_text().splitlines():
        assert re.match(r"#|[A-Z]+(_[A-Z]+)*=|\d+ \d+ \* \* \* az-checks ", line), line


def test_what_collects_apart_types_what_the_command_takes() -> None:
    """tests/proofs/test_apart.py starts all of it in a lab."""
    (cron,) = re.findall(r"/az-checks collect (.*?) &&", COLLECT.read_text())
    jobs = yaml.safe_load(APART.read_text())
    lines = [line for job in jobs.values() for line in job.get("script", ()) if "az-checks collect " in line]
    assert len(lines) == 2
    typed = [cron, *(line.removeprefix("az-checks collect ").partition(" $(")[0] for line in lines)]
    for each in typed:
        given = parser_of().parse_args(shlex.split(each))
        assert given.region.endswith("region.yaml")
        assert given.output.endswith(".json")
        assert len(given.datacenter) == 1


def test_gitlabs_judge_runs_though_a_datacenter_was_not_collected() -> None:
    jobs = yaml.safe_load(APART.read_text())
    for job in ("az-checks-collect", "az-checks-judge"):
        assert [rule["when"] for rule in jobs[job]["rules"]] == ["always"]
    assert [jobs[f"az-checks-{each}"]["stage"] for each in ("addresses", "collect", "judge")] == [
        "build",
        "test",
        "deploy",
    ]
