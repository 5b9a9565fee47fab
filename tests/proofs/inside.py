"""Runs inside a lab and proves one case: the cause is named, its remedy is typed as printed, and all is well again."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.login import in_login
from tests.proofs import consequences
from tests.proofs.cases import CASES, Case

ROOT = Path(__file__).resolve().parents[2]
RUNS_UNTIL_WELL = 3
"""How often an operator looks again before he says that it is not healed."""


def run_suite(*options: str) -> dict[str, Any]:
    """Run the suite once, as an operator starts it; returns its findings.json."""
    command = [sys.executable, "-m", "pytest", f"--inventory={os.environ['AZ_INVENTORY']}", *options]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    where = next((line.split()[-1] for line in reversed(done.stdout.splitlines()) if "reports/runs/" in line), None)
    if where is None:
        raise SystemExit(f"the suite left no run (exit {done.returncode}):\n{done.stdout}\n{done.stderr}")
    folder = ROOT / where.rstrip(".")
    found: dict[str, Any] = json.loads((folder / "findings.json").read_bytes())
    found["folder"], found["exit"], found["output"] = folder, done.returncode, done.stdout
    return found


def causes(found: dict[str, Any]) -> list[str]:
    return sorted(f"{cause['check']}[{cause['subject']}]" for cause in found["causes"])


def lab(*words: str) -> None:
    """Ask the lab around us (`python -m lab settle` …)."""
    subprocess.run([sys.executable, "-m", "lab", *words], cwd=ROOT, check=True)


def type_into(where: str, command: str) -> None:
    """Paste a command into a head node's root shell over SSH, or on the operator's own machine, as an operator does."""
    datacenter = where.split(".")[0]
    shell = ["bash", "-c", command] if where == "operator" else ["ssh", datacenter, in_login(command)]
    done = subprocess.run(shell, check=False, capture_output=True, text=True)
    print(f"[{datacenter}]# {command}\n{done.stdout}{done.stderr}", flush=True)
    if done.returncode != 0:
        raise SystemExit(f"typed into {where}, exit {done.returncode}: {command}")


def prove(case: Case, record: Path | None) -> None:
    """One case from fault to health. Ends with a sentence if something does not hold."""
    sick = run_suite()
    if record is not None:
        shutil.copyfile(sick["folder"] / "evidence.json", record)
    if causes(sick) != list(case.causes):
        raise SystemExit(f"{case.name}: expected {list(case.causes)}, found {causes(sick)}\n{sick['output']}")
    follows = {(row["check"], row["subject"]) for cause in sick["causes"] for row in cause["consequences"]}
    if record is None and not case.chance and (odd := follows ^ set(consequences.read()[case.name])):
        raise SystemExit(f"{case.name}: more or less follows than was declared: {sorted(odd)}\n{sick['output']}")
    if sick["exit"] != 1:
        raise SystemExit(f"{case.name}: a run with a finding must exit 1, not {sick['exit']}")
    if case.mended:
        lab("heal", case.fault)
    else:
        type_steps(sick)
    lab("settle")
    well = run_suite()
    for _ in range(case.rounds - 1):
        type_steps(well)
        lab("settle")
        well = run_suite()
    for _ in range(RUNS_UNTIL_WELL):
        if well["exit"] == 0:
            break
        well = run_suite()  # as the remedies say: some services need a moment (haproxy wants two good checks)
    if well["exit"] != 0 or causes(well):
        raise SystemExit(f"{case.name}: not healed, still {causes(well)}\n{well['output']}")


def type_steps(found: dict[str, Any]) -> None:
    """Type every step of the plan as printed, each once."""
    steps = [(step["on"], step["run"]) for cause in found["causes"] for step in cause["steps"]]
    typed = [(where, command) for where, command in dict.fromkeys(steps) if command]
    if not typed:
        raise SystemExit(f"no cause comes with a command: {causes(found)}\n{found['output']}")
    for where, command in typed:
        type_into(where, command)


def fixed_fingerprint_key() -> None:
    """Make the same passwords have the same fingerprints in every recording."""
    key = Path.home() / "fingerprint.key"
    key.write_text("00" * 32, encoding="ascii")
    key.chmod(0o600)
    os.environ["AZ_FINGERPRINT_KEY_FILE"] = str(key)


def main() -> int:
    name = sys.argv[1]
    record = Path(sys.argv[2]) if len(sys.argv) > 2 else None
    if record is not None:
        fixed_fingerprint_key()
    if name == "judge":
        shutil.copyfile(run_suite()["folder"] / "findings.json", sys.argv[2])
        return 0
    if name.startswith("healthy"):
        found = run_suite()
        if record is not None:
            shutil.copyfile(found["folder"] / "evidence.json", record)
        if found["exit"] != 0:
            raise SystemExit(f"a healthy lab must have no finding, found {causes(found)}\n{found['output']}")
        return 0
    prove(next(case for case in CASES if case.name == name), record)
    return 0


if __name__ == "__main__":
    shutil.which("ssh") or sys.exit("these proofs type into head nodes over ssh: install openssh-client")
    sys.exit(main())
