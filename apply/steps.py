"""One step of a plan: asked for, carried out action by action, or left to a human until its values say that it is done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from apply.asking import Choice, Operator
from apply.engine import Engine, label, shown
from remediate.actions import digest
from remediate.actions.reading import Precondition
from remediate.actions.smf import Smf
from remediate.plan import PlannedStep
from remediate.steps import BY_HAND, OPERATOR, Step


class Taken(StrEnum):
    """What became of a step."""

    DONE = "done"
    ALREADY = "as wanted already"
    LEFT = "left"
    STOPPED = "stopped"
    QUIT = "quit"


def applicable(step: Step) -> bool:
    """Whether the suite may send it."""
    return bool(step.actions) and step.applied_by_suite and step.risk not in BY_HAND and step.on != OPERATOR


def key(step: Step) -> str:
    """By what a step is known again in a later plan."""
    return f"{step.at} {' '.join(map(digest, step.actions)) or step.run}"


@dataclass
class Hands:
    """What carries a step out; `lock` takes the lock of a step's head node, before anything is sent there."""

    engine: Engine
    asking: Operator
    lock: Callable[[str], None]

    def take(self, planned: PlannedStep, cause: str, number: int, count: int, *, anew: bool) -> Taken:
        """Asks for a step, and does it.  `anew`: the checks were made after what the journal knows."""
        step, at = planned.step, f"step {number} of {count}, on {planned.step.at}"
        if (step.on != OPERATOR and step.actions) and self._wanted(step, anew=anew):
            self.asking.say(f"  {at}: it is as wanted already")
            return Taken.ALREADY
        if not applicable(step):
            return self._by_hand(planned, number, count)
        match self.asking.step(planned, number, count):
            case Choice.SKIP:
                return Taken.LEFT
            case Choice.QUIT:
                return Taken.QUIT
        self.lock(step.on)
        for action in step.actions:
            done = self.engine.carry_out(step.at, cause, action)
            self.asking.say(f"  {step.at}: {label(action)}: {done.why}")
            if not done.well:
                return Taken.STOPPED
        return Taken.DONE

    def _wanted(self, step: Step, *, anew: bool) -> bool:
        """Whether each of its values is as wanted already.

        A restart has no such value: it was done if the journal says so, unless the checks were made `anew` since then.
        """
        return all(
            (not anew and self.engine.was_done(step.at, action))
            or self.engine.standing(step.at, action)[0] == Precondition.WANTED
            for action in step.actions
        )

    def _by_hand(self, planned: PlannedStep, number: int, count: int) -> Taken:
        """Goes on when the values say that it is done; of a text nothing can be read, so there the checks say it."""
        step = planned.step
        readable = step.actions if step.on != OPERATOR else ()
        while True:
            match self.asking.by_hand(planned, number, count):
                case Choice.SKIP:
                    return Taken.LEFT
                case Choice.QUIT:
                    return Taken.QUIT
            now = [(action, *self.engine.standing(step.at, action)) for action in readable]
            waiting = [reading for _, precondition, reading in now if precondition == Precondition.PLANNED]
            if not waiting or any(isinstance(action, Smf) for action in readable):  # a restart is read by no value
                return Taken.DONE
            self.asking.say(f"  not yet: {'; '.join(f'it is still {shown(each.value)}' for each in waiting)}")

    def tell(self, planned: PlannedStep, number: int) -> None:
        """What a step finds now, and what it would do: nothing is changed."""
        step = planned.step
        self.asking.say(f"  step {number} on {step.at}, {step.risk}{'' if applicable(step) else ', by hand'}")
        for action in step.actions if step.on != OPERATOR else ():
            precondition, reading = self.engine.standing(step.at, action)
            self.asking.say(f"    {label(action)}")
            self.asking.say(f"      {precondition or 'not readable'}: {reading.why or shown(reading.value)}")
            self.asking.say(f"      planned from {shown(action.planned)} to {shown(action.after)}")
        if not step.actions:
            self.asking.say("    text for a human: nothing of it can be read")
