"""--timeline: what a run waited for, on the terminal, and in timeline.json and timeline.html of its folder."""

from __future__ import annotations

import importlib
import sys
import time
from collections.abc import Generator

import msgspec
import pytest
from msgspec import Struct

from evidence.timeline import RECORDER, AskedSpan, ChainLink, Phase, Recorder, Topic
from reports.page import safe
from reports.plugin import RUN

FILE, PAGE = "timeline.json", "timeline.html"
MOST = 12
"""So many links are told on the terminal."""
LEAST = 0.01
"""A link with a smaller share of the whole is told with the others like it."""
REFUSED = "--timeline: stored evidence was not asked for, so there is nothing that a run has waited for"


class Timeline(Struct, frozen=True):
    """A run's time, in seconds since its process began. `chain`: what the run waited for, and for nothing else, from its beginning on."""

    seconds: float
    phases: list[Phase]
    chain: list[ChainLink]
    questions: list[AskedSpan]


def pytest_configure(config: pytest.Config) -> None:
    """Without the option there is no recorder. Workers of xdist ask nobody."""
    if not config.option.timeline:
        return
    if config.option.evidence is not None:
        raise pytest.UsageError(REFUSED)
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Timing(config), "az-timing")


class Timing:
    """Notes the phases of a run around the others' hooks, and leaves what came of it."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self.recorder = Recorder(process_began())
        self._before = RECORDER.set(self.recorder)
        self._judging = 0.0
        self.told = ""

    def pytest_unconfigure(self) -> None:
        RECORDER.reset(self._before)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionstart(self) -> Generator[None, object, object]:
        phases, began = self.recorder.phases, self.recorder.began
        phases.append(Phase("Python, pytest and the suite start", began, time.monotonic()))
        with self.recorder.phase("around the asking: its modules are loaded, its evidence is stored"):
            result = yield
        self._judging = time.monotonic()
        return result

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_sessionfinish(self) -> Generator[None, object, object]:
        """Inside of pytest's own, which tells the summary afterwards."""
        self.recorder.phases.append(Phase("the checks judge", self._judging or time.monotonic(), time.monotonic()))
        with self.recorder.phase("causes, plan and the run's files"):
            result = yield
        if self.recorder.chains:
            self._leave(timeline_of(self.recorder))
        return result

    def _leave(self, timeline: Timeline) -> None:
        """A full disk costs the files, never the verdict."""
        self.told = text(timeline)
        run = self._config.stash.get(RUN, None)
        if run is None or not run.whole:
            return
        page = importlib.import_module("reports.pages.timeline")  # jinja2 is loaded only where a page is written
        try:
            run.keep(FILE, msgspec.json.format(msgspec.json.encode(timeline), indent=1) + b"\n")
            run.keep(PAGE, page.timeline_page(timeline, run.name))
        except OSError as error:
            said = f"--timeline: {run.path / PAGE} cannot be written ({error.strerror or error}); the verdict stands"
            print(safe(said), file=sys.stderr)
        else:
            self.told += f"\n  {safe(str(run.path / PAGE))}"

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.told and self._config.option.output is None:
            terminalreporter.write_line(self.told)


def process_began() -> float:
    """When this process began, if it has had a processor since: a shell may have waited long before it became us."""
    return time.monotonic() - time.process_time()


def timeline_of(recorder: Recorder) -> Timeline:
    """All of it, in seconds since the process began."""
    chain, start = recorder.chain(), recorder.began
    return Timeline(
        round(chain[-1].end - start, 4),
        [Phase(each.what, _since(start, each.begin), _since(start, each.end)) for each in recorder.phases],
        [
            ChainLink(
                each.question,
                _since(start, each.begin),
                _since(start, each.end),
                {kind: round(seconds, 4) for kind, seconds in sorted(each.parts.items())},
                each.where,
                each.after,
                round(each.queued, 4),
            )
            for each in chain
        ],
        sorted(
            (
                AskedSpan(each.question, _since(start, each.begin), _since(start, each.end))
                for each in recorder.questions
            ),
            key=lambda each: (each.begin, each.end),
        ),
    )


def _since(start: float, moment: float) -> float:
    return round(moment - start, 4)


def name(question: Topic) -> str:
    """ "my-dc-1.ufds0: its directory"."""
    return ": ".join(filter(None, (question.subject, question.asked)))


def text(timeline: Timeline) -> str:
    """The chain in short: its longest links, in their order."""
    whole = timeline.seconds or 1.0
    long = sorted((each for each in timeline.chain if each.seconds >= LEAST * whole), key=lambda each: -each.seconds)
    shown = sorted(long[:MOST], key=lambda each: each.begin)
    lines = [f"Where {whole:.2f} s went: one waited for the other"]
    for each in shown:
        took = f"{each.seconds:5.2f} s {each.seconds / whole:4.0%}"
        lines.append(f"  {each.begin:6.2f}-{each.end:<6.2f} {took}  {safe(name(each.question))}")
    told = sum(each.seconds for each in shown)
    rest = len(timeline.chain) - len(shown)
    if rest:
        lines.append(f"  {'':13} {whole - told:5.2f} s {(whole - told) / whole:4.0%}  {rest} shorter ones")
    return "\n".join(lines)
