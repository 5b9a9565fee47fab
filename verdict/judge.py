"""From results to a verdict: findings, what blocks what, and the causes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from msgspec import Struct

from evidence.spec import BLOCKED, FINDINGS, Result, Spec
from evidence.subjects import World
from verdict.graph import explanations, subjects_by_id


class Named(Struct, frozen=True, order=True):
    """A check at a subject."""

    check: str
    subject: str

    def __str__(self) -> str:
        return f"{self.check}[{self.subject}]"


class Judged(Struct, frozen=True):
    """A result, and the causes that explain it (empty for a cause itself, and for what is no finding)."""

    result: Result
    causes: tuple[Named, ...] = ()

    @property
    def name(self) -> Named:
        return Named(self.result.check, self.result.subject)

    @property
    def blocked_by(self) -> tuple[Named, ...]:
        return self.causes if self.result.outcome == BLOCKED else ()


class Cause(Struct, frozen=True):
    """A finding that no other finding explains, with those that it explains."""

    finding: Result
    consequences: tuple[Result, ...] = ()

    @property
    def name(self) -> Named:
        return Named(self.finding.check, self.finding.subject)


class Verdict(Struct, frozen=True):
    """What one run concludes.  `results` and `causes` are sorted, so that the same evidence gives the same verdict."""

    results: tuple[Judged, ...]
    causes: tuple[Cause, ...]
    counts: dict[str, int]


def judge(results: Iterable[Result], specs: Mapping[str, Spec], world: World) -> Verdict:
    """Order the results, and tell causes from consequences.  A blocked check that nothing explains is a cause itself."""
    ordered = sorted(results, key=lambda result: (result.check, result.subject))
    findings = [result for result in ordered if result.outcome in FINDINGS]
    known = subjects_by_id(world, specs.values())
    direct = {_name(finding): explanations(finding, findings, specs, known) for finding in findings}
    roots: dict[Named, frozenset[Named]] = {}

    def roots_of(name: Named) -> frozenset[Named]:
        if name not in roots:
            above = direct[name]
            roots[name] = frozenset().union(*(roots_of(_name(f)) for f in above)) if above else frozenset({name})
        return roots[name]

    judged = tuple(
        Judged(result, tuple(sorted(roots_of(_name(result)) - {_name(result)})))
        if result.outcome in FINDINGS
        else Judged(result)
        for result in ordered
    )
    causes = tuple(
        Cause(
            finding,
            tuple(f for f in findings if f is not finding and _name(finding) in roots_of(_name(f))),
        )
        for finding in sorted(findings, key=lambda f: (f.severity, f.outcome != "failed", f.check, f.subject))
        if not direct[_name(finding)]
    )
    return Verdict(judged, causes, dict(sorted(Counter(result.outcome for result in ordered).items())))


def _name(result: Result) -> Named:
    return Named(result.check, result.subject)
