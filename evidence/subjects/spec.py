"""What is known of a check besides its judgement: id, stage, severity, subject, and which findings explain its own."""

from __future__ import annotations

from msgspec import Struct

CRITICAL, WARNING = "critical", "warning"
PASSED, FAILED, BLOCKED, WAIVED, NOT_APPLICABLE = "passed", "failed", "blocked", "waived", "not_applicable"
BROKEN = "broken"
"""The suite itself broke, so nothing is known: no finding about the region, and never a cause."""
FINDINGS = frozenset({FAILED, BLOCKED})
"""The outcomes that are findings: a check that does not hold, or whose evidence is missing."""


class Spec(Struct, frozen=True):
    """One row of the catalogue.

    `subject` is the name of the check's first parameter.  `after` holds ids of other checks on an overlapping subject; `id@target`
    means at a link's target, `id@ROLE` at the zones of that role in the same
    datacenter (its services depend on each other), `id/ROLE` only where the subject is a zone of that role.
    ALL_OF_THE_ZONE is every other row about the same zone or a link from it.  `answers`: the check says whether a
    service answers at all; what the data that it told are worth does not follow from that.  `chapter` is the module that it stands in.
    """

    id: str
    stage: str
    severity: str
    subject: str
    after: tuple[str, ...] = ()
    summary: str = ""
    answers: bool = False
    chapter: str = ""

    @staticmethod
    def check_of(after: str) -> str:
        """The id of the check that one entry of an `after` names."""
        return after.partition("@")[0].partition("/")[0]


ALL_OF_THE_ZONE = "*"
TARGET = "target"
"""The place `@target` of an `after`: where a link leads to."""


def page_of(check: str) -> str:
    """Where a check is explained."""
    return f"docs/checks.md#{check}"


class Result(Struct, frozen=True, forbid_unknown_fields=True):
    """What one test reports: a check, its subject, the outcome, and what it rests on.

    `culprits` names the datacenters to which a finding on a coupling or region points; `evidence` and `missing` are
    sentences; `lacks` names the subject whose evidence is missing (often another one, as the master); `reason` tells why
    a check is not applicable.
    """

    check: str
    subject: str
    severity: str
    outcome: str
    expected: str = ""
    observed: str = ""
    evidence: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    lacks: str = ""
    culprits: tuple[str, ...] = ()
    reason: str = ""
