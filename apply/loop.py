"""Stage after stage: do its steps, judge again, plan again.  It ends when nothing is left, or something went wrong."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from msgspec.structs import replace

from apply.engine import place
from apply.steps import Hands, Taken, key
from evidence.subjects.spec import FAILED, FINDINGS, PASSED, Severity, is_link
from remediate.actions import does
from remediate.merging import merged
from remediate.plan import CausePlan, Plan
from remediate.stages import PlanStage, stages_of
from remediate.steps import Step
from reports import findings
from triton_az_checks import places
from verdict.judge import Named

WELL, LEFT, INTERRUPTED = 0, 1, 2


@dataclass
class Course:
    """What is asked for, and how it is done.  `plan` makes the plan of a run's folder, `judge` a new run."""

    folder: Path
    hands: Hands
    plan: Callable[[Path], Plan]
    judge: Callable[[Sequence[Named], float], Path]
    """Judges again; waits until these findings are gone, so many seconds at most."""
    patience: float
    stage: int | None = None
    clock: Callable[[], float] = time.monotonic
    settled: set[str] = field(default_factory=set)
    """The steps that were asked for already, so that none is done or asked for twice."""
    lost: set[tuple[Named, str]] = field(default_factory=set)
    """The steps that are not asked for because one before them was left, each with its cause."""
    already: set[str] = field(default_factory=set)
    """Of these, the ones whose values were as wanted already."""
    first: Path | None = None
    """The run whose journal is written: what it knows is newer than this run's findings, and older than any other's."""

    def run(self) -> int:
        """All of it; the exit code."""
        while True:
            stage = self._next()
            if stage is None:
                return self._end()
            anew = ", of the plan that was made anew" if self.folder != self.first else ""
            self.hands.asking.say(f"Stage {stage.number}: {stage.title}{anew}")
            taken = self._stage(stage)
            if Taken.STOPPED in taken or Taken.QUIT in taken:
                self.hands.asking.say(
                    places.typeable(
                        "Stopped here. What was done is in the journal: az-checks apply --undo takes it back."
                    )
                )
                return LEFT if Taken.STOPPED in taken else INTERRUPTED
            if Taken.DONE not in taken:
                continue
            if not self._judged_again(stage) or self.stage is not None:
                return self._end()

    def _next(self) -> PlanStage | None:
        """The first stage that has a step which was not asked for yet."""
        for stage in stages_of(self.plan(self.folder)):
            if self.stage in (None, stage.number) and self._open(stage):
                return stage
        return None

    def _open(self, stage: PlanStage) -> PlanStage | None:
        """What of a stage was not asked for yet, and rests on nothing that is wrong; None if that is nothing."""
        left = []
        for entry in stage.entries:
            steps = tuple(planned for planned in entry.whole if not self._settled(entry.name, planned.step))
            if steps and not self._rests_on(entry):
                left.append(replace(entry, whole=steps))
        return replace(stage, entries=tuple(left)) if left else None

    def _settled(self, cause: Named, step: Step) -> bool:
        return key(step) in self.settled or (cause, key(step)) in self.lost

    def _rests_on(self, entry: CausePlan) -> list[str]:
        """The findings that have to be gone before its steps can be done: sapiadm needs SAPI, and SAPI's name DNS."""
        found = findings.load(self.folder)
        return sorted({str(name) for planned in entry.whole for name in in_the_way(planned.step, entry.name, found)})

    def _stage(self, stage: PlanStage) -> list[Taken]:
        """Its steps.  What a cause loses when a step of it is left, the steps of other causes lose with it."""
        found: list[Taken] = []
        while (left := self._open(stage)) is not None:
            tasks = merged(left.entries, stage.entries)
            task, number = tasks[0], len(found) + 1
            causes = ", ".join(map(str, task.causes))
            self.hands.asking.say(causes)
            self.settled |= {key(part.step) for part in task.parts}
            anew = self.folder != self.first
            taken = self.hands.take(task.planned, causes, number, len(found) + len(tasks), anew=anew)
            found.append(taken)
            if taken == Taken.ALREADY:
                self.already |= {key(part.step) for part in task.parts}
            if taken in (Taken.STOPPED, Taken.QUIT):
                break
            if taken == Taken.LEFT:  # what comes after it rests on it
                of = [entry for entry in left.entries if entry.name in task.causes]
                self.lost |= {(entry.name, key(planned.step)) for entry in of for planned in entry.whole}
                stage = replace(stage, entries=tuple(entry for entry in stage.entries if entry.name not in task.causes))
        return found

    def _judged_again(self, stage: PlanStage) -> bool:
        """Judges until the stage's causes are gone and nothing is worse, or patience is over; whether to go on."""
        before, end = findings.load(self.folder), self.clock() + self.patience
        names = {entry.name for entry in stage.entries}
        waited = sorted(names)
        while True:
            self.hands.asking.say("Judging again.")
            self.folder = self.judge(waited, max(0.0, end - self.clock()))
            after = findings.load(self.folder)
            left = {Named(cause.check, cause.subject) for cause in after.causes} & names
            worse = grown_worse(before, after, names)
            waited = sorted({*left, *worse})
            if not waited or self.clock() >= end:
                break
        for name in sorted(names):
            self.hands.asking.say(f"  {'not fixed' if name in left else 'fixed'}: {name}")
        for name in worse:
            after_what = ", ".join(map(str, behind(name, stage.entries)))
            self.hands.asking.say(f"  worse: {name} passed before, and fails now, after {after_what}. Stopped here.")
        return not worse

    def _end(self) -> int:
        entries = self.plan(self.folder).entries
        left = [entry for entry in entries if not self._as_wanted(entry)]
        for entry in entries:
            said = "Left" if entry in left else "As wanted by now, whatever this run found (run the checks again)"
            rests = self._rests_on(entry)
            self.hands.asking.say(f"{said}: {entry.name}" + (f" (it rests on {', '.join(rests)})" if rests else ""))
        if not entries:
            self.hands.asking.say("Nothing is left to repair.")
        return LEFT if left else WELL

    def _as_wanted(self, entry: CausePlan) -> bool:
        """Whether each step of it was found as wanted, and no newer run says that this did not help."""
        steps = {key(planned.step) for planned in entry.whole}
        return self.folder == self.first and bool(steps) and steps <= self.already

    def dry_run(self) -> int:
        """Reads every precondition, and changes nothing."""
        for stage in stages_of(self.plan(self.folder)):
            if self.stage in (None, stage.number):
                self.hands.asking.say(f"Stage {stage.number}: {stage.title}")
                for number, task in enumerate(stage.tasks, 1):
                    self.hands.asking.say(", ".join(map(str, task.causes)))
                    self.hands.tell(task.planned, number)
        return WELL


