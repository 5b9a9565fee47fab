"""Prints a plan: each step with its place, its risk, its command in one piece, and how to take it back."""

from __future__ import annotations

from remediate.plan import CausePlan, Plan, PlannedStep
from remediate.stages import stages_of
from remediate.steps import BY_HAND, DISRUPTIVE, OVERWRITES, RESTARTS, SAFE
from reports.page import BOLD, GREEN, RED, YELLOW, Page, safe

_COLOURS = {SAFE: GREEN, RESTARTS: YELLOW, DISRUPTIVE: YELLOW, OVERWRITES: YELLOW} | dict.fromkeys(BY_HAND, RED)
_LABEL = 7
"""The width of a step's labels: where, risk, why, undo, proof."""


def write_entry(page: Page, entry: CausePlan, indent: int) -> None:
    """The numbered steps of one cause, with commands ready to be copied; then the notes."""
    for number, planned in enumerate(entry.steps, 1):
        write_step(page, planned, number, len(entry.steps), indent)
    for note in entry.notes:
        page.prose(note, indent, "note", _LABEL)


def write_step(page: Page, planned: PlannedStep, number: int, steps: int, indent: int) -> None:
    """One step of a cause."""
    step, inner = planned.step, indent + 2
    never = " (never done by the suite)" if step.risk in BY_HAND else ""
    page.line(f"{' ' * indent}step {number} of {steps}, risk: {step.risk}{never}", _COLOURS[step.risk])
    page.prose(planned.where, inner, "where:", _LABEL)
    page.line()
    page.command(step.run, inner + 2)
    page.line()
    page.prose(step.why, inner, "why:", _LABEL)
    if step.undo:
        page.line(f"{' ' * inner}undo:")
        page.command(step.undo, inner + 2)
    if step.undo_note or not step.undo:
        label = "" if step.undo else "undo:"
        page.prose(step.undo_note or "nothing to undo", inner, label, _LABEL)
    if step.proof:
        page.prose(", ".join(step.proof), inner, "proof:", _LABEL)


def tell(plan: Plan, run: str, width: int, *, colour: bool) -> str:
    """The whole plan for a terminal."""
    page = Page(width, colour=colour)
    page.prose(
        f"Plan of run {run}. Type the commands in this order, each on the machine that it names. Then run the checks again."
    )
    number = 0
    for stage in stages_of(plan):
        page.line()
        page.line(f"Stage {stage.number}: {stage.title}", BOLD)
        for entry in stage.entries:
            number += 1
            page.line()
            page.line(f"{number}. {entry.name}", BOLD)
            write_entry(page, entry, 3)
    return str(page)


def commands(plan: Plan) -> str:
    """The commands alone, to be copied: each as it is typed, and what else there is to know as comments."""
    lines: list[str] = []
    for stage in stages_of(plan):
        lines += [f"# Stage {stage.number}: {stage.title}", ""]
        for entry in stage.entries:
            for planned in entry.steps:
                lines += [f"# {entry.name}, on {planned.where}, risk: {planned.step.risk}", planned.step.run, ""]
            lines += [f"# {entry.name}: {' '.join(note.split())}\n" for note in entry.notes if not entry.steps]
    return safe("\n".join(lines), keep="\n\t").rstrip()
