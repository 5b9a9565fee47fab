"""Prints a plan: each step with its place, its risk, its command in one piece, and how to take it back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from remediate.plan import CausePlan, Plan, PlannedStep
from remediate.stages import PlanStage, stages_of
from remediate.steps import BY_HAND, DISRUPTIVE, OVERWRITES, RESTARTS, SAFE, Step
from reports.page import BOLD, GREEN, RED, YELLOW, Look, Page, safe
from verdict.judge import Named

_COLOURS = {SAFE: GREEN, RESTARTS: YELLOW, DISRUPTIVE: YELLOW, OVERWRITES: YELLOW} | dict.fromkeys(BY_HAND, RED)
Numbers = Mapping[Named, int]
NONE: Numbers = {}
_LABEL = 7
"""The width of a step's labels: where, for, why, undo, proof."""


def write_entry(page: Page, entry: CausePlan, indent: int) -> None:
    """The numbered steps of one cause, with commands ready to be copied; then the notes."""
    for number, planned in enumerate(entry.steps, 1):
        write_step(page, planned, f"step {number} of {len(entry.steps)}", indent)
    for note in entry.notes:
        page.prose(note, indent, "note", _LABEL)


def write_step(page: Page, planned: PlannedStep, title: str, indent: int) -> None:
    """One step, and the machine on which it is typed."""
    write_title(page, planned.step, title, indent)
    page.prose(planned.where, indent + 2, "where:", _LABEL)
    write_body(page, planned.step, indent + 2)


def write_title(page: Page, step: Step, title: str, indent: int) -> None:
    never = " (never done by the suite)" if step.risk in BY_HAND else ""
    page.line(f"{' ' * indent}{title}, risk: {step.risk}{never}", _COLOURS[step.risk])


def write_body(page: Page, step: Step, inner: int) -> None:
    """What is typed, why, and what takes it back."""
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


def tell(plan: Plan, run: str, look: Look, numbers: Numbers = NONE) -> str:
    """The whole plan for a terminal: by stage, and with a heading where the machine changes."""
    page = Page.looking(look)
    page.prose(
        f"Plan of run {run}. Type the commands in this order, each on the machine that it names. Run the checks again after each "
        "stage: what it has put right may have made later steps needless."
    )
    for stage in stages_of(plan):
        _write_stage(page, stage, numbers)
    return str(page)


def _write_stage(page: Page, stage: PlanStage, numbers: Numbers) -> None:
    page.line()
    page.line(f"Stage {stage.number}: {stage.title}", BOLD)
    for entry in stage.entries:
        number = numbers.get(entry.name)
        page.line(f"   {f'cause {number}: ' if number else ''}{entry.name}")
    place = ""
    for number, task in enumerate(stage.tasks, 1):
        if task.planned.where != place:
            place = task.planned.where
            page.line()
            page.line(f"On {place}", BOLD)
        page.line()
        write_title(page, task.planned.step, f"step {stage.number}.{number}", 3)
        if len(stage.entries) > 1:
            page.prose(", ".join(map(str, task.causes)), 5, "for:", _LABEL)
        write_body(page, task.planned.step, 5)
    if stage.notes:
        page.line()
    for name, note in stage.notes:
        page.prose(f"{name}: {note}" if len(stage.entries) > 1 else note, 3, "note", _LABEL)


def commands(plan: Plan) -> str:
    """The commands alone, to be copied: each as it is typed, and what else there is to know as comments."""
    lines: list[str] = []
    for stage in stages_of(plan):
        lines += [f"# Stage {stage.number}: {stage.title}", ""]
        for number, task in enumerate(stage.tasks, 1):
            names = ", ".join(map(str, task.causes))
            where, step = task.planned.where, task.planned.step
            lines += [f"# {stage.number}.{number} on {where}, risk: {step.risk}, for {names}", step.run, ""]
        bare = {str(entry.name) for entry in stage.entries if not entry.steps}
        lines += [f"# {name}: {' '.join(note.split())}\n" for name, note in stage.notes if name in bare]
    return safe("\n".join(lines), keep="\n\t").rstrip()


def as_data(plan: Plan, numbers: Numbers = NONE) -> dict[str, Any]:
    """The merged plan by stages, and the same by causes (`entries`), as JSON can hold them."""
    return {
        "entries": [_entry_as_data(entry, numbers) for entry in plan.entries],
        "stages": [_stage_as_data(stage) for stage in stages_of(plan)],
        "defects": list(plan.defects),
    }


def _entry_as_data(entry: CausePlan, numbers: Numbers) -> dict[str, Any]:
    """A cause's own steps, without what an earlier cause has already."""
    told = msgspec.to_builtins(entry)
    kept = {name: told[name] for name in ("check", "subject", "severity", "steps", "notes")}
    return {"number": numbers.get(entry.name)} | kept


def _stage_as_data(stage: PlanStage) -> dict[str, Any]:
    causes = [{"check": e.check, "subject": e.subject, "severity": e.severity} for e in stage.entries]
    steps = [
        {"causes": [str(name) for name in task.causes], **msgspec.to_builtins(task.planned)} for task in stage.tasks
    ]
    notes = [{"cause": name, "text": note} for name, note in stage.notes]
    return {"number": stage.number, "title": stage.title, "causes": causes, "steps": steps, "notes": notes}
