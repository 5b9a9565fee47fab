"""`make demo`: checks a lab that has the seed's mistakes in it, as an operator would. Exits 0 if exactly these were found."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PLANTED = {
    "route-missing@my-dc-3.cloudapi0": "cloudapi-reaches-master-ufds[my-dc-3.cloudapi0--my-dc-2.ufds.636]",
    "master-moray-missing@my-dc-1": "sapi-points-at-master-moray[my-dc-1]",
    "second-poseidon@my-dc-3": "one-poseidon[coupling]",
    "region-name@my-dc-1": "region-name-agrees[my-dc-1]",
}
"""The seed's mistakes (as faults of the lab), each with the cause that must be found."""


def main() -> int:
    """Start the lab with the mistakes, and check it from the operator's place."""
    if os.environ.get("AZ_LAB_SOCKET"):
        return check()
    faults = [f"--fault={fault}" for fault in PLANTED]
    say(f"A lab of three datacenters starts, with {len(PLANTED)} mistakes of a real operator in it:")
    for fault in PLANTED:
        say(f"  {fault}")
    command = [sys.executable, "-m", "lab", *faults, "--", sys.executable, "-m", "tools.demo"]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


def check() -> int:
    """Run the suite inside the lab, and compare the causes that it names with what was planted."""
    say("\n$ pytest --inventory region.yaml")
    folder = run_suite()
    found = json.loads((folder / "findings.json").read_bytes())
    causes = {f"{cause['check']}[{cause['subject']}]" for cause in found["causes"]}
    missed, extra = sorted(set(PLANTED.values()) - causes), sorted(causes - set(PLANTED.values()))
    for name in missed:
        say(f"demo: planted and NOT found: {name}")
    for name in extra:
        say(f"demo: found and NOT planted: {name}")
    if missed or extra:
        return 1
    say(f"demo: all {len(causes)} planted mistakes were found as causes, and nothing else.")
    say(f"demo: the page of this run: {folder / 'report.html'}")
    return 0


def run_suite() -> Path:
    """Run the suite as an operator would, show what it says, and return the folder that it names."""
    size = os.environ | {"COLUMNS": str(shutil.get_terminal_size().columns)}
    colour = "yes" if sys.stdout.isatty() else "no"
    command = [sys.executable, "-m", "pytest", f"--inventory={os.environ['AZ_INVENTORY']}", f"--color={colour}"]
    folder = None
    with subprocess.Popen(command, cwd=ROOT, env=size, stdout=subprocess.PIPE, text=True) as suite:
        for line in suite.stdout or ():
            print(line, end="", flush=True)
            if "Run: " in line:
                folder = Path(line.partition("Run: ")[2].strip())
    if folder is None:
        raise SystemExit("demo: the suite left no run")
    return folder


def say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
