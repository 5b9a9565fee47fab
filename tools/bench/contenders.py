"""Who is timed: how each is started, and what it has read when it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tools.bench import peers
from tools.bench.figures import FLOOR, SERIAL, SHARED, SUITE, TESTINFRA, Took
from tools.bench.reads import Reads, TypedRead, load, save, whole

ROOT: Final = Path(__file__).resolve().parents[2]
OWN_PYTHON: Final = ROOT / ".bench/bin/python"
"""With pytest-testinfra, which is none of the project's packages."""
LIMIT: Final = 40.0
"""Whoever takes longer is stopped, and its figure is 'more than that'."""
EMPTY: Final = """import pytest

@pytest.mark.parametrize("number", range({count}))
def test_nothing(number):
    assert number >= 0
"""


@dataclass
class Measuring:
    """A lab that is being measured: what was read there once, how it was judged, and how many checks that was."""

    folder: Path
    inventory: str
    reads: Reads
    outcomes: dict[str, str]
    dark: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        return len(self.outcomes)


def timed(commands: Sequence[Sequence[str]], folder: Path) -> tuple[float, float, bool]:
    """Seconds, seconds of processors, and whether it was stopped, of commands one after the other."""
    begun, used = time.monotonic(), 0.0
    for command in commands:
        with (folder / "said").open("wb") as said:
            process = subprocess.Popen(command, cwd=ROOT, stdout=said, stderr=said, start_new_session=True)
        left = LIMIT - (time.monotonic() - begun)
        alarm = _Alarm(process.pid, left)
        alarm.begin()
        _, _, usage = os.wait4(process.pid, 0)
        process.returncode = 0
        used += usage.ru_utime + usage.ru_stime
        if alarm.end():
            return LIMIT, used, True
    return time.monotonic() - begun, used, False


class _Alarm:
    """Ends a process and all that it started when the time is over."""

    def __init__(self, pid: int, seconds: float) -> None:
        self._pid, self._seconds, self._rang = pid, max(0.1, seconds), False

    def begin(self) -> None:
        signal.signal(signal.SIGALRM, self._ring)
        signal.setitimer(signal.ITIMER_REAL, self._seconds)

    def _ring(self, *_: object) -> None:
        self._rang = True
        os.killpg(self._pid, signal.SIGKILL)

    def end(self) -> bool:
        signal.setitimer(signal.ITIMER_REAL, 0)
        return self._rang


def run(name: str, place: Measuring, folder: Path) -> Took:
    """Time a contender once. What it read is in `folder` then, as answers.json."""
    folder.mkdir(parents=True)
    if name == SUITE:
        command = [str(ROOT / "az-checks"), "run", place.inventory, f"--runs={folder}"]
        seconds, used, stopped = timed([command], folder)
        found = outcomes(folder)
        agree = sum(found.get(key) == outcome for key, outcome in place.outcomes.items())
        return Took(seconds, used, agree, place.count, stopped)
    peers.prepare(folder, place.reads)
    save(place.reads, folder / "wanted.json")
    seconds, used, stopped = timed(commands_of(name, folder, place.count), folder)
    got = _answers(name, folder, place.reads)
    save(got, folder / "answers.json")
    if name.startswith(TESTINFRA):
        _close_connections(folder, place.reads)
    read, wanted = counted(place.reads, got, name == FLOOR, place.dark)
    return Took(seconds, used, read, wanted, stopped)


def commands_of(name: str, folder: Path, count: int) -> list[list[str]]:
    """What is started for a contender, one after the other."""
    if name == FLOOR:
        (folder / "test_empty.py").write_text(EMPTY.format(count=count), encoding="utf-8")
        judge = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--rootdir={folder}"]
        reading = [sys.executable, "-m", "tools.bench.floor", str(folder / "wanted.json"), str(folder / "answers.json")]
        return [reading, [*judge, "-c", os.devnull, str(folder / "test_empty.py")]]
    if name in (SHARED, SERIAL):
        return [["sh", str(folder / ("shared.sh" if name == SHARED else "serial.sh")), str(folder)]]
    workers = name.partition(" -n ")[2]
    words = ["-m", "pytest", "-q", "-p", "no:cacheprovider", f"--rootdir={folder}", "-c", os.devnull]
    return [[str(OWN_PYTHON), *words, *(["-n", workers] if workers else []), str(folder / "test_reads.py")]]


def _answers(name: str, folder: Path, wanted: Reads) -> Reads:
    if name != FLOOR:
        return peers.answers(folder, wanted, in_turn=name.startswith(TESTINFRA))
    path = folder / "answers.json"
    return load(path) if path.exists() else Reads([], [], [], [])


def _close_connections(folder: Path, wanted: Reads) -> None:
    for host in wanted.hosts:
        command = ["ssh", "-S", f"{folder}/control-{host}", "-O", "exit", host]
        subprocess.run(command, capture_output=True, check=False)


def counted(wanted: Reads, got: Reads, all_kinds: bool, dark: Collection[str]) -> tuple[int, int]:
    """How many reads were answered as the suite was, of how many. Those of head nodes that are dark are none."""
    asked: Counter[tuple[str, str]] = Counter()
    answered: dict[tuple[str, str], list[TypedRead]] = {}
    for each in got.typed or ():
        answered.setdefault((each.host, each.command), []).append(each)
    read = 0
    for each in wanted.typed or ():
        if each.host in dark:
            continue
        key = each.host, each.command
        there = answered.get(key, [])
        read += asked[key] < len(there) and whole(each, there[asked[key]])
        asked[key] += 1
    total = sum(asked.values())
    if not all_kinds:
        return read, total
    for kinds in ((wanted.fetched, got.fetched), (wanted.searched, got.searched), (wanted.resolved, got.resolved)):
        mine, theirs = (sum(each.host not in dark for each in kind or ()) for kind in kinds)
        read, total = read + min(mine, theirs), total + mine
    return read, total


def outcomes(runs: Path) -> dict[str, str]:
    """The outcome of each check for each subject, in the newest run of a folder."""
    newest = max(runs.glob("2*/findings.json"), default=None)
    if newest is None:
        return {}
    results = json.loads(newest.read_bytes())["results"]
    return {f"{each['check']}[{each['subject']}]": each["outcome"] for each in results}


def judged(inventory: str, runs: Path, *options: str, **variables: str) -> dict[str, str]:
    """Run the suite with the tap in it, and return its outcomes."""
    tapped = ["-m", "pytest", "-p", "tools.bench.tap", f"--inventory={inventory}", f"--runs={runs}"]
    command = [sys.executable, *tapped, *options]
    subprocess.run(command, cwd=ROOT, env=os.environ | variables, capture_output=True, check=False)
    return outcomes(runs)
