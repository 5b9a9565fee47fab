"""`make accuracy`: what was found of faults planted several at once, of mistakes that no list names, and in odd labs; docs/accuracy.md.

`python -m tools.accuracy FOLDER` makes the mistakes alone, keeps their rows in FOLDER, and goes on where it was stopped.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any, Final

from tests.proofs.mistaken import INVENTED, MISSED, POOR, RIGHT, WRONG
from tests.proofs.mistakes import COUNT
from tests.proofs.oddities import ODDITIES
from tests.proofs.test_mistakes import fell_short

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs/accuracy.md"
HEAD = """# How accurate the causes are

`make accuracy` plants two or three faults at once in a lab of three datacenters, runs the suite once, and compares the causes that it
names with those that were planted. Then `az-checks apply` puts all of it right; what no step can mend is taken away by hand before. It does
so {count} times. The faults are drawn at random, always with the same seed.

| | |
|---|---|
| causes planted | {planted} |
| named as a cause | {named} |
| hidden behind another planted cause (nobody sees into a dark head node) | {hidden} |
| missed | {missed} |
| named, but not planted | {extra} |
| labs that were put right | {healed} of {count} |

| planted faults | named | hidden | missed | not planted | put right | rounds, of stages |
|---|---|---|---|---|---|---|
"""
MISTAKES = "Mistakes that no list names"
MISTAKEN = """## {heading}

{made} of {count} mistakes that are drawn over the model, always with the same seed: any setting at any level, absent, another
datacenter's, with a typo, a blank, in capitals, of another type; any route of NAPI, absent or wrong; any replicated entry, gone, changed
or added. Each is made in a living lab, judged, and the printed steps are typed. `right` says the key or entry and the datacenter in one
cause, and there is no other; `poor` says the place alone; `invented` has a second cause.

| | mistakes |
|---|---|
{sums}| healed by what is printed | {healed} |

| not right, or not healed | how | causes that were named | left after the steps |
|---|---|---|---|
"""
ODD = "Odd, in a living lab"
ODDLY = """## {heading}

{made} healthy labs, in each of which four to seven oddities are typed, as an operator could: always the same ones. Then the suite judges.
Nothing may be found.

| | labs |
|---|---|
| made | {made} |
| with a finding | {alarms} |

| oddity | labs | with a finding |
|---|---|---|
"""


def document(rows: list[dict[str, Any]]) -> str:
    """The table of all runs."""
    sums = {key: sum(len(row[key]) for row in rows) for key in ("named", "hidden", "missed", "extra")}
    planted = sums["named"] + sums["hidden"] + sums["missed"]
    healed = sum(row["healed"] for row in rows)
    lines = [HEAD.format(count=len(rows), planted=planted, healed=healed, **sums)]
    for row in sorted(rows, key=lambda each: str(each["planted"])):
        cells = ["<br>".join(f"`{fault}`" for fault in row["planted"].split("+"))]
        cells += [str(len(row["named"])), str(len(row["hidden"])), _names(row["missed"]), _names(row["extra"])]
        cells += ["yes" if row["healed"] else f"no: {_names(row['left'])}", f"{row['rounds']} of {row['stages']}"]
        lines.append(f"| {' | '.join(cells)} |\n")
    return "".join(lines)


def mistaken(rows: list[dict[str, Any]]) -> str:
    """The table of the drawn mistakes: what became of all, and each that fell short."""
    verdicts = Counter(row["verdict"] for row in rows)
    sums = "".join(f"| {verdict} | {verdicts[verdict]} |\n" for verdict in (RIGHT, POOR, WRONG, INVENTED, MISSED))
    healed = sum(row["healed"] for row in rows)
    lines = [MISTAKEN.format(heading=MISTAKES, made=len(rows), count=COUNT, sums=sums, healed=healed)]
    for row in rows:
        if fell_short(row):
            lines.append(f"| {row['name']} | {row['verdict']} | {_names(row['causes'])} | {_names(row['left'])} |\n")
    return "".join(lines)


def oddly(rows: list[dict[str, Any]]) -> str:
    """The table of the odd labs."""
    alarms = [row for row in rows if row["causes"] or row["exit"]]
    made, alarming = (Counter(name for row in each for name in row["names"]) for each in (rows, alarms))
    lines = [ODDLY.format(heading=ODD, made=len(rows), alarms=len(alarms))]
    for name, making in sorted(ODDITIES.items()):
        lines.append(f"| `{name}`: {(making.__doc__ or '').strip()} | {made[name]} | {alarming[name]} |\n")
    return "".join(lines)


def _names(names: list[str]) -> str:
    return "<br>".join(f"`{name}`" for name in names) or "–"


def put(page: Path, heading: str, text: str) -> None:
    """Write one section of the page anew, and leave the others: "" is what stands before the first `## `."""
    before, *others = re.split(r"(?m)^(?=## )", page.read_text(encoding="utf-8"))
    sections = {"": before} | {each.partition("\n")[0].removeprefix("## "): each for each in others}
    sections[heading] = text
    page.write_text("\n\n".join(each.rstrip("\n") for each in sections.values()) + "\n", encoding="utf-8")


TABLES: Final = (
    ("test_accuracy.py", "AZ_ACCURACY", "", document),
    ("test_mistakes.py", "AZ_MISTAKES", MISTAKES, mistaken),
    ("test_odd.py", "AZ_ODD", ODD, oddly),
)


def main() -> int:
    if len(sys.argv) > 1:
        rows, ended = ran("test_mistakes.py", "AZ_MISTAKES", Path(sys.argv[1]))
        put(PAGE, MISTAKES, mistaken(rows))
        return ended
    endings = []
    for module, variable, heading, told in TABLES:
        with tempfile.TemporaryDirectory() as folder:
            rows, ended = ran(module, variable, Path(folder))
            put(PAGE, heading, told(rows))
            endings.append(ended)
    return max(endings)


def ran(module: str, variable: str, folder: Path) -> tuple[list[dict[str, Any]], int]:
    """Run a module of tests, two labs at a time; the rows that it left in `folder`, and how it ended."""
    tests = ["-c", "tests/pytest.ini", f"tests/proofs/{module}", "-n", "2", "-m", "accuracy"]
    folder.mkdir(parents=True, exist_ok=True)
    environment = os.environ | {variable: str(folder)}
    done = subprocess.run([sys.executable, "-m", "pytest", *tests], cwd=ROOT, env=environment, check=False)
    return [json.loads(path.read_bytes()) for path in sorted(folder.iterdir())], done.returncode


if __name__ == "__main__":
    sys.exit(main())
