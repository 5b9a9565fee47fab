"""Runs inside a lab: a case is put right by az-checks apply, applied again with nothing left to do, and taken back.

What the suite never sends is typed here, as the operator would, when apply asks for it.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from apply import asking, command
from apply.asking import Choice
from remediate.plan import PlannedStep
from tests.proofs.inside import ROOT, causes, lab, run_suite, type_into
from tests.security.inside import DATACENTERS, typed

OBJECTS = """
for path in /applications /services /instances; do sdc-sapi --no-headers "$path"; done
sdc-napi --no-headers /networks; sdc-fwapi --no-headers /rules
vmadm lookup -j -o uuid,routes,firewall_enabled state=running
sdc-ldap search -z 2147483647 -b o=smartdc '(objectclass=*)'
cat /usbkey/config /mnt/usbkey/config; svcs -H -o state,fmri net-agent
"""
"""What must be the same after a step was taken back: objects, entries, rules, routes, files."""
MOVES = re.compile(r'^(changenumber: .*|"?(update_time|etag|version)"?:.*)$|az-checks', re.MULTILINE)


def objects() -> dict[str, str]:
    """The lines of each datacenter, sorted: UFDS has no order of values."""
    return {name: "\n".join(sorted(MOVES.sub("", typed(name, OBJECTS)).splitlines())) for name in DATACENTERS}


class Human(asking.Operator):
    """Says yes to each step, and types what is left to him."""

    def step(self, planned: PlannedStep, number: int, count: int) -> Choice:
        self._show(planned, number, count)
        return Choice.YES

    def by_hand(self, planned: PlannedStep, number: int, count: int) -> Choice:
        self._show(planned, number, count)
        type_into(planned.step.on, planned.step.run)
        return Choice.YES


def stop(text: str) -> None:
    raise SystemExit(text)


def main(name: str, undo: str) -> int:
    inventory = Path(os.environ["AZ_INVENTORY"])
    inventory.write_text(f"apply: true\n{inventory.read_text()}")
    lab("settle")
    sick, before = run_suite(), objects()
    if not causes(sick):
        stop(f"{name}: nothing is found")
    command.Operator = Human  # type: ignore[misc]
    folder = str(sick["folder"])
    code = command.main([folder, "--runs", str(ROOT / "reports/runs")], ask=lambda _: "yes")
    if code != 0:
        stop(f"{name}: apply ended with {code}")
    lab("settle")
    healed = objects()
    again = command.main([folder, "--runs", str(ROOT / "reports/runs")], ask=lambda _: "yes")
    print("applied again:", again)
    if undo != "undone":
        return 0
    if objects() != healed:
        stop(f"{name}: applying again has changed something")
    if command.main(["--undo", "--runs", str(ROOT / "reports/runs")], ask=lambda _: "yes"):
        stop(f"{name}: not taken back")
    lab("settle")
    differences = [name for name, held in objects().items() if held != before[name]]
    if differences:
        lines = [set(each[differences[0]].splitlines()) for each in (before, objects())]
        stop(f"{name}: not what it was in {differences}: {sorted(lines[0] ^ lines[1])}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
