"""One step of a plan: asked for, carried out action by action, or left to a human until its values say that it is done."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

from apply.asking import Choice, Operator
from apply.engine import Engine, shown
from remediate.actions import digest
from remediate.actions.reading import Precondition
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
    return f"{step.on} {' '.join(map(digest, step.actions)) or step.run}"


def take(
    planned: PlannedStep,
    cause: str,
    number: int,
    count: int,
    engine: Engine,
    asking: Operator,
    lock: Callable[[str], None],
) -> Taken:
    """Asks for a step, and does it.  Nothing is sent before `lock` has taken the lock of its head node."""
    step = planned.step
    if not applicable(step):
        return _by_hand(planned, number, count, engine, asking)
    if _wanted(step, engine):
        asking.say(f"  step {number} of {count}, on {step.on}: it is as wanted already")
        return Taken.ALREADY
    match asking.step(planned, number, count):
        case Choice.SKIP:
            return Taken.LEFT
        case Choice.QUIT:
            return Taken.QUIT
    lock(step.on)
    for action in step.actions:
        done = engine.carry_out(step.on, cause, action)
        asking.say(f"  {step.on}: {action.command().splitlines()[-1][:100]}: {done.why}")
        if not done.well:
            return Taken.STOPPED
    return Taken.DONE


def _wanted(step: Step, engine: Engine) -> bool:
    """Whether each of its values is as wanted already.  A restart has no such value."""
    return all(engine.standing(step.on, action)[0] == Precondition.WANTED for action in step.actions)


def _by_hand(planned: PlannedStep, number: int, count: int, engine: Engine, asking: Operator) -> Taken:
    """Goes on when the values say that it is done; of a text nothing can be read, so there the checks say it."""
    step = planned.step
    readable = step.actions if step.on != OPERATOR else ()
    if readable and _wanted(step, engine):
        asking.say(f"  step {number} of {count}, on {step.on}: it is as wanted already")
        return Taken.ALREADY
    while True:
        match asking.by_hand(planned, number, count):
            case Choice.SKIP:
                return Taken.LEFT
            case Choice.QUIT:
                return Taken.QUIT
        waiting = [action for action in readable if engine.standing(step.on, action)[0] == Precondition.PLANNED]
        if not waiting:
            return Taken.DONE
        asking.say(f"  not yet: {'; '.join(f'it is still {shown(engine.read(step.on, a).value)}' for a in waiting)}")


def told(planned: PlannedStep, number: int, engine: Engine, asking: Operator) -> None:
    """What a step finds now, and what it would do: nothing is changed."""
    step = planned.step
    asking.say(f"  step {number} on {step.on}, {step.risk}{'' if applicable(step) else ', by hand'}")
    for action in step.actions if step.on != OPERATOR else ():
        precondition, reading = engine.standing(step.on, action)
        asking.say(f"    {precondition or 'not readable'}: {reading.why or shown(reading.value)}")
        asking.say(f"      planned from {shown(action.planned)} to {shown(action.after)}")
    if not step.actions:
        asking.say("    text for a human: nothing of it can be read")
