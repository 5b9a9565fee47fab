"""--wait: what is asked again, what is told meanwhile, and when it ends."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Collection, Iterator
from pathlib import Path

import pytest

from evidence.subjects.claims import judged
from evidence.subjects.spec import Result
from evidence.subjects.world import World
from fixtures.check import CHECKS
from fixtures.quiet import results
from fixtures.selection import chosen
from reports.waiting import NOBODY, TURNS, Waiting
from tests.judging import check_functions
from tests.recording import RECORDED, recorded

ROOT = Path(__file__).resolve().parents[2]
SICK = "region-name-at-my-dc-1"


def world(name: str) -> World:
    evidence = recorded(name)
    return judged(evidence.inventory, evidence)


class Time:
    """Time passes when somebody waits, or asks."""

    def __init__(self, *answers: str) -> None:
        self.now, self.answers = 0.0, list(answers)
        self.asked: list[Collection[str] | None] = []
        self.said: list[str] = []
        self.shown: list[str] = []
        self.interrupted_after = 1e9

    def ask(self, before: World, again: Collection[str] | None) -> World:
        self.asked.append(again)
        self.now += 5
        return world(self.answers.pop(0) if len(self.answers) > 1 else self.answers[0])

    def pause(self, seconds: float) -> None:
        self.now += seconds
        if self.now > self.interrupted_after:
            raise KeyboardInterrupt

    def __call__(self, text: str) -> None:
        self.shown.append(text)

    def done(self) -> None:
        self.shown.append("")

    def wait(self, first: str, patience: float, only: str = "", *, causes_alone: bool = False) -> World:
        check_functions()

        def is_chosen(result: Result) -> bool:
            return not only or f"{result.check}[{result.subject}]" == only

        waiting = Waiting(
            self.ask,
            results,
            CHECKS,
            is_chosen,
            self.said.append,
            self,  # type: ignore[arg-type]
            causes_alone=causes_alone,
            pause=self.pause,
            clock=lambda: self.now,
        )
        return waiting.until_well(world(first), patience)


def test_nothing_is_asked_or_said_where_all_is_well() -> None:
    time = Time("healthy")
    time.wait("healthy", 300)
    assert (time.asked, time.said) == ([], [])


def test_it_ends_at_the_first_all_well_which_everybody_was_asked_for() -> None:
    local = "cloudapi-maintenance-at-my-dc-3"
    time = Time(local, "healthy", "healthy")
    time.wait(local, 300)
    there = {"my-dc-3", "my-dc-2"}
    assert time.asked == [there, there, None], (
        "my-dc-1 has settled; with the master is compared; the last asks everybody"
    )
    assert time.said[-1] == "All is well after 0:35."
    assert len(time.said) == 2, "the same is not said twice"


def test_whose_turn_it_is_is_told_once_and_a_clock_moves() -> None:
    time = Time("healthy")
    time.wait("binder-datacenter-at-my-dc-1.binder0", 300)
    assert "\n  config-agent (it looks every 60 to 180 s):\n    " in time.said[0]
    assert any(text.startswith("0:03 of 5:00: ") and text.endswith("asking again in 7 s") for text in time.shown)


def test_what_needs_somebody_is_told_as_that() -> None:
    time = Time(SICK)
    time.wait(SICK, 20)
    assert f"{NOBODY}:\n    region-name-agrees[my-dc-1]" in time.said[0]


def test_at_the_end_of_patience_it_says_what_is_left() -> None:
    time = Time(SICK)
    time.wait(SICK, 60)
    assert time.now <= 60 + 15
    assert time.said[-1].startswith("Waited 1:0")
    assert "This is left: " in time.said[-1]
    assert time.asked[-1] is None


def test_ctrl_c_ends_the_waiting_and_what_was_seen_last_is_judged() -> None:
    time = Time(SICK)
    time.interrupted_after = 17
    assert time.wait(SICK, 60).evidence is not None
    assert time.said[-1].startswith("No longer waited for.")
    assert len(time.asked) == 1


def test_only_what_is_named_is_waited_for() -> None:
    time = Time("healthy")
    time.wait(SICK, 300, only="clocks-agree[coupling]")
    assert time.asked == []
    time.wait(SICK, 300, only="usbkey-agrees-with-sapi[my-dc-1]", causes_alone=True)
    assert time.asked == [], "it only follows from the region, which is not waited for"
    time.wait(SICK, 300, only="region-name-agrees[my-dc-1]", causes_alone=True)
    assert time.asked == [{"my-dc-1", "my-dc-2"}, None], "and of those that it is about"


def test_every_turn_is_of_a_check_once() -> None:
    check_functions()
    named = [check for checks in TURNS.values() for check in checks]
    assert len(named) == len({*named})
    assert {*named} <= {*CHECKS}


SELECTIONS = (
    ("-m", "preflight"),
    ("-m", "postchange and not preflight"),
    ("-k", "test_one_poseidon"),
    ("-k", "cloudapi and not (my-dc-1 or my-dc-2 and ufds)"),
    ("-k", "region-name-agrees or sapi.py"),
    ("--datacenter=my-dc-3",),
    ("checks/ufds.py",),
    ("checks/binder.py::test_binder_region_agrees", "-k", "my-dc-2"),
)


class Config:
    """The part of pytest's configuration that says what was selected."""

    class Option:
        markexpr, keyword = "", ""
        datacenter: tuple[str, ...] = ()

    def __init__(self, words: tuple[str, ...]) -> None:
        self.option, self.args = self.Option(), []
        rest: Iterator[str] = iter(words)
        for word in rest:
            if word in ("-m", "-k"):
                setattr(self.option, "markexpr" if word == "-m" else "keyword", next(rest))
            elif word.startswith("--datacenter="):
                self.option.datacenter = (word.partition("=")[2],)
            else:
                self.args.append(str(ROOT / word))
        self.args = self.args or [str(ROOT / "checks")]


@pytest.mark.parametrize("words", SELECTIONS, ids=" ".join)
def test_what_is_selected_is_what_pytest_selects(words: tuple[str, ...], tmp_path: Path) -> None:
    check_functions()
    config = Config(words)
    options = [word for word in words if not word.startswith("checks/")]
    command = [sys.executable, "-m", "pytest", "-c", str(ROOT / "pytest.ini"), f"--rootdir={ROOT}"]
    command += [f"--evidence={RECORDED / 'healthy.json'}", "--collect-only", "-v", *options, *config.args]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    collected = {line.partition("::")[2] for line in done.stdout.splitlines() if "::" in line}
    collected = {line for line in collected if not line.endswith("[not-applicable]")}
    is_chosen = chosen(config)  # type: ignore[arg-type]
    found = {f"test_{r.check.replace('-', '_')}[{r.subject}]" for r in results(world("healthy")) if is_chosen(r)}
    assert found == collected
    assert found
