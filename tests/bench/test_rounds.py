"""Who is measured how often."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tools.bench import inside
from tools.bench.contenders import Measuring
from tools.bench.figures import FLOOR, SERIAL, SHARED, SUITE, TESTINFRA, Took
from tools.bench.inside import LARGE, LEAST_ROUNDS, MOST_ROUNDS, NEAR, WORKERS, rounds
from tools.bench.reads import Reads, TypedRead

FEW, MANY = (f"{TESTINFRA} -n {count}" for count in WORKERS)
SECONDS = {FLOOR: 5.0, SUITE: 10.0, SHARED: 4.0, SERIAL: 10 * NEAR + 1, TESTINFRA: 10 * NEAR + 2, FEW: 8.0, MANY: 7.0}


def measured(
    monkeypatch: pytest.MonkeyPatch, folder: Path, left: float, hosts: int = 3, **read: int
) -> tuple[dict[str, int], list[str]]:
    """How often each was measured, and in which order all were."""
    order = []

    def run(name: str, *_: object) -> Took:
        order.append(name)
        return Took(SECONDS[name], 1.0, read.get(name.replace(" -n ", "_"), 9), 9)

    monkeypatch.setattr(inside, "run", run)
    reads = Reads(typed=[TypedRead(f"root@10.{number}.2.2", "date") for number in range(1, hosts + 1)])
    took = rounds(Measuring(folder, "", reads, {}), time.monotonic() + left)
    return {name: len(each) for name, each in took.items()}, order


def test_the_near_ones_have_rounds_although_time_is_over(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found, _ = measured(monkeypatch, tmp_path, -1)
    near = dict.fromkeys((FLOOR, SUITE, SHARED, MANY), LEAST_ROUNDS)
    assert found == near | dict.fromkeys((SERIAL, TESTINFRA, FEW), 1)


def test_there_are_more_while_there_is_time(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found, order = measured(monkeypatch, tmp_path, 1000)
    assert found[SUITE] == MOST_ROUNDS
    starts = [order[at] for at in range(len(SECONDS), len(order), 4)]
    assert len(set(starts)) > 1  # nobody is always the first


def test_workers_that_lose_answers_are_not_the_best(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found, _ = measured(monkeypatch, tmp_path, -1, **{MANY.replace(" -n ", "_"): 8})
    assert (found[FEW], found[MANY]) == (LEAST_ROUNDS, 1)


def test_in_a_large_lab_nothing_goes_one_by_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found, _ = measured(monkeypatch, tmp_path, -1, hosts=LARGE + 1)
    assert found.keys() == {FLOOR, SUITE, SHARED, MANY}


def test_what_was_read_in_the_first_round_is_judged(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Of testinfra with workers, once."""
    judged: list[str] = []

    def judge(inventory: str, runs: Path, **names: str) -> dict[str, str]:
        judged.append(Path(names["AZ_BENCH_ANSWERS"]).parent.name)
        return {"a[b]": "passed", "c[d]": "blocked"}

    monkeypatch.setattr(inside, "judged", judge)
    monkeypatch.setattr(inside, "run", lambda name, *_: Took(SECONDS[name], 1.0, 9, 9))
    equal: dict[str, int] = {}
    place = Measuring(tmp_path, "", Reads(typed=[]), {"a[b]": "passed", "c[d]": "failed"})
    rounds(place, 0.0, equal)
    assert equal == dict.fromkeys((FLOOR, SHARED, SERIAL, TESTINFRA, MANY), 1)
    assert len(judged) == 5
