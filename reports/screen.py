"""The first screen: what is wrong, whom it hurts, what is new, and what to type next.  It fits 80 x 24 for up to five causes."""

from __future__ import annotations

import datetime
from itertools import chain
from pathlib import Path

from msgspec import Struct

from evidence.subjects.questions import NOT_ENTERED
from evidence.subjects.spec import BLOCKED, CRITICAL, FINDINGS, NOT_APPLICABLE, PASSED, WAIVED
from reports import ahead
from reports.causes import write_cause
from reports.conclusion import Conclusion, Since
from reports.customers import noticed
from reports.defects import write_defects
from reports.heading import write_heading
from reports.matrix import MOST_ROWS, Matrix
from reports.page import BOLD, DIM, GREEN, RED, YELLOW, Look, Page, counted, safe, some

MOST = 5
MOST_DARK = 8
"""So many causes are told on the first screen; the others are named by `explain`."""
HEIGHT = 24
_TRIES = ((MOST_ROWS, 3), (MOST_ROWS, 2), (MOST_ROWS, 1), (MOST_ROWS, 0), (6, 1), (6, 0), (4, 0))
"""How many datacenters, and how many lines of what is long, until it fits."""
_MOST_ZONES = 4


class Next(Struct, frozen=True):
    """The commands that come next, as they can be pasted: for the first cause, all causes, the plan, the way in. Empty: it was not kept."""

    explain: str = ""
    explain_all: str = ""
    plan: str = ""
    doctor: str = ""


def screen(
    conclusion: Conclusion,
    look: Look,
    *,
    folder: Path | str | None = None,
    commands: Next | None = None,
    now: datetime.datetime | None = None,
) -> str:
    """The whole screen. `now` tells how old the evidence of a replay is.

    Where there is room, its parts are set apart; where there is not, less is said of what is no cause.
    """
    told = commands or Next()
    moment = now or datetime.datetime.now(datetime.UTC)
    if nobody_answers(conclusion):
        return _unasked(_heading(conclusion, look, moment), conclusion, folder, told)
    causes, end = Page.looking(look), Page.looking(look)
    write_defects(causes, conclusion)
    _verdict(causes, conclusion)
    for cause in conclusion.verdict.causes[:MOST]:
        write_cause(causes, conclusion, cause, MOST)
    _rest(causes, conclusion, told)
    _end(end, conclusion, folder, told)
    matrix = Matrix(conclusion, conclusion.numbers)
    tries = (
        _laid_out(_heading(conclusion, look, moment, matrix, rows), causes, _between(conclusion, look, lines), end)
        for rows, lines in _TRIES
    )
    whole = next(tries)
    return next(filter(_fits, chain((whole,), tries)), whole)


def _heading(
    conclusion: Conclusion, look: Look, now: datetime.datetime, matrix: Matrix | None = None, rows: int = 0
) -> Page:
    """Which coupling, when; and the matrix, with so many datacenters."""
    page = Page.looking(look)
    write_heading(page, conclusion, now)
    if matrix is not None:
        matrix.write(page, rows)
    return page


def _between(conclusion: Conclusion, look: Look, most: int) -> Page:
    """What there is to know besides the causes; of what is long, so many lines."""
    page = Page.looking(look)
    _besides(page, conclusion, most)
    _customers(page, conclusion, most)
    _since(page, conclusion.since)
    return page


def _laid_out(*pages: Page) -> str:
    """One below the other; set apart, where there is room."""
    parts = [text for text in map(str, pages) if text]
    apart = "\n\n".join(parts)
    return apart if _fits(apart) else "\n".join(parts)


def _fits(text: str) -> bool:
    """One line is the shell's."""
    return text.count("\n") + 1 < HEIGHT


def nobody_answers(conclusion: Conclusion) -> bool:
    """Whether no head node could be asked, so that nothing is known of the region."""
    dark = {cause.finding.subject for cause in conclusion.verdict.causes if cause.finding.check == "headnode-answers"}
    whole = len(dark) == len(conclusion.verdict.causes) and dark == {*conclusion.world.inventory.datacenters}
    return whole and not conclusion.defects


def _unasked(page: Page, conclusion: Conclusion, folder: Path | str | None, commands: Next) -> str:
    """A line for each head node with the reason and what to do, and no catalogue of what was not seen."""
    judged = len(conclusion.verdict.results) - conclusion.verdict.counts.get(NOT_APPLICABLE, 0)
    page.prose(f"No head node can be asked, so nothing of {counted(judged, 'check')} is known.", 0, "", 0, BOLD, RED)
    causes = conclusion.verdict.causes
    wide = max(len(each.finding.subject) for each in causes)
    for cause in causes[:MOST_DARK]:
        number = f"{conclusion.numbers[cause.name]:>2} "
        page.prose(cause.finding.observed, 0, number + cause.finding.subject.ljust(wide + 2), len(number) + wide + 2)
    if len(causes) > MOST_DARK:
        page.line(f"   and {len(causes) - MOST_DARK} more: {commands.explain_all or '-vv tells them'}", BOLD)
    _since(page, conclusion.since)
    page.line(f"Run: {folder}" if folder is not None else "This run was not kept.")
    page.line("Next: the way in to each head node, step by step", DIM)
    page.line(f"  {commands.doctor or 'az-checks doctor'}", BOLD)
    return str(page)


def causes_alone(conclusion: Conclusion, look: Look) -> str:
    """What -q leaves: the causes, one after the other, and why there may be more; nothing where all is well."""
    page = Page.looking(look)
    write_defects(page, conclusion)
    for note in conclusion.extent.notes:
        page.prose(note)
    for cause in conclusion.verdict.causes:
        write_cause(page, conclusion, cause, len(conclusion.verdict.causes))
    if not conclusion.verdict.counts.get(PASSED) and not conclusion.verdict.causes:
        page.prose(f"{conclusion.wellness}.")
    return str(page)


