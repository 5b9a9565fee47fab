"""Runs inside a lab: a broken device is put before one thing after the other, and one run of the suite is looked at for each.

`python -m tests.proofs.matrix FILE [THING…]` adds a line of JSON for each cell to FILE, and leaves out those that are there; a THING is DC
or DC.ALIAS, or one cell of it, DC.ALIAS:WAY.  `--table FILE` prints what docs/trust.md shows.  A cell is right if the run ends in time,
with exit 1, and one cause that names the thing, in little memory.  What is slow may be in time, and Triton's own
clients verify no certificate, so only cloudapi's must not have expired: there nothing may be found.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests.proofs.inside import ROOT, causes, lab

REPLICA, MASTER = "my-dc-1", "my-dc-2"
ZONES = ("ufds0", "sapi0", "binder0", "cloudapi0", "adminui0", "napi0")
THINGS = tuple(thing for dc in (REPLICA, MASTER) for thing in (dc, *(f"{dc}.{alias}" for alias in (*ZONES, "moray0"))))
WAYS = ("reset", "drop", "hang", "stall", "cut", "garbage", "endless", "other-protocol", "expired", "slow", "drip")
IN_PLAIN = ("binder0", "sapi0", "napi0")
"""Without TLS there is no certificate that expires."""
BY_ITSELF = {
    "hang": "service-hangs",
    "cut": "service-cut",
    "garbage": "service-garbage",
    "endless": "service-endless",
    "slow": "service-slow",
}
"""moray, which in a lab is asked within the lab itself, so no device is in the way."""
HEAD_NODE = {
    "refuse": "headnode-refuses", "another key": "headnode-key", "no login": "headnode-denies", "sessions are cut": "headnode-cuts",
    "sessions hang": "headnode-freezes", "no tunnels": "headnode-forbids-forwarding", "no zone script": "zlogin-broken",
    "a command prints garbage": "headnode-sysinfo", "commands are slow": "headnode-slow",
}  # fmt: skip
"""What breaks behind the port of a head node: SSH's login, its commands, its tunnels, the script in zones."""
CONNECT, COMMAND, RUN = 3, 10, 60
TIMEOUTS = f"timeouts: {{connect: {CONNECT}s, command: {COMMAND}s, run: {RUN}s}}\n"
SLACK = 15.0
"""Seconds in which a run starts, judges and writes, on a machine that does other things, too."""
LARGEST = 256 << 10
"""kB."""


def cells(things: list[str]) -> list[tuple[str, str, str]]:
    """Thing, way and the fault that is planted."""
    found = []
    for thing in things or THINGS:
        alias = thing.partition(".")[2]
        if alias == "moray0":
            found += [(thing, way, f"{fault}@{thing}") for way, fault in BY_ITSELF.items()]
            continue
        ways = [way for way in WAYS if way != "expired" or (alias and alias not in IN_PLAIN)]
        found += [(thing, way, f"between-{way}@{thing}") for way in ways]
        found += [(thing, way, f"{fault}@{thing}") for way, fault in HEAD_NODE.items() if not alias]
    return found


def run(runs: Path) -> dict[str, Any]:
    """One run, kept there: how long it took, how much memory, its exit status and its causes."""
    command = [sys.executable, "-m", "pytest", f"--inventory={os.environ['AZ_INVENTORY']}", f"--runs={runs}"]
    before = {*runs.glob("2*")}
    begun = time.monotonic()
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        said = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.monotonic() - begun
    where = max({*runs.glob("2*")} - before, default=None)
    found = json.loads((where / "findings.json").read_bytes()) if where else {"causes": []}
    return {
        "seconds": round(seconds, 1),
        "kb": usage.ru_maxrss,
        "exit": process.returncode,
        "causes": causes(found),
        "traceback": bool(re.search(r"^Traceback", said, re.MULTILINE)),
        "run": str(where or ""),
    }


def faults_of(thing: str, way: str, seen: dict[str, Any]) -> list[str]:
    """What is wrong about a cell, in words."""
    wrong = []
    if seen["seconds"] > RUN + SLACK:
        wrong.append(f"took {seen['seconds']} s")
    if seen["kb"] > LARGEST:
        wrong.append(f"took {seen['kb'] >> 10} MB")
    if seen["traceback"]:
        wrong.append("a traceback")
    if seen["exit"] == 0 and ("slow" in way or (way == "expired" and "cloudapi" not in thing)):
        return wrong
    if seen["exit"] != 1:
        wrong.append(f"exit {seen['exit']}")
    if len(seen["causes"]) != 1:
        wrong.append(f"{len(seen['causes'])} causes")
    if not any(names(cause, thing) for cause in seen["causes"]):
        wrong.append("nothing names it")
    return wrong


def names(cause: str, thing: str) -> bool:
    """Whether a cause names a thing: at its place; what customers see of it; or SAPI, which says that its storage does not answer."""
    dc, _, alias = thing.partition(".")
    if alias == "moray0":
        return cause == f"sapi-answers[{dc}.sapi0]"
    return f"[{thing}" in cause or (bool(alias) and cause.startswith(alias.rstrip("0")) and cause.endswith(f"[{dc}]"))


def table(rows: list[dict[str, Any]]) -> str:
    """What was seen, for docs/trust.md: a line for each way, a column for each kind of thing."""
    kinds = list(dict.fromkeys(row["thing"].partition(".")[2].rstrip("0") or "head node" for row in rows))
    ways = list(dict.fromkeys(row["way"] for row in rows))
    lines = [f"| | {' | '.join(kinds)} |", f"|---{'|---' * len(kinds)}|"]
    for way in ways:
        cells = []
        for kind in kinds:
            seen = [
                row
                for row in rows
                if row["way"] == way and (row["thing"].partition(".")[2].rstrip("0") or "head node") == kind
            ]
            cells.append(", ".join(dict.fromkeys(map(_cell, seen))))
        lines.append(f"| {way} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(row: dict[str, Any]) -> str:
    said = ", ".join(cause.partition("[")[0] for cause in row["causes"]) or "nothing"
    return f"**{said}: {'; '.join(row['wrong'])}**" if row["wrong"] else said


def main() -> int:
    if sys.argv[1] == "--table":
        print(table([json.loads(line) for line in Path(sys.argv[2]).read_text().splitlines()]))
        return 0
    file, things = Path(sys.argv[1]), sys.argv[2:]
    inventory = Path(os.environ["AZ_INVENTORY"])
    inventory.write_text(TIMEOUTS + inventory.read_text())
    known = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
    done = {(row["thing"], row["way"]) for row in known}
    wanted = {each for each in things if ":" in each}
    for thing, way, fault in cells([each.partition(":")[0] for each in things]):
        if wanted and f"{thing}:{way}" not in wanted:
            continue
        if (thing, way) in done:
            continue
        lab("fault", fault)
        try:
            seen = run(file.with_name("runs").absolute())
        finally:
            lab("heal", fault)
        row = {"thing": thing, "way": way, **seen, "wrong": faults_of(thing, way, seen)}
        with file.open("a") as lines:
            lines.write(json.dumps(row) + "\n")
        print(thing, way, row["seconds"], row["causes"], row["wrong"], flush=True)
        lab("settle")
    return 0


if __name__ == "__main__":
    sys.exit(main())
