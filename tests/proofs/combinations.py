"""Several faults at once: which are planted together, and how well the suite tells them apart."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.proofs.cases import CASES, Case

SEED = 20261124
COUNT = 50


@dataclass(frozen=True)
class Combination:
    """Faults that are planted in one lab."""

    cases: tuple[Case, ...]

    @property
    def name(self) -> str:
        return "+".join(case.fault for case in self.cases)

    @property
    def lab(self) -> tuple[str, ...]:
        return self.cases[0].lab

    @property
    def planted(self) -> tuple[str, ...]:
        """The causes of all its faults."""
        return tuple(sorted({cause for case in self.cases for cause in case.causes}))


def combinations() -> tuple[Combination, ...]:
    """COUNT pairs and triples, drawn at random but always the same. No two faults are at one place, where one could undo the other."""
    return tuple(_draw(random.Random(SEED)))


def _draw(chance: random.Random) -> Iterator[Combination]:
    seen: set[str] = set()
    while len(seen) < COUNT:
        first = chance.choice(CASES)
        others = [case for case in CASES if case.lab == first.lab]
        count = chance.choice((2, 3))
        if len(others) < count:
            continue
        drawn = tuple(sorted(chance.sample(others, count), key=_when))
        places = {case.fault.partition("@")[2] for case in drawn}
        found = Combination(drawn)
        if len(places) == count and found.name not in seen and not _out_of_sight(drawn):
            seen.add(found.name)
            yield found


def _out_of_sight(drawn: tuple[Case, ...]) -> bool:
    """Whether one of the faults is in a datacenter that another fault removes from the inventory, or from where Manta is expected."""
    gone = {
        case.fault.partition("@")[2]
        for case in drawn
        if case.fault.startswith(("datacenter-undeclared@", "manta-in-two@"))
    }
    return any(
        case.fault.partition("@")[2].partition(".")[0] in gone
        for case in drawn
        if case.fault.partition("@")[2] not in gone
    )


def _when(case: Case) -> tuple[bool, str]:
    """The order of planting. Edits by hand come last, because they last only until something is rendered anew."""
    return case.fault.startswith("file-edited"), case.fault


@dataclass(frozen=True)
class Score:
    """What became of the planted causes: named as causes, `hidden` (findings under another planted cause), or missed.

    `extra` are causes that nobody planted.
    """

    named: tuple[str, ...]
    hidden: tuple[str, ...]
    missed: tuple[str, ...]
    extra: tuple[str, ...]


def score(combination: Combination, findings: Mapping[str, Any]) -> Score:
    """Compare findings.json of the run with the planted faults."""
    causes = {_name(cause) for cause in findings["causes"]}
    outcomes = {_name(row): row["outcome"] for row in findings["results"]}
    planted = set(combination.planted)
    consequences = {_name(row) for cause in findings["causes"] for row in cause["consequences"]}
    hidden = {name for name in planted - causes if name in consequences and outcomes.get(name) in ("failed", "blocked")}
    return Score(
        named=tuple(sorted(planted & causes)),
        hidden=tuple(sorted(hidden)),
        missed=tuple(sorted(planted - causes - hidden)),
        extra=tuple(sorted(causes - planted)),
    )


def _name(row: Mapping[str, Any]) -> str:
    return f"{row['check']}[{row['subject']}]"