def _verdict(page: Page, conclusion: Conclusion) -> None:
    told = verdict_told(conclusion)
    if any(conclusion.verdict.counts.get(outcome) for outcome in FINDINGS):
        page.prose(told, 0, "", 0, BOLD, RED)
    else:
        page.prose(told, 0, "", 0, YELLOW if conclusion.defects else GREEN, BOLD)


def verdict_told(conclusion: Conclusion) -> str:
    """How many causes there are, and what else the numbers say."""
    verdict = conclusion.verdict
    count = verdict.counts.get
    findings = sum(count(outcome, 0) for outcome in FINDINGS)
    judged = len(verdict.results) - count(NOT_APPLICABLE, 0)
    if not findings:
        told = f"{conclusion.wellness}: {count(PASSED, 0)} of {counted(judged, 'check')} passed"
        waived = f", {count(WAIVED, 0)} waived" if count(WAIVED) else ""
        return f"{told}{waived}."
    follow = findings - len(verdict.causes)
    told = counted(len(verdict.causes), "cause")
    told += f", and {counted(follow, 'finding that follows', 'findings that follow')}" if follow else ""
    unseen = f"; {count(BLOCKED, 0)} could not be judged" if count(BLOCKED) else ""
    return f"{told} (of {counted(judged, 'check')}{unseen})"


def _rest(page: Page, conclusion: Conclusion, commands: Next) -> None:
    """The causes that have no room here."""
    rest = conclusion.verdict.causes[MOST:]
    if rest:
        grave = sum(cause.finding.severity == CRITICAL for cause in rest)
        how = commands.explain_all or "-vv tells them"
        page.line(f"   and {len(rest)} more{f', {grave} of them critical' if grave else ''}: {how}", BOLD)


def _besides(page: Page, conclusion: Conclusion, most: int) -> None:
    """What is accepted, what was not entered, and what else there is to know about the run as a whole."""
    if waived := waived_told(conclusion):
        page.prose(waived)
    unentered = closed_told(conclusion)
    for told in unentered[:_MOST_ZONES]:
        page.prose(told, 0, "", 0, YELLOW)
    if len(unentered) > _MOST_ZONES:
        page.line(f"{counted(len(unentered) - _MOST_ZONES, 'more zone')} not entered: -v has them", YELLOW)
    remarks = remarks_told(conclusion)
    for remark in remarks[:most]:
        page.prose(remark)
    if len(remarks) > most:
        page.line(f"{counted(len(remarks) - most, 'more remark' if most else 'remark')}: -v has them")


def waived_told(conclusion: Conclusion) -> str:
    """How much is accepted, and until when; empty if nothing is."""
    waivers = [row.waiver for row in conclusion.verdict.results if row.waiver is not None and not row.through]
    if not waivers:
        return ""
    first = min(waivers, key=lambda waiver: waiver.until)
    return f"Waived: {counted(len(waivers), 'finding')}, the first until {first.until} ({first.owner}). -v has them."


def closed_told(conclusion: Conclusion) -> tuple[str, ...]:
    """Why some zones were not entered, and how much is not applicable because of it."""
    closed = [row.result.reason for row in conclusion.verdict.results if row.result.outcome == NOT_APPLICABLE]
    reasons = sorted({reason for reason in closed if reason.startswith(NOT_ENTERED)})
    return tuple(f"{closed.count(reason)} not applicable, because {reason}" for reason in reasons)


def remarks_told(conclusion: Conclusion) -> list[str]:
    """The remarks that do not stand in the heading already."""
    return [each for each in conclusion.remarks if each not in conclusion.extent.notes]


def _customers(page: Page, conclusion: Conclusion, most: int) -> None:
    told = noticed(conclusion)
    if told:
        page.prose(page.look.cut(safe(f"Customers now: {'; '.join(told)}."), page.width * max(1, most) - 10))


def _since(page: Page, since: Since | None) -> None:
    if since is not None:
        page.prose(page.look.cut(safe(since_told(since)), page.width * (1 + bool(since.flapping))))


def since_told(since: Since) -> str:
    """What became of the causes of the run before, in a line."""
    gone = f" ({some(map(str, since.gone), 2)})" if since.gone else ""
    told = f"Since the run before ({since.at}): {len(since.new)} new, {len(since.gone)} gone{gone}"
    return f"{told}; flapping: {some(since.flapping, 2)}" if since.flapping else told


def _end(page: Page, conclusion: Conclusion, folder: Path | str | None, commands: Next) -> None:
    """The folder; and in the last lines the commands, each alone, to be pasted."""
    page.line(f"Run: {folder}" if folder is not None else "This run was not kept.")
    if conclusion.verdict.causes and commands.explain:
        page.line("Next: why, with all the evidence; and what to type, in its order", DIM)
        page.line(f"  {commands.explain}", BOLD)
        page.line(f"  {commands.plan}", BOLD)
    elif comes := _comes(conclusion):
        page.prose(comes, 0, "", 0, BOLD)
        if commands.plan:
            page.line(f"  {commands.plan}", BOLD)


def _comes(conclusion: Conclusion) -> str:
    """What comes after a run in which nothing is wrong, in a line: the plan has its steps."""
    if conclusion.verdict.causes or conclusion.defects:
        return ""
    page = Page(120)
    ahead.write(page, conclusion.world, conclusion.passed)
    return next((line for line in str(page).splitlines() if line.strip()), "")