def in_the_way(step: Step, cause: Named, found: findings.Findings) -> list[Named]:
    """The findings that a step's actions need to be gone: none of its own cause, which it is there to end."""
    own = {name for each in found.causes if Named(each.check, each.subject) == cause for name in each.consequences}
    needs = {need.partition("/")[::2] for action in step.actions for need in does(action).needs}
    return [
        Named(row.check, row.subject)
        for row in found.results
        if row.outcome in FINDINGS
        and Named(row.check, row.subject) not in {cause, *own}
        and any(row.check == check and _at(row.subject, place(step.on), role) for check, role in needs)
    ]


def _at(subject: str, datacenter: str, role: str) -> bool:
    """Whether a subject is that datacenter or one of its zones: of that role, if one is named."""
    name, _, alias = subject.partition(".")
    return name == datacenter and not is_link(subject) and (not role or alias.rstrip("0123456789") == role)


def behind(worse: Named, entries: Sequence[CausePlan]) -> list[Named]:
    """The causes whose steps can have made something worse: those with steps in its datacenter, or else all of the stage."""
    places = {end.partition(".")[0] for end in worse.subject.split("--")}
    there = [entry.name for entry in entries if places & {place(planned.step.on) for planned in entry.whole}]
    return there or [entry.name for entry in entries]


def grown_worse(before: findings.Findings, after: findings.Findings, put_right: Collection[Named]) -> list[Named]:
    """What passed and now fails critically. What follows from a cause that was known and is still to be put right is none of it."""
    passed = {(row.check, row.subject) for row in before.results if row.outcome == PASSED}
    known = {Named(cause.check, cause.subject) for cause in before.causes}.difference(put_right)
    follows = {
        name for cause in after.causes if Named(cause.check, cause.subject) in known for name in cause.consequences
    }
    failed = [row for row in after.results if row.outcome == FAILED and row.severity == Severity.CRITICAL]
    return sorted({Named(row.check, row.subject) for row in failed if (row.check, row.subject) in passed} - follows)
