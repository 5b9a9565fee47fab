"""Draws odd, healthy regions, judges them, and writes into docs/accuracy.md which of their dimensions gave false alarms."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable

from tests.odd.drawing import SEED, drawn, findings, reduced
from tests.odd.registry import oddities, what
from tools.accuracy import PAGE, put

COUNT = 200
HEADING = "Healthy and odd"
HEAD = """## {heading}

`python -m tools.odd` draws {count} healthy regions that look unlike the lab's, always with the same seed ({seed}), and judges them without
servers. Each is one of the recorded healthy regions, made odd in three to eight dimensions. Nothing may be found in them. A finding is
traced back to the dimension, or the few, without which it is not there. `make test` judges {sample} of them, `make proofs` the rest.

| | regions |
|---|---|
| drawn | {count} |
| with a finding | {alarms} |

| dimension | drawn | false alarms |
|---|---|---|
"""


def section(count: int, done: Counter[str], blamed: Counter[str], alarms: int) -> str:
    """The table of all dimensions."""
    lines = [HEAD.format(heading=HEADING, count=count, seed=SEED, sample=40, alarms=alarms)]
    for name, change in sorted(oddities().items()):
        lines.append(f"| `{name}`: {what(change)} | {done[name]} | {blamed[name]} |\n")
    return "".join(lines)


def measured(count: int) -> tuple[Counter[str], Counter[str], int]:
    """How often each dimension was drawn, how often it was to blame, and how many regions had a finding."""
    done, blamed, alarms = Counter[str](), Counter[str](), 0
    for region in drawn(count):
        evidence, names = region.evidence()
        done.update(names)
        found = findings(evidence)
        if found:
            alarms += 1
            blamed.update(_told(reduced(region), found))
    return done, blamed, alarms


def _told(names: Iterable[str], found: list[str]) -> tuple[str, ...]:
    sys.stdout.write(f"{', '.join(names)}: {'; '.join(found)}\n")
    return tuple(names)


def main() -> int:
    done, blamed, alarms = measured(COUNT)
    put(PAGE, HEADING, section(COUNT, done, blamed, alarms))
    return min(alarms, 1)


if __name__ == "__main__":
    sys.exit(main())
