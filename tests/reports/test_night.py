"""The nightly: one at a time, within its deadline, its own stable name, and what comes and goes."""

from __future__ import annotations

import asyncio
import datetime
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

import evidence.collect as collecting
from evidence.collect.how import AS_DECLARED, How
from evidence.deadline import Deadline
from evidence.model import Evidence
from evidence.store import load
from reports.conclusion import Since
from reports.extent import Extent
from reports.night.lock import HeldError, LockError, hold, lock_of
from reports.pages.summary import load as load_summary
from reports.run import Run
from reports.screen import since_told
from tests.recording import recorded
from tests.reports import pages
from tests.suite.running import ROOT, environment
from triton_az_checks import cli

HOLDING = """
import sys, time
from pathlib import Path
from reports.night.lock import hold
hold(Path(sys.argv[1]), Path(sys.argv[2]))
print("held", flush=True)
time.sleep(600)
"""


def holding(runs: Path, inventory: Path) -> subprocess.Popen[str]:
    """Another process with the lock."""
    other = subprocess.Popen(
        [sys.executable, "-c", HOLDING, str(runs), str(inventory)], stdout=subprocess.PIPE, cwd=ROOT, text=True
    )
    assert other.stdout is not None
    assert other.stdout.readline() == "held\n"
    return other


def test_a_second_nightly_is_told_who_is_at_work_and_since_when(tmp_path: Path) -> None:
    inventory = tmp_path / "region.yaml"
    with holding(tmp_path / "runs", inventory) as other:
        with pytest.raises(HeldError) as refused:
            hold(tmp_path / "runs", inventory)
        assert f"(process {other.pid}) since {datetime.datetime.now(datetime.UTC):%Y-%m-%d}" in str(refused.value)
        os.close(hold(tmp_path / "runs", tmp_path / "another.yaml"))  # another coupling has a lock of its own
        other.kill()
        other.wait()
        os.close(hold(tmp_path / "runs", inventory))  # what a killed process left does not block


def test_the_command_ends_with_a_code_of_its_own_and_asks_nobody(tmp_path: Path) -> None:
    inventory = tmp_path / "region.yaml"
    inventory.write_text("master: a\ndatacenters:\n  a: {headnode: root@192.0.2.1, region: r}\n")
    words = cli.nightly_command([str(inventory)])
    with holding(tmp_path / "runs", inventory) as other:
        done = subprocess.run(
            words,
            cwd=tmp_path,
            env=environment() | {"PYTHONPATH": str(ROOT), "AZ_RUNS": str(tmp_path / "runs")},
            capture_output=True,
            text=True,
            timeout=120,
        )
        other.send_signal(signal.SIGKILL)
    assert (done.returncode, done.stdout) == (6, "")
    assert done.stderr.startswith(f"az-checks nightly: another nightly of {inventory} is at work: ")
    assert done.stderr.count("\n") == 1


def test_a_lock_that_is_no_file_is_not_followed(tmp_path: Path) -> None:
    path = lock_of(tmp_path, tmp_path / "region.yaml")
    path.symlink_to("/etc/passwd")
    with pytest.raises(LockError, match="cannot be written"):
        hold(tmp_path, tmp_path / "region.yaml")


