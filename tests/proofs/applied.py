"""Runs inside a lab: a case is put right by az-checks apply, applied again with nothing left to do, and taken back.

What the suite never sends is typed here, as the operator would, when apply asks for it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import ClassVar

from apply import asking, command, journal
from apply.asking import Choice
from remediate.actions import Action
from remediate.actions.files import FilesGone
from remediate.actions.ldap import LdapModify, Resend
from remediate.actions.network import NapiRoutes
from remediate.actions.vm import VmRoutes
from remediate.plan import PlannedStep
from tests.proofs.inside import lab, run_suite, type_into
from tests.security.inside import DATACENTERS, typed

OBJECTS = {
    "SAPI": 'for path in /applications /services /instances; do sdc-sapi --no-headers "$path"; done',
    "NAPI": "sdc-napi --no-headers /networks",
    "FWAPI": "sdc-fwapi --no-headers /rules",
    "VMs": r"""
vmadm lookup -j -o uuid,routes,firewall_enabled state=running
for server in $(sdc-cnapi --no-headers '/servers?extras=sysinfo' | tr , '\n' |
        sed -n 's/.*"ip4addr": *"\(10[.][0-9]*[.]1[.][3-9]\)".*/\1/p'); do
    ssh -n -o StrictHostKeyChecking=yes $server vmadm lookup -j -o uuid,routes,firewall_enabled state=running
done""",
    "UFDS": "sdc-ldap search -z 2147483647 -b o=smartdc '(objectclass=*)'",
    "files": "cat /usbkey/config /mnt/usbkey/config; svcs -H -o state,fmri net-agent",
}
"""What must be the same after a step was taken back: objects, entries, rules, routes, files. Each is one question."""
MOVES = re.compile(r'^\s*(changenumber: .*|"?(update_time|etag|version)"?:.*)$', re.MULTILINE)
SEEN = {"SAPI": '"uuid"', "NAPI": '"uuid"', "FWAPI": "[", "VMs": '"uuid"', "UFDS": "dn: ", "files": "datacenter_name="}
"""What an answer has if it is one: behind a fault nobody sees what is there."""


def answer(name: str, ask: str) -> str:
    """What a datacenter says; nothing if what it asks hangs."""
    try:
        return typed(name, ask)
    except subprocess.TimeoutExpired:
        return ""


def objects() -> dict[str, str]:
    """The lines of each datacenter and question, sorted: UFDS has no order of values, and JSON's last line no comma."""
    return {
        f"{name} {what}": "\n".join(
            sorted(line.rstrip(",") for line in MOVES.sub("", answer(name, ask)).splitlines() if line.strip())
        )
        for name in DATACENTERS
        for what, ask in OBJECTS.items()
    }


class Human(asking.Operator):
    """Says yes to each step, and types what is left to him, once."""

    typed: ClassVar[set[str]] = set()

    def step(self, planned: PlannedStep, number: int, count: int) -> Choice:
        self._show(planned, number, count)
        return Choice.YES

    def by_hand(self, planned: PlannedStep, number: int, count: int) -> Choice:
        self._show(planned, number, count)
        if planned.step.run in self.typed:
            return Choice.SKIP
        self.typed.add(planned.step.run)
        type_into(planned.step.on, planned.step.run)
        return Choice.YES


def apply(runs: Path, *words: str) -> int:
    return command.main([*words, "--runs", str(runs)], ask=lambda _: "yes")


def main(name: str) -> int:
    """One case: sick, applied, applied again, taken back."""
    command.Operator = Human  # type: ignore[misc]
    inventory = Path(os.environ["AZ_INVENTORY"])
    inventory.write_text(f"apply: true\n{inventory.read_text()}")
    lab("settle")
    sick, before = run_suite(), objects()
    with tempfile.TemporaryDirectory() as folder:
        runs = Path(folder)
        shutil.copytree(sick["folder"], runs / sick["folder"].name)
        if code := apply(runs, sick["folder"].name):
            raise SystemExit(f"{name}: apply ended with {code}")
        lab("settle")
        healed, steps = objects(), len(journal.read(runs / sick["folder"].name / journal.FILE))
        apply(runs, sick["folder"].name)
        again = journal.read(runs / sick["folder"].name / journal.FILE)[steps:]
        if objects() != healed or any(isinstance(entry, journal.Intent) for entry in again):
            raise SystemExit(f"{name}: applying again has changed something")
        if apply(runs, "--undo", sick["folder"].name):
            raise SystemExit(f"{name}: it was not taken back")
        lab("settle")
        intents = [
            entry
            for entry in journal.read(runs / sick["folder"].name / journal.FILE)
            if isinstance(entry, journal.Intent)
        ]
        after = objects()
        if hidden := [place for place, seen in after.items() if SEEN[what(place)] not in seen]:
            # What was taken back hides it again, more than before if a restart was due then: put right, all of it is there.
            anew = run_suite()
            shutil.copytree(anew["folder"], runs / anew["folder"].name, dirs_exist_ok=True)
            apply(runs, anew["folder"].name)
            lab("settle")
            agree(name, {place: healed[place] for place in hidden}, objects())
        # What was typed by hand is in no journal.
        if not Human.typed and not any(_stays(intent.action) for intent in intents):
            seen = {place: seen for place, seen in after.items() if place not in hidden}
            agree(name, {place: then(place, before, healed) for place in seen}, seen)
    return 0


def _stays(action: Action) -> bool:
    """What was sent again is not taken back, nor what net-agent brings back, nor NAPI's routes that zones had by hand, nor a checkpoint."""
    match action:
        case Resend() | FilesGone() | VmRoutes() | LdapModify(attribute="changenumber"):
            return True
        case NapiRoutes():
            return bool(action.had)
    return False


def what(place: str) -> str:
    """The question of a place."""
    return place.partition(" ")[2]


def then(place: str, before: dict[str, str], healed: dict[str, str]) -> str:
    """What was there before anything was done: where the fault hid it, what was there when it was healed."""
    return before[place] if SEEN[what(place)] in before[place] else healed[place]


def agree(name: str, before: dict[str, str], after: dict[str, str]) -> None:
    """Ends with the lines that are not what they were."""
    for place, seen in before.items():
        was, now = set(seen.splitlines()), set(after[place].splitlines())
        if was != now:
            apart = [f"- {line}" for line in sorted(was - now)] + [f"+ {line}" for line in sorted(now - was)]
            raise SystemExit(f"{name}: not what it was in {place}: {len(apart)} lines, {apart[:10]}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
