"""The verdict on every recorded evidence stays the same: causes, steps and notes in words, everything else as a digest.

A change to how the suite is built changes none of these files. If a change alters what it says, `AZ_GOLDEN=write` writes them anew, and
their diff must be read.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from evidence.subjects.claims import judged
from evidence.subjects.spec import FAILED, PASSED
from fixtures.check import CHECKS
from fixtures.quiet import results
from reports.conclude import conclude
from reports.findings import CauseRow, Findings, Row, findings_of
from tests.judging import check_functions
from tests.recording import RECORDED, recorded

GOLDEN = Path(__file__).with_name("verdicts")
OF_THE_RUN = ("suite", "started", "finished")
"""What is no verdict: who judged, and when it was seen."""
NAMES = sorted(path.stem for path in RECORDED.glob("*.json"))


def told(name: str) -> str:
    """The findings of one recorded evidence."""
    check_functions()
    evidence = recorded(name)
    world = judged(evidence.inventory, evidence)
    found = findings_of(conclude(results(world), CHECKS, world), "RUN")
    rows = {(row.check, row.subject): row for row in found.results}
    blocks = [*(_block(cause, rows) for cause in found.causes), "\n".join(_rest(found))]
    return "\n".join(blocks) + "\n"


def _block(cause: CauseRow, rows: dict[tuple[str, str], Row]) -> str:
    row = rows[cause.check, cause.subject]
    lines = [
        f"{row.severity} {row.outcome}: {cause.check}[{cause.subject}]",
        f"  expected {row.expected!r}",
        f"  observed {row.observed!r}",
        f"  culprits {', '.join(row.culprits)}",
    ]
    for number, step in enumerate(cause.steps, 1):
        lines += [f"  step {number} on {step.on}, {step.risk}", *(f"    | {line}" for line in step.run.splitlines())]
        lines += [f"    why {step.why!r}", *(f"    undo | {line}" for line in step.undo.splitlines())]
        lines += [f"    undo note {step.undo_note!r}"] if step.undo_note else []
        lines.append(f"    proof {', '.join(step.proof)}{'' if step.applied_by_suite else ', by hand'}")
    lines += [f"  note {note!r}" for note in cause.notes]
    return "\n".join(lines) + "\n"


def _rest(found: Findings) -> Iterator[str]:
    """The consequences, one per line; the number of rows per outcome; and a digest of all, so that no change goes unseen."""
    causes = {(cause.check, cause.subject) for cause in found.causes}
    for row in found.results:
        if row.outcome not in (PASSED, "not_applicable") and (row.check, row.subject) not in causes:
            how = f"{row.expected!r} / {row.observed!r}" if row.outcome == FAILED else repr(row.observed)
            yield f"{row.outcome}: {row.check}[{row.subject}] {how}"
    yield f"counts {', '.join(f'{outcome} {count}' for outcome, count in found.counts.items())}"
    whole = {key: value for key, value in msgspec.to_builtins(found).items() if key not in OF_THE_RUN}
    yield f"whole {hashlib.sha256(msgspec.json.encode(whole)).hexdigest()[:16]}"


@pytest.mark.parametrize("name", NAMES)
def test_what_is_said_is_what_was_said(name: str) -> None:
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("AZ_GOLDEN") == "write":
        GOLDEN.mkdir(exist_ok=True)
        path.write_text(told(name), encoding="utf-8")
    assert told(name) == path.read_text(encoding="utf-8")


def test_no_file_is_left_of_what_is_no_longer_recorded() -> None:
    if os.environ.get("AZ_GOLDEN") == "write":
        for path in GOLDEN.glob("*.txt"):
            if path.stem not in NAMES:
                path.unlink()
    assert sorted(path.stem for path in GOLDEN.glob("*.txt")) == NAMES
