"""Draws odd, healthy regions with a seed, judges them, and finds the dimension that a finding is due to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from evidence.model import Evidence
from evidence.subjects.spec import Outcome
from tests.judging import verdict_on
from tests.odd.draft import Draft
from tests.odd.registry import oddities

BASES = (
    "healthy", "healthy-manta", "healthy-datacenters-2", "healthy-datacenters-2-servers-2", "healthy-instances-binder-2-cloudapi-2",
    "healthy-candidate-my-dc-3", "healthy-uncoupled", "healthy-uncoupled-datacenters-2",
)  # fmt: skip
"""The recorded regions that odd ones are made from."""
SEED = 13
QUIET = (Outcome.PASSED, Outcome.NOT_APPLICABLE)


@dataclass(frozen=True)
class Drawn:
    """An odd region: what it was made from, by which seed, and in which dimensions it is odd."""

    base: str
    seed: int
    names: tuple[str, ...]

    def evidence(self, names: Sequence[str] | None = None) -> tuple[Evidence, tuple[str, ...]]:
        """Its evidence, odd in all its dimensions or in some of them, and those that could be drawn."""
        draft, known = Draft(self.base, Random(self.seed)), oddities()
        done = []
        for name in known:
            if name in (self.names if names is None else names):
                draft.random = Random(f"{self.seed} {name}")  # so that each does the same, alone or with others
                if known[name](draft):
                    done.append(name)
        return draft.evidence(), tuple(done)


def drawn(count: int, seed: int = SEED) -> list[Drawn]:
    """Regions that are odd in three to eight dimensions each."""
    random, found = Random(seed), []
    for number in range(count):
        names = random.sample(sorted(oddities()), random.randint(3, 8))
        found.append(Drawn(random.choice(BASES), seed * 1000 + number, tuple(names)))
    return found


def findings(evidence: Evidence) -> list[str]:
    """What is said of a region, apart from what passes: its causes with what was observed, or any other outcome."""
    verdict = verdict_on(evidence)
    told = [f"{cause.name}: {cause.finding.observed}" for cause in verdict.causes]
    return told or [f"{row.name}: {row.result.outcome}" for row in verdict.results if row.result.outcome not in QUIET]


def reduced(region: Drawn) -> tuple[str, ...]:
    """The fewest of a region's dimensions that still give a finding: usually one."""
    names = list(region.names)
    for name in region.names:
        rest = [each for each in names if each != name]
        if findings(region.evidence(rest)[0]):
            names = rest
    return tuple(names)