def test_what_stands_in_a_lock_is_only_shown(tmp_path: Path) -> None:
    path = lock_of(tmp_path, tmp_path / "region.yaml")
    with holding(tmp_path, tmp_path / "region.yaml") as other:
        path.write_text("rm -rf /")
        with pytest.raises(HeldError, match="it has not said yet whose it is"):
            hold(tmp_path, tmp_path / "region.yaml")
        other.kill()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--evidence=latest"], "stored evidence is not waited for"),
        (["-m", "preflight"], "neither --evidence nor -m"),
        (["--deadline", "soon"], "it wants a time, such as 2h"),
        (["--deadline", "0s"], "it wants a time, such as 2h"),
        ([], "no inventory was given"),
    ],
    ids=str,
)
def test_wrong_use_is_a_sentence(tmp_path: Path, words: list[str], said: str) -> None:
    command = cli.nightly_command(words)
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env=environment() | {"PYTHONPATH": str(ROOT), "AZ_RUNS": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 4
    assert said in done.stderr


def test_the_file_is_named_first_and_pytests_options_go_through() -> None:
    words = cli.nightly_command(["region.yaml", "--deadline", "90m", "--waivers=w.yaml"])
    assert f"--inventory={Path('region.yaml').absolute()}" in words
    assert [word for word in words if word in ("--night", "--deadline=90m", "nightly", "--waivers=w.yaml")] == [
        "nightly", "--night", "--deadline=90m", "--waivers=w.yaml",
    ]  # fmt: skip
    assert "--deadline=2h" in cli.nightly_command([])


def test_only_a_night_takes_the_place_of_the_last_night(tmp_path: Path) -> None:
    night = pages.kept(tmp_path, pages.night(1))
    link = tmp_path / "latest-nightly"
    assert (str(link.readlink()), (link / "report.html").is_file()) == (night.name, True)
    for number, told in ((2, "preflight"), (3, ""), (4, "postchange")):
        pages.kept(tmp_path, pages.night(number), selection=told)
    replay = pages.kept(tmp_path, pages.night(5), path="", replayed=True)
    part = pages.kept(tmp_path, pages.night(6), partial=True)
    assert {str(link.readlink()), str((tmp_path / "latest").readlink())}.isdisjoint({replay.name, part.name})
    assert str(link.readlink()) == night.name
    assert str(link.readlink()) != str((tmp_path / "latest").readlink())
    assert str(link.readlink()) != pages.kept(tmp_path, pages.night(7)).name == str(link.readlink())


# The deadline


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(("seconds", "told"), [(7200, "2h"), (5400, "90m"), (90, "90s"), (0.5, "0.5s")])
def test_a_deadline_is_told_as_it_is_typed(seconds: float, told: str) -> None:
    assert Deadline(seconds).told == told


def asked(
    monkeypatch: pytest.MonkeyPatch, clock: Clock, deadline: Deadline, *rounds: tuple[Evidence, float]
) -> list[float]:
    """Stands for collecting: each round takes so long, and is cut off by the deadline.  Returns how often each one came."""
    left, came = [*rounds], []

    async def collect(
        _i: object,
        _p: object,
        _b: object,
        _a: object,
        patience: float = 1.0,
        deadline: Deadline | None = None,
        how: How = AS_DECLARED,
        alone: object = None,
    ) -> Evidence:
        assert deadline is not None
        seen, lasts = left.pop(0)
        came.append(patience)
        deadline.cut = lasts > deadline.left
        clock.now += min(lasts, deadline.left)
        return seen

    monkeypatch.setattr(collecting, "collect", collect)
    return came


def test_what_was_seen_before_stands_where_asking_again_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    whole, cut = recorded("healthy"), replace(recorded("healthy"), finished="cut off")
    clock = Clock()
    deadline = Deadline(10, clock)
    came = asked(monkeypatch, clock, deadline, (cut, 20))
    got = asyncio.run(collecting.collect_patiently(whole.inventory, print, whole, {"my-dc-1"}, deadline))
    assert (got, deadline.cut, came) == (whole, False, [1.0])
    got = asyncio.run(collecting.collect_patiently(whole.inventory, print, whole, {"my-dc-1"}, deadline))
    assert (got, came) == (whole, [1.0]), "nobody is asked after the deadline"


def test_what_was_cut_off_at_first_is_judged_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    cut = replace(recorded("healthy"), finished="cut off")
    clock = Clock()
    deadline = Deadline(10, clock)
    asked(monkeypatch, clock, deadline, (cut, 20))
    got = asyncio.run(collecting.collect_patiently(cut.inventory, print, None, None, deadline))
    assert (got, deadline.cut) == (cut, True)


# What comes and goes


def since_of(run: Run) -> Since:
    """What a night says of those before it."""
    evidence = load(run.home)
    since = pages.conclusion_on(
        evidence, Extent(selection="nightly", inventory="/somewhere/region.yaml"), run.home
    ).since
    assert since is not None
    return since


def test_a_cause_that_came_went_and_came_back_is_told_on_the_line(tmp_path: Path) -> None:
    """From the stored summaries: it stopped in the nights 12, 14 and 16, and the screen says so from its second coming on."""
    nights = {number: pages.kept(tmp_path, pages.night(number)) for number in range(11, 18)}
    told = {number: since_of(nights[number]).flapping for number in range(12, 18)}
    assert {number for number, names in told.items() if names} == {14, 15, 16, 17}
    assert set(told.values()) == {(), ("services-run[my-dc-1.moray0]",)}
    assert since_told(since_of(nights[14])).endswith("1 new, 0 gone; flapping: services-run[my-dc-1.moray0]")


def test_a_dark_night_is_no_coming_and_going(tmp_path: Path) -> None:
    """What nobody could see did not go, so it does not come back."""
    seen, dark = recorded("region-name-at-my-dc-1"), recorded("healthy")
    gone = recorded("headnode-dark-at-my-dc-3").datacenters["my-dc-3"]
    unseen = msgspec.convert(json.loads(msgspec.json.encode(gone).replace(b"my-dc-3", b"my-dc-1")), type=type(gone))
    dark = replace(dark, datacenters=dark.datacenters | {"my-dc-1": unseen})
    for number in range(1, 9):
        began = f"2026-09-{number:02}T03:00:00Z"
        run = pages.kept(tmp_path, replace(seen if number % 2 else dark, started=began))
        summary = load_summary(run.home)
        assert ("region-name-agrees[my-dc-1]" in summary.causes) == bool(number % 2)
        assert ("region-name-agrees[my-dc-1]" in summary.held) == (not number % 2)
        if number > 1:
            assert "region-name-agrees[my-dc-1]" not in {*map(str, since_of(run).new), *since_of(run).flapping}
