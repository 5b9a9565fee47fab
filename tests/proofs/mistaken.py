"""Runs inside a lab: makes one drawn mistake after the other, judges, types the printed steps, and judges again.

`python -m tests.proofs.mistaken FOLDER NAME…` writes a row a mistake into FOLDER, and ends with the first that is not healed: nobody
knows in which state the lab is then.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.login import in_login
from tests.proofs.inside import RUNS_UNTIL_WELL, causes, lab, run_suite
from tests.proofs.mistakes import Mistake, drawn

RIGHT, POOR, WRONG, INVENTED, MISSED = "right", "poor", "wrong", "invented", "missed"


def judged(mistake: Mistake, found: dict[str, Any]) -> str:
    """How the suite named it: all that must be said is said of one cause, and there is no other."""
    told = [_told(cause, found) for cause in found["causes"]]
    if not told:
        return MISSED
    right = [text for text in told if all(re.search(each, text) for each in mistake.says)]
    if right:
        return RIGHT if len(told) == mistake.causes else INVENTED
    place = mistake.commands[0][0]
    return POOR if len(told) == 1 and place in told[0] else WRONG


def _told(cause: dict[str, Any], found: dict[str, Any]) -> str:
    row = next(
        each for each in found["results"] if (each["check"], each["subject"]) == (cause["check"], cause["subject"])
    )
    steps = [f"{step['on']} {step['run']} {step['why']}" for step in cause["steps"]]
    return "\n".join([cause["check"], cause["subject"], row["expected"], row["observed"], *cause["notes"], *steps])


def typed(where: str, command: str) -> str:
    """Types a command, and says how it ended if that was badly."""
    datacenter = where.split(".")[0]
    shell = ["bash", "-c", command] if where == "operator" else ["ssh", datacenter, in_login(command)]
    try:
        done = subprocess.run(shell, check=False, capture_output=True, text=True, timeout=120)
    except subprocess.TimeoutExpired:
        return f"{where}: no end within 120 s: {command}"
    return (
        f"{where}: exit {done.returncode}: {command}: {(done.stdout + done.stderr)[-200:]}" if done.returncode else ""
    )


def tried(mistake: Mistake) -> dict[str, Any]:
    """One mistake, from making it to health; what became of it."""
    said = [why for where, command in mistake.commands if (why := typed(where, command))]
    lab("settle")
    sick = run_suite()
    row: dict[str, Any] = {
        "name": mistake.name,
        "verdict": judged(mistake, sick),
        "causes": causes(sick),
        "typed": said,
    }
    steps = [(step["on"], step["run"]) for cause in sick["causes"] for step in cause["steps"]]
    row["typed"] += [why for where, command in dict.fromkeys(steps) if command and (why := typed(where, command))]
    lab("settle")
    well = run_suite()
    for _ in range(RUNS_UNTIL_WELL):
        if well["exit"] == 0:
            break
        well = run_suite()
    return row | {"left": causes(well), "healed": well["exit"] == 0 and bool(steps), "by_hand": mistake.by_hand}


def row_of(name: str, folder: Path) -> Path:
    """Where what became of a mistake is kept: rows are in the order in which they were drawn."""
    return folder / f"{[mistake.name for mistake in drawn()].index(name):03}.json"


def main() -> int:
    folder, wanted = Path(sys.argv[1]), sys.argv[2:]
    mistakes = {mistake.name: mistake for mistake in drawn()}
    for name in wanted:
        row = tried(mistakes[name])
        print(json.dumps(row), flush=True)
        row_of(name, folder).write_text(json.dumps(row), encoding="utf-8")
        if not row["healed"]:
            return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
