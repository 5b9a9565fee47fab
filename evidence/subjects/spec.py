"""The spec of a check: its id, stage, severity and subject, and which findings explain its own."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final, Literal

from msgspec import Struct

from evidence.subjects.triton import Role


class Stage(StrEnum):
    """When a check is judged: of candidates, of master and replicas, or of all of them.  Source: contract "Stages"."""

    PREFLIGHT = "preflight"
    POSTCHANGE = "postchange"
    BOTH = "both"


class Severity(StrEnum):
    """How grave a finding is, the gravest first: `rank` is the order of causes."""

    CRITICAL = "critical"
    WARNING = "warning"

    @property
    def rank(self) -> int:
        return list(Severity).index(self)


class Outcome(StrEnum):
    """The outcome of a check on a subject.  Source: contract "Outcomes"."""

    PASSED = "passed"
    FAILED = "failed"
    BLOCKED = "blocked"
    WAIVED = "waived"
    NOT_APPLICABLE = "not_applicable"
    BROKEN = "broken"
    """The suite itself broke, so nothing is known. This is not a finding about the region, and never a cause."""


PREFLIGHT, POSTCHANGE, BOTH = Stage.PREFLIGHT, Stage.POSTCHANGE, Stage.BOTH
CRITICAL, WARNING = Severity.CRITICAL, Severity.WARNING
PASSED, FAILED, BLOCKED, WAIVED = Outcome.PASSED, Outcome.FAILED, Outcome.BLOCKED, Outcome.WAIVED
NOT_APPLICABLE, BROKEN = Outcome.NOT_APPLICABLE, Outcome.BROKEN
FINDINGS = frozenset({FAILED, BLOCKED})
"""The outcomes that are findings: the check does not hold, or its evidence is missing."""

TARGET: Final = "target"
"""The place that a link leads to."""
AT_MASTER: Final = "master"
"""The master's datacenter, and the zones in it."""


class Kind(StrEnum):
    """What a finding saw, where that decides which causes can explain it."""

    DISABLED = "disabled"
    """A service that somebody disabled. SMF never does that by itself, so only another one that was disabled explains it."""
    MAINTENANCE = "maintenance"
    OWN = "own"
    """Something that was made where it was found. What does not arrive there does not explain it."""


class After(Struct, frozen=True):
    """A check whose findings explain another check's findings: on an overlapping subject, unless `at` says otherwise.

    `at`: "target" is a link's target, "master" the master (what it lacks, its replicas lack too), a role the zones of that role in the
    same datacenter (its services depend on each other).
    `only`: it explains only zones of that role. `when`: it explains only findings of this kind, `unless`: only those of others.
    `unseen`: it explains only what could not be seen; what was seen to be wrong is the first link of a chain (a value in SAPI, before
    the service that holds it).
    """

    check: str
    at: Role | Literal["target", "master"] | None = None
    only: Role | None = None
    when: Kind | None = None
    unless: Kind | None = None
    unseen: bool = False

    def __str__(self) -> str:
        """As docs/checks.md writes it: id, id@PLACE, id/ROLE, id when KIND, id unless KIND, id when unseen."""
        place = (f"@{self.at}" if self.at else "") + (f"/{self.only}" if self.only else "")
        when = self.when or ("unseen" if self.unseen else "")
        return (
            self.check + place + (f" when {when}" if when else "") + (f" unless {self.unless}" if self.unless else "")
        )

    def applies(self, to: Kind | None, cause: Kind | None) -> bool:
        """Whether a finding of the kind `cause` can explain one of the kind `to` (None: of no special kind)."""
        if to is Kind.DISABLED and cause is not Kind.DISABLED:
            return False
        return (self.when is None or to is self.when) and (self.unless is None or to is not self.unless)


class Spec(Struct, frozen=True):
    """One row of the catalogue.

    `subject` is the name of the check's first parameter. `after` holds the checks that explain this one; a check that `sums_up` is also
    explained by every other check of the same zone, or of a link from it. `answers`: the check says whether a service answers at all.
    It does not explain what is wrong with data that the service told. `chapter` is the module of the check. `summary`, `otherwise` and
    `source` are its docstring: what holds, what breaks if it does not, and from where that is known.
    """

    id: str
    stage: Stage
    severity: Severity
    subject: str
    after: tuple[After, ...] = ()
    summary: str = ""
    answers: bool = False
    chapter: str = ""
    sums_up: bool = False
    otherwise: str = ""
    source: str = ""


def place_of(subject: str) -> str:
    """The datacenter, region or coupling of a subject's id; a link belongs to its source. A name may have two dashes itself."""
    return subject.partition(".")[0]


def is_link(subject: str) -> bool:
    """Whether a subject's id is a link's: contract "Subjects"."""
    return re.fullmatch(r"[^.]+\.[^.]+--[^.]+\.[^.]+\.[0-9]+", subject) is not None


def page_of(check: str) -> str:
    """The place in the docs that explains a check."""
    return f"docs/checks.md#{check}"


class Result(Struct, frozen=True, forbid_unknown_fields=True):
    """What one test reports: a check, its subject, the outcome, and the evidence for it.

    `culprits` names the datacenters to which a finding on a coupling or region points; `evidence` and `missing` are
    sentences; `lacks` names the subject whose evidence is missing (often another one, as the master); `reason` tells why
    a check is not applicable; `kind` what a finding saw, where its causes depend on that; `covers` subjects whose findings come
    of this one if nothing else explains them.
    """

    check: str
    subject: str
    severity: Severity
    outcome: Outcome
    expected: str = ""
    observed: str = ""
    evidence: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    lacks: str = ""
    culprits: tuple[str, ...] = ()
    reason: str = ""
    kind: Kind | None = None
    covers: tuple[str, ...] = ()
