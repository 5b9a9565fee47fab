"""Operator the operator, step by step; and what --yes answers in his place."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from enum import StrEnum

import msgspec

from remediate.plan import PlannedStep
from remediate.steps import BY_HAND, RESTARTS, SAFE, Step
from reports.page import Page, safe
from reports.plan import write_step


class Choice(StrEnum):
    YES = "yes"
    SKIP = "skip"
    QUIT = "quit"


class Operator:
    """`yes`: safe and restarting steps are taken without asking.  `ask` is None where nobody can be asked."""

    def __init__(
        self, ask: Callable[[str], str] | None, say: Callable[[str], None], *, yes: bool, colour: bool
    ) -> None:
        self._ask, self._say, self._yes, self._colour = ask, say, yes, colour

    def say(self, text: str) -> None:
        """A line for the operator, with nothing in it that a terminal would act upon."""
        self._say(safe(text))

    def step(self, planned: PlannedStep, number: int, count: int) -> Choice:
        """Shows a step, and asks whether to take it."""
        self._show(planned, number, count)
        if self._yes and planned.step.risk in (SAFE, RESTARTS):
            return Choice.YES
        if self._ask is None:
            self.say(f"  left: a step that is {planned.step.risk} is taken only where somebody can be asked")
            return Choice.SKIP
        return self._chosen("  Take this step? [yes, skip, show, quit] ", planned.step, yes="yes")

    def by_hand(self, planned: PlannedStep, number: int, count: int) -> Choice:
        """Shows a step that only a human takes, and waits until he says that it is done."""
        self._show(planned, number, count)
        self.say(f"  {why_by_hand(planned.step)}")
        if self._ask is None:
            return Choice.SKIP
        return self._chosen("  Type it yourself, then: [done, skip, show, quit] ", planned.step, yes="done")

    def leaves(self, text: str) -> bool:
        """Whether a human says that something is to stay as it is; nobody says so where nobody can be asked."""
        self.say(text)
        if self._ask is None:
            return False
        try:
            return self._ask("  Leave it as it is, and go on? [leave, quit] ").strip().lower() == "leave"
        except EOFError:
            return False

    def _show(self, planned: PlannedStep, number: int, count: int) -> None:
        page = Page(shutil.get_terminal_size().columns, colour=self._colour)
        write_step(page, planned, f"step {number} of {count}", 2)
        self._say(str(page))

    def _chosen(self, question: str, step: Step, *, yes: str) -> Choice:
        assert self._ask is not None
        words = {yes: Choice.YES, "skip": Choice.SKIP, "quit": Choice.QUIT}
        while True:
            try:
                said = self._ask(question).strip().lower()
            except EOFError:
                return Choice.QUIT
            found = [word for word in (*words, "show") if said and word.startswith(said)]
            if found == ["show"]:
                self._say(safe(as_data(step), keep="\n"))
            elif len(found) == 1:
                return words[found[0]]


def why_by_hand(step: Step) -> str:
    """Why the suite does not take a step."""
    if step.risk in BY_HAND:
        return f"Never done by the suite: the step {_does(step)}. Save first what it takes away."
    if not step.actions:
        return "Not done by the suite: this is text for a human, which it can neither check nor take back."
    return "Not done by the suite: a human has to decide on it."


def _does(step: Step) -> str:
    return {"opens": "lets somebody in", "unsupported": "is unsupported by Triton"}.get(step.risk, str(step.risk))


def as_data(step: Step) -> str:
    """The step's actions as data, and how each is read."""
    if not step.actions:
        return "  no data: text only"
    lines = []
    for action in step.actions:
        lines.append(f"  {json.dumps(msgspec.to_builtins(action), sort_keys=True)}")
        lines += [f"    read: {line}" for line in action.read().splitlines()]
    return "\n".join(lines)
