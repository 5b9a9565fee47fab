"""Runs inside a lab: several faults are judged, and az-checks apply puts them right; FOLDER gets findings.json and healed.json.

`python -m tests.proofs.together FOLDER [FAULT…]`. The named faults are none that a step can mend (a dark head node): they are taken away
by hand, as an operator does, before the plan is made anew.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any, ClassVar

from apply import command
from remediate.stages import stages_of
from reports.command import plan_of
from tests.proofs.applied import Human, apply
from tests.proofs.inside import RUNS_UNTIL_WELL, causes, lab, run_suite


class Counting(Human):
    """Counts the stages that were begun, each of which ends with a judgement, and knows what they put right."""

    begun = 0
    fixed: ClassVar[set[str]] = set()

    def say(self, text: str) -> None:
        if re.match(r"Stage \d+: ", text):
            type(self).begun += 1
        if text.startswith("  fixed: "):
            type(self).fixed.add(text.removeprefix("  fixed: "))
        super().say(text)


def applied(run: Path) -> int:
    """Apply the plan of a run; the exit code."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(run, Path(folder) / run.name)
        return apply(Path(folder), run.name)


def allow() -> None:
    """Let the inventory allow apply."""
    inventory = Path(os.environ["AZ_INVENTORY"])
    text = inventory.read_text()
    if not text.startswith("apply: true\n"):
        inventory.write_text(f"apply: true\n{text}")


def followed(found: dict[str, Any]) -> set[str]:
    """What followed from a cause. Once that is gone, some of it has a remedy of its own: files that may be put away only then."""
    rows = [row for cause in found["causes"] for row in cause["consequences"]]
    return {f"{row['check']}[{row['subject']}]" for row in rows} - set(causes(found))


def main() -> int:
    folder, mended = Path(sys.argv[1]), sys.argv[2:]
    command.Operator = Counting  # type: ignore[misc]
    allow()
    sick = run_suite()
    shutil.copyfile(sick["folder"] / "findings.json", folder / "findings.json")
    for fault in reversed(mended):  # each puts back the inventory that it found
        lab("heal", fault)
    if mended:
        allow()  # an inventory that was put right is another file
        lab("settle")
        sick = run_suite()
    stages = len(stages_of(plan_of(sick["folder"])))
    code = applied(sick["folder"]) if sick["causes"] else 0
    lab("settle")
    well = run_suite()
    for _ in range(RUNS_UNTIL_WELL):
        if well["exit"] == 0:
            break
        well = run_suite()
    row = {
        "healed": code == 0 and well["exit"] == 0,
        "rounds": Counting.begun,
        "stages": stages,
        "later": sorted(Counting.fixed & followed(sick)),
        "code": code,
        "left": causes(well),
    }
    (folder / "healed.json").write_text(json.dumps(row), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
