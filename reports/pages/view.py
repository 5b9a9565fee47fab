"""What the page shows of a conclusion, in the words of the first screen and of `explain`: plain data for the templates."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from msgspec import Struct

from evidence.fact import Fact
from evidence.subjects.spec import BLOCKED, BROKEN, FINDINGS, NOT_APPLICABLE, PASSED, WAIVED, place_of
from fixtures import quiet
from fixtures.check import CHECKS
from remediate.registry import CHAPTERS
from remediate.steps import BY_HAND, where
from reports.causes import tags_of, where_of
from reports.conclusion import Conclusion
from reports.explain import place_asked, said_by
from reports.matrix import Matrix, counting, places
from reports.page import Look
from reports.words import in_words
from verdict.judge import Cause, Judged, Named

MOST_IN_FULL = 60
"""So many causes are told with all the evidence; of the others `explain` tells it."""
LOOK = Look(10_000)
_ODD = re.compile(r"[^A-Za-z0-9.~-]")


def anchor(name: Named) -> str:
    """The id of a row: the same for the same check and subject, in every run."""
    return f"{_plain(name.check)}@{_plain(name.subject)}"


def _plain(text: str) -> str:
    return _ODD.sub(lambda found: f"_{ord(found[0]):x}_", text)


class Chip(Struct, frozen=True):
    """A cell: its text, its class, what a screen reader says, and where it leads."""

    text: str
    kind: str
    said: str = ""
    href: str = ""


_KINDS = {"ok": "ok", "waived": "waived", "n/a": "na", "-": "na", "?": "unseen", LOOK.dot: "follows", "broken": "bad"}
_SAID = {
    "ok": "well",
    "waived": "waived",
    "na": "does not apply",
    "unseen": "not seen",
    "follows": "follows from a cause",
}


class MatrixRow(Struct, frozen=True):
    """A row of the matrix."""

    name: str
    master: bool
    cells: tuple[Chip, ...]


def matrix_of(conclusion: Conclusion, numbers: Mapping[Named, int]) -> tuple[list[str], list[MatrixRow]]:
    """The matrix as on the first screen, of all datacenters."""
    matrix, inventory = Matrix(conclusion, numbers), conclusion.world.inventory
    rows = [
        MatrixRow(
            name,
            name == inventory.master,
            tuple(_chip(matrix.cell(name, column, LOOK).text) for column in matrix.columns),
        )
        for name in sorted(inventory.datacenters, key=counting)
    ]
    return matrix.columns, rows


def _chip(text: str) -> Chip:
    sign, _, numbers = text.partition(" ")
    if numbers and sign in (LOOK.cross, "?"):
        first = numbers.partition(",")[0].rstrip("+")
        said = f"{'cause' if sign == LOOK.cross else 'not seen, cause'} {numbers}"
        return Chip(text, "bad" if sign == LOOK.cross else "unseen", said, f"#cause-{first}")
    kind = _KINDS.get(text, "bad")
    return Chip(text, kind, _SAID.get(kind, text))


class Seen(Struct, frozen=True):
    """A fact behind a cause: what was asked, where, how to type it, and what was said."""

    title: str
    on: str
    how: str
    said: str
    at: str


class Typed(Struct, frozen=True):
    """One step of a cause."""

    where: str
    run: str
    risk: str
    never: bool
    why: str
    undo: str
    undo_note: str
    proof: str


class CauseInFull(Struct, frozen=True):
    """A cause: in a line or two on the first screen, and in full below."""

    number: int
    row: Check
    where: str
    tags: tuple[str, ...]
    claim: str
    otherwise: str
    source: str
    fault: str
    expired: str
    facts: tuple[Seen, ...]
    follow: tuple[tuple[str, tuple[Check, ...]], ...]
    steps: tuple[Typed, ...]
    notes: tuple[str, ...]
    command: str = ""


class Check(Struct, frozen=True):
    """One row of the list of checks."""

    id: str
    check: str
    subject: str
    outcome: str
    mark: str
    places: str
    severity: str
    words: str
    expected: str
    observed: str
    reason: str
    evidence: tuple[str, ...]
    missing: tuple[str, ...]
    above: tuple[Chip, ...]
    waiver: str


def check_of(row: Judged, conclusion: Conclusion, numbers: Mapping[Named, int]) -> Check:
    """A row.  Of what holds, the evidence is named; of a finding, also how it was asked."""
    result, own = row.result, numbers.get(row.name)
    finding = result.outcome in FINDINGS or row.was is not None
    above = [name for name in row.causes if name in numbers]
    shown = LOOK.cross if own else LOOK.dot
    sign = "?" if result.outcome == BLOCKED else shown
    of = [own] if own else sorted(numbers[name] for name in above)
    plain = {PASSED: "ok", WAIVED: "waived", NOT_APPLICABLE: "n/a", BROKEN: "broken"}.get(result.outcome)
    waiver = row.waiver.told if row.waiver is not None else ""
    return Check(
        anchor(row.name),
        row.name.check,
        row.name.subject,
        "cause" if own else str(result.outcome),
        plain or f"{sign} {','.join(map(str, of[:4]))}{'+' if len(of) > 4 else ''}".rstrip(),
        " ".join(places(row, conclusion.world)),
        str(result.severity),
        in_words(result) if result.outcome in FINDINGS else "",
        result.expected if finding else "",
        "" if result.outcome == BLOCKED and result.missing else result.observed,
        "" if waiver else result.reason,
        result.evidence if finding else tuple(_asked(each) for each in result.evidence),
        result.missing,
        tuple(Chip(f"cause {numbers[name]}, {name}", "", "", f"#cause-{numbers[name]}") for name in above),
        waiver,
    )


def _asked(evidence: str) -> str:
    """What was asked, without how."""
    return evidence.partition(" (")[0]


def chapters_of(conclusion: Conclusion, numbers: Mapping[Named, int]) -> list[tuple[str, list[Check]]]:
    """All rows, by chapter."""
    found: dict[str, list[Check]] = {}
    for row in conclusion.verdict.results:
        spec = conclusion.specs.get(row.name.check)
        chapter = spec.chapter if spec is not None and spec.chapter else "other"
        found.setdefault(chapter, []).append(check_of(row, conclusion, numbers))
    order = {chapter: place for place, chapter in enumerate(CHAPTERS)}
    return sorted(found.items(), key=lambda item: (order.get(item[0], len(order)), item[0]))


def told_of(
    cause: Cause, rows: Mapping[Named, Check], judged: Mapping[Named, Judged], conclusion: Conclusion, number: int
) -> CauseInFull:
    """A cause in full."""
    spec, entry = conclusion.specs.get(cause.name.check), conclusion.plan.entry(cause.name)
    own = judged[cause.name]
    facts = (
        quiet.looked_at(conclusion.world, *_split(cause.name))
        if number <= MOST_IN_FULL and _is_check(cause.name)
        else []
    )
    groups: dict[str, list[Check]] = {}
    for result in cause.consequences:
        groups.setdefault(result.check, []).append(rows[Named(result.check, result.subject)])
    return CauseInFull(
        number,
        rows[cause.name],
        where_of(cause, conclusion.world),
        tuple(tags_of(cause, conclusion)),
        spec.summary if spec is not None else "",
        spec.otherwise if spec is not None else "",
        spec.source if spec is not None else "",
        ", ".join(cause.finding.culprits),
        f"expired: {own.expired.told}" if own.expired is not None else "",
        tuple(_seen(facts, conclusion)),
        tuple((check, tuple(each)) for check, each in groups.items()),
        tuple(
            Typed(
                step.where, step.step.run, str(step.step.risk), step.step.risk in BY_HAND, step.step.why, step.step.undo,
                step.step.undo_note or ("" if step.step.undo else "nothing to undo"), ", ".join(step.step.proof),
            )
            for step in (entry.steps if entry is not None else ())
        ),
        entry.notes if entry is not None else (),
    )  # fmt: skip


def _split(name: Named) -> tuple[str, str]:
    return name.check, name.subject


def _is_check(name: Named) -> bool:
    return name.check in CHECKS


def _seen(facts: Iterable[Fact[object]], conclusion: Conclusion) -> Iterable[Seen]:
    told = {(fact.subject, fact.asked, fact.how): fact for fact in facts}
    for fact in told.values():
        on = where(place_asked(fact, conclusion), conclusion.world)
        yield Seen(fact.title, on, fact.how, said_by(fact), fact.at)


def zone_of(subject: str) -> str:
    """The zone of a zone's id: DC.ALIAS; empty for anything else."""
    return subject if subject.count(".") == 1 and place_of(subject) != subject else ""
