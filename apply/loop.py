"""PlanStage after stage: do its steps, judge again, plan again.  It ends when nothing is left, or something went wrong."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from apply.asking import Operator
from apply.engine import Engine
from apply.lock import RemoteLocks
from apply.steps import Taken, key, take, told
from evidence.subjects.spec import FAILED, PASSED, Severity
from remediate.plan import Plan
from remediate.stages import PlanStage, stages_of
from reports import findings
from verdict.judge import Named

WELL, LEFT, INTERRUPTED = 0, 1, 2


@dataclass
class Course:
    """What is asked for, and how it is done.  `plan` makes the plan of a run's folder, `judge` a new run."""

    folder: Path
    engine: Engine
    asking: Operator
    locks: RemoteLocks
    plan: Callable[[Path], Plan]
    judge: Callable[[], Path]
    patience: float
    stage: int | None = None
    clock: Callable[[], float] = time.monotonic
    settled: set[str] = field(default_factory=set)
    """The steps that were asked for already, so that none is done or asked for twice."""

    def run(self) -> int:
        """All of it; the exit code."""
        while True:
            stage = self._next()
            if stage is None:
                return self._end()
            self.asking.say(f"Stage {stage.number}: {stage.title}")
            taken = self._stage(stage)
            if Taken.STOPPED in taken or Taken.QUIT in taken:
                self.asking.say("Stopped here. What was done is in the journal: az-checks apply --undo takes it back.")
                return LEFT if Taken.STOPPED in taken else INTERRUPTED
            if Taken.DONE not in taken:
                continue
            if not self._judged_again(stage) or self.stage is not None:
                return self._end()

    def _next(self) -> PlanStage | None:
        """The first stage that has a step which was not asked for yet."""
        for stage in stages_of(self.plan(self.folder)):
            if self.stage in (None, stage.number) and any(
                key(planned.step) not in self.settled for entry in stage.entries for planned in entry.steps
            ):
                return stage
        return None

    def _stage(self, stage: PlanStage) -> list[Taken]:
        found: list[Taken] = []
        for entry in stage.entries:
            self.asking.say(f"{entry.name}")
            for number, planned in enumerate(entry.steps, 1):
                if key(planned.step) in self.settled:
                    continue
                self.settled.add(key(planned.step))
                taken = take(
                    planned,
                    str(entry.name),
                    number,
                    len(entry.steps),
                    self.engine,
                    self.asking,
                    lambda on: self._lock(on),
                )
                found.append(taken)
                if taken in (Taken.STOPPED, Taken.QUIT):
                    return found
                if taken == Taken.LEFT:
                    break  # what comes after it rests on it
        return found

    def _lock(self, on: str) -> None:
        self.locks.take([on.partition(".")[0]])

    def _judged_again(self, stage: PlanStage) -> bool:
        """Judges until the stage's causes are gone and nothing is worse, or patience is over; whether to go on."""
        before, end = findings.load(self.folder), self.clock() + self.patience
        names = {entry.name for entry in stage.entries}
        while True:
            self.asking.say("Judging again.")
            self.folder = self.judge()
            after = findings.load(self.folder)
            left = {Named(cause.check, cause.subject) for cause in after.causes} & names
            worse = grown_worse(before, after)
            if not (left or worse) or self.clock() >= end:
                break
        for name in sorted(names):
            self.asking.say(f"  {'not fixed' if name in left else 'fixed'}: {name}")
        for name in worse:
            self.asking.say(f"  worse: {name} passed before, and fails now. Stopped here.")
        return not worse

    def _end(self) -> int:
        entries = self.plan(self.folder).entries
        for entry in entries:
            self.asking.say(f"Left: {entry.name}")
        if not entries:
            self.asking.say("Nothing is left to repair.")
        return LEFT if entries else WELL

    def dry_run(self) -> int:
        """Reads every precondition, and changes nothing."""
        for stage in stages_of(self.plan(self.folder)):
            if self.stage in (None, stage.number):
                self.asking.say(f"Stage {stage.number}: {stage.title}")
                for entry in stage.entries:
                    self.asking.say(f"{entry.name}")
                    for number, planned in enumerate(entry.steps, 1):
                        told(planned, number, self.engine, self.asking)
        return WELL


def grown_worse(before: findings.Findings, after: findings.Findings) -> list[Named]:
    """What passed and now fails critically."""
    passed = {(row.check, row.subject) for row in before.results if row.outcome == PASSED}
    return sorted(
        Named(row.check, row.subject)
        for row in after.results
        if row.outcome == FAILED and row.severity == Severity.CRITICAL and (row.check, row.subject) in passed
    )
