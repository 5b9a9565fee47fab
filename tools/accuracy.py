"""`make accuracy`: plants several faults at once, many times, and writes which of them were found into docs/accuracy.md."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs/accuracy.md"
TESTS = ["-c", "tests/pytest.ini", "tests/proofs/test_accuracy.py", "-n", "2", "-m", "accuracy"]
HEAD = """# How accurate the causes are

`make accuracy` plants two or three faults at once in a lab of three datacenters, runs the suite once, and compares the causes that it
names with those that were planted. It does so {count} times. The faults are drawn at random, always with the same seed.

| | causes |
|---|---|
| planted | {planted} |
| named as a cause | {named} |
| hidden behind another planted cause (nobody sees into a dark head node) | {hidden} |
| missed | {missed} |
| named, but not planted | {extra} |

| planted faults | named | hidden | missed | not planted |
|---|---|---|---|---|
"""


def document(rows: list[dict[str, Any]]) -> str:
    """The table of all runs."""
    sums = {key: sum(len(row[key]) for row in rows) for key in ("named", "hidden", "missed", "extra")}
    planted = sums["named"] + sums["hidden"] + sums["missed"]
    lines = [HEAD.format(count=len(rows), planted=planted, **sums)]
    for row in sorted(rows, key=lambda each: str(each["planted"])):
        faults = "<br>".join(f"`{fault}`" for fault in row["planted"].split("+"))
        cells = [str(len(row["named"])), str(len(row["hidden"]))]
        cells += ["<br>".join(f"`{name}`" for name in row[key]) or "–" for key in ("missed", "extra")]
        lines.append(f"| {faults} | {' | '.join(cells)} |\n")
    return "".join(lines)


def put(page: Path, heading: str, text: str) -> None:
    """Write one section of the page anew, and leave the others: "" is what stands before the first `## `."""
    before, *others = re.split(r"(?m)^(?=## )", page.read_text(encoding="utf-8"))
    sections = {"": before} | {each.partition("\n")[0].removeprefix("## "): each for each in others}
    sections[heading] = text.rstrip("\n") + "\n\n"
    page.write_text("".join(sections.values()).rstrip("\n") + "\n", encoding="utf-8")


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {"AZ_ACCURACY": folder}
        done = subprocess.run([sys.executable, "-m", "pytest", *TESTS], cwd=ROOT, env=environment, check=False)
        rows = [json.loads(path.read_bytes()) for path in sorted(Path(folder).iterdir())]
    put(PAGE, "", document(rows))
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
