"""Inside a lab: whether all contenders read the same, and then how long each takes, in turn.

`python -m tools.bench.inside MINUTES FIGURES DELAY[+dark[N]]…`
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from tools.bench.contenders import ROOT, Measuring, judged, outcomes, run
from tools.bench.figures import FLOOR, SERIAL, SHARED, SUITE, TESTINFRA, LabSetting, Took
from tools.bench.reads import load

WORKERS = (4, 8)
"""How many workers testinfra is tried with: its best counts."""
LEAST_ROUNDS, MOST_ROUNDS = 3, 7
NEAR = 1.5
"""Whoever takes more than so many times the suite's time is measured once: more rounds would not change its place."""
LARGE = 5
"""In a lab of more datacenters, nothing that goes one by one is measured: it would take minutes, and tell nothing new."""
DARK = "+dark"


def main(minutes: float, figures: Path, settings: list[str]) -> None:
    """Measure each setting, for its share of the time, and write the figures after each. For what no time is left is left out."""
    inventory = os.environ["AZ_INVENTORY"]
    until = time.monotonic() + minutes * 60
    found: list[LabSetting] = []
    with tempfile.TemporaryDirectory(prefix="az-bench-") as name:
        folder = Path(name)
        place = _recorded(inventory, folder)
        for at, setting in enumerate(settings):
            if time.monotonic() > until:
                say(f"no time is left for {setting}")
                continue
            share = (until - time.monotonic()) / (len(settings) - at)
            found.append(_setting(setting, place, folder / f"{at}", time.monotonic() + share, found))
            figures.write_bytes(msgspec.json.encode(found))


def _recorded(inventory: str, folder: Path) -> Measuring:
    path = folder / "reads.json"
    found = judged(inventory, folder / "recorded", AZ_BENCH_READS=str(path))
    if not found:
        raise SystemExit("bench: the suite did not judge the lab")
    return Measuring(folder, inventory, load(path), found)


def _same(place: Measuring, name: str, folder: Path) -> int:
    """Let the suite judge what a contender has read: how many tests come out as with the suite's own reads."""
    theirs = judged(place.inventory, folder / "judged", AZ_BENCH_ANSWERS=str(folder / "answers.json"))
    same = sum(theirs.get(key) == outcome for key, outcome in place.outcomes.items())
    say(f"judged from the reads of {name}: {same} of {place.count} tests as with the suite's own")
    return same


def _setting(text: str, place: Measuring, folder: Path, until: float, before_it: Sequence[LabSetting]) -> LabSetting:
    far, is_dark, count = text.partition(DARK)
    delay = float(far)
    dark = tuple(place.reads.hosts[-int(count or 1) :]) if is_dark else ()
    here = Measuring(folder, place.inventory, place.reads, place.outcomes, dark)
    before = os.getloadavg()[0]
    say(f"{len(place.reads.hosts)} datacenters, {text} ms")
    with delayed(delay), darkened(*dark):
        if dark:
            here.outcomes = _outcomes_in_the_dark(here)
        equal = dict(before_it[0].equal) if before_it else {}
        took = rounds(here, until, None if before_it else equal)
    return LabSetting(
        datacenters=len(place.reads.hosts),
        delay_ms=delay,
        dark=len(dark),
        commands=len(place.reads.typed or ()),
        tunnelled=place.reads.tunnelled,
        checks=place.count,
        equal=equal,
        load=(round(before, 1), round(os.getloadavg()[0], 1)),
        took=took,
        scripted=sum(bool(each.stdin) for each in place.reads.typed or ()),
    )


def _outcomes_in_the_dark(place: Measuring) -> dict[str, str]:
    run(SUITE, place, place.folder / "dark")
    return outcomes(place.folder / "dark")


def rounds(place: Measuring, until: float, equal: dict[str, int] | None = None) -> dict[str, list[Took]]:
    """Rounds of all contenders in turn: some in any case, and more while there is time.

    After the first, of testinfra with workers only the best number goes on, and of all only who is near the suite's time.
    What is read in the first is judged, if `equal` is there to keep that.
    """
    small = len(place.reads.hosts) <= LARGE
    parallel = [f"{TESTINFRA} -n {count}" for count in (WORKERS if small else WORKERS[1:2])]
    names = [FLOOR, SUITE, SHARED, *((SERIAL, TESTINFRA) if small else ()), *parallel]
    took: dict[str, list[Took]] = {name: [] for name in names}
    for number in range(MOST_ROUNDS):
        begun = time.monotonic()
        for name in names:
            here = place.folder / f"{number}{name.replace(' ', '')}"
            took[name].append(run(name, place, here))
            say(told(name, took[name][-1]))
            if equal is not None and number == 0 and name != SUITE and name not in parallel[:-1]:
                equal[name] = _same(place, name, here)
            shutil.rmtree(here, ignore_errors=True)
        if number == 0:
            best = min(parallel, key=lambda name: (-took[name][0].read, took[name][0].seconds))
            names = [name for name in names if name not in parallel or name == best]
        enough = NEAR * took[SUITE][0].seconds
        names = [name for name in (*names[1:], names[0]) if took[name][-1].seconds <= enough]
        if number + 1 >= LEAST_ROUNDS and time.monotonic() + (time.monotonic() - begun) > until:
            break
    return took


def told(name: str, took: Took) -> str:
    """One time of one contender, as progress."""
    return f"  {name:16} {took.seconds:6.1f} s, processor {took.processor:5.1f} s, read {took.read} of {took.wanted}"


@contextlib.contextmanager
def delayed(milliseconds: float) -> Iterator[None]:
    """Packets between here and the datacenters take so long each way."""
    if not milliseconds:
        yield
        return
    command = [sys.executable, "-m", "tools.bench.delay", f"{milliseconds:g}"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        if process.stdout.readline() != b"ready\n":
            raise SystemExit("bench: packets cannot be delayed on this machine")
        yield


@contextlib.contextmanager
def darkened(*hosts: str) -> Iterator[None]:
    """Packets to these head nodes are dropped."""
    faults = [f"headnode-dark@my-dc-{number_of(host)}" for host in hosts]
    lab = [sys.executable, "-m", "lab"]
    try:
        for fault in faults:
            subprocess.run([*lab, "fault", fault], cwd=ROOT, check=True, capture_output=True)
        yield
    finally:
        for fault in faults:
            subprocess.run([*lab, "heal", fault], cwd=ROOT, check=True, capture_output=True)


def number_of(host: str) -> int:
    """The number of a datacenter, which stands in its head node's address: 10.NUMBER.2.2."""
    return int(host.rpartition("@")[2].split(".")[1])


def say(text: str) -> None:
    print(f"bench: {text}", flush=True)


if __name__ == "__main__":
    main(float(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
