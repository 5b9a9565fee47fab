"""Runs inside a lab with the candidate my-dc-3: sdc-ufds-m2s is stopped at a line, and what is printed is typed until all is well.

The directory is compared, entry by entry, with what it was before: nothing is lost but what the table of the tool names.  Where nothing
was deleted yet, it must be the same at once.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.proofs.aborted import DC, answers, typed
from tests.proofs.inside import ROOT, causes, lab, run_suite, type_into

MASTER, REPLICA = "my-dc-2", "my-dc-1"
AGAIN = "sdc-ufds-m2s"
ROUNDS = 8
REPLICA_NOW = "The way on is that of a replica"
"""So a note begins that has the inventory changed."""
BUSY = ("headnode-answers", "clocks-agree")
"""What no sdc-ufds-m2s brings about, however it ends."""
LOOKS = 10
PATIENT = "timeouts: {connect: 60s, command: 180s, run: 900s}\n"
"""On a busy machine a head node that answers late is no finding."""
WHOLE = {
    "2": "source /lib/sdc/config.sh",
    "3": '[[ $CONFIG_ufds_is_master == "true" ]]',
    "4": "ufds=$(vmadm lookup",
    "5": "printf '%s' \"Enter 'y'",
    "6": "ask",
    "7": "    while [[ -z $REMOTE_ROOT_PW ]]",
    "8": 'zlogin "$ufds" LDAPTLS_REQCERT',
}
"""The steps before the first deletion, each with the line of the lab's sdc-ufds-m2s at which it begins."""
LINES = {
    "9": 'sdc-ldap delete "cn=readers',
    "9-between": 'sdc-ldap delete "cn=operators',
    "10": "for part in $(sdc-ldap search objectclass=keyapiprivkey",
    "11": 'sdc-ldap search -b "$admin"',
    "12": "nawk '",
    "13": "bash /var/tmp/cleanup.ufds",
    "14": 'sdc-ldap delete "$admin"',
    "15": 'zlogin "$ufds" "/opt/smartdc/ufds/bin/ufds-find-dns',
    "15-between": 'sdc-ldap delete "region=$CONFIG_region_name',
    "16": 'rm -f "$rendered"',
    "16-between": "application=$(sdc-sapi",
    "17": "for (( turn = 0; turn < AGENT_TURNS",
    "18": "manifest=",
    "18-between": 'zlogin "$ufds" svccfg import',
    "19": 'cat > "$zone/tmp/cnt"',
    "20": 'wait_for "admin user"',
    "21": 'echo "Re-loading local amon probe data"',
    "22": 'wait_for "region entries"',
    "23": 'zlogin "$ufds" /opt/smartdc/ufds/bin/ufds-reconcile-data',
    "24": "if ! sdc-usbkey mount",
    "25": "sed -e '/^ufds_is_master",
    "26": "cp /tmp/config.$$ /mnt/usbkey/config",
    "26-between": "cp -p /mnt/usbkey/config",
    "26-unmount": "sdc-usbkey unmount",
}
"""The steps that delete or change, each with the line at which it begins, or one between two of its lines."""
HALFWAY = "13-between"
"""Within what step 13 types: when the first two entries are deleted."""
STOPS = (*WHOLE, *LINES, HALFWAY)


def program(stop: str) -> str:
    """What is typed for an sdc-ufds-m2s that is killed at a line: the tool as it lies there, with one line more."""
    if stop == HALFWAY:
        edit = (
            "s|^bash /var/tmp/cleanup.ufds|head -n 2 /var/tmp/cleanup.ufds > /tmp/some; bash /tmp/some; kill -KILL $$|"
        )
    else:
        line = {**WHOLE, **LINES}[stop]
        edit = f"{_number(line)}i kill -KILL $$"
    return f"sed '{edit}' /opt/smartdc/bin/sdc-ufds-m2s > /tmp/stopped; bash /tmp/stopped; rm -f /tmp/stopped /tmp/some"


def _number(line: str) -> int:
    """Where the line is; one that begins there, and the last of them."""
    text = (ROOT / "lab/plan/programs/sdc-ufds-m2s").read_text(encoding="utf-8").splitlines()
    found = [number for number, each in enumerate(text, 1) if each.startswith(line)]
    if not found:
        raise SystemExit(f"sdc-ufds-m2s of the lab has no such line: {line}")
    return found[-1]


def entries(datacenter: str) -> dict[str, str]:
    """All entries of a datacenter's UFDS below o=smartdc, by name, each with its attributes."""
    said = _on(datacenter, "sdc-ldap search -z 100000 -b o=smartdc -s sub '(objectclass=*)'")
    found = {}
    for block in re.sub(r"\n ", "", said).split("\n\n"):
        name, _, rest = block.strip().partition("\n")
        if name.startswith("dn: "):
            found[name.removeprefix("dn: ")] = "\n".join(sorted(rest.splitlines()))
    return found


def _on(datacenter: str, line: str) -> str:
    words = [sys.executable, "-m", "tests.lab.typing_there", "[]", datacenter, line]
    return subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def steps(found: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """What the plan prints, in its order, each once."""
    words = [sys.executable, "-m", "remediate", str(found["folder"]), "--json"]
    said = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False).stdout
    plan = json.loads(said)
    printed = [(each["step"]["on"], each["step"]["run"]) for stage in plan["stages"] for each in stage["steps"]]
    yield from dict.fromkeys(printed)


def follow(found: dict[str, Any]) -> None:
    """Do what is printed: change the inventory where that is wrong, and type each step."""
    told = [note for cause in found["causes"] for note in cause.get("notes", [])]
    if any(cause.startswith("inventory-agrees") for cause in causes(found)) or any(
        REPLICA_NOW in note for note in told
    ):
        inventory = Path(os.environ["AZ_INVENTORY"])
        inventory.write_text(inventory.read_text().replace(", state: candidate", ""))
        print(f"-- the inventory calls {DC} a replica", flush=True)
        return
    for on, run in steps(found):
        if run == AGAIN:
            said = typed(run, answers())
            print(f"[{on}]# {run}\n{said}", flush=True)
        else:
            type_into(on, run)


def judged() -> dict[str, Any]:
    """One run; another one where the machine was too busy for the lab to answer in time."""
    for _ in range(LOOKS):
        lab("settle")
        found = run_suite()
        if not any(cause.startswith(BUSY) for cause in causes(found)):
            break
        print(f"-- a busy machine: {causes(found)}", flush=True)
    return found


def until_well() -> None:
    """Judge and follow, until nothing is found any more."""
    for _ in range(ROUNDS):
        found = judged()
        print(f"-- exit {found['exit']}: {causes(found)}", flush=True)
        if found["exit"] == 0:
            return
        follow(found)
    raise SystemExit(f"not well after {ROUNDS} rounds: {causes(found)}\n{found['output']}")


NAMED = re.compile(r"fingerprint=[0-9a-f:]+, uuid=[^,]+, ou=users, o=smartdc|.*, ou=keyapiprivkeys, o=smartdc")
"""What a coupling may take away, by docs/coupling.md: admin's keys on this head node (step 13), keyapi's (step 10)."""


Entries = dict[str, dict[str, str]]


def seen() -> Entries:
    """The entries of all three datacenters."""
    return {name: entries(name) for name in (DC, MASTER, REPLICA)}


def lost(before: Entries, after: Entries, *, coupled: bool) -> list[str]:
    """The entries that are gone, and were not named; of a datacenter that was not coupled, those that are other ones, too."""
    gone = [f"{dc}: {name}" for dc in (MASTER, REPLICA) for name in before[dc] if name not in after[dc]]
    if not coupled:
        return sorted([*gone, *(name for name in before[DC] if after[DC].get(name) != before[DC][name])])
    return sorted([*gone, *(name for name in before[DC] if name not in after[DC] and not NAMED.fullmatch(name))])


def patient() -> Path:
    """The inventory of the lab, which waits longer from now on."""
    inventory = Path(os.environ["AZ_INVENTORY"])
    inventory.write_text(PATIENT + inventory.read_text())
    return inventory


def compared(before: Entries, where: str, *, whole: bool) -> int:
    """Follow the advice, unless nothing was deleted, and end with what is lost."""
    if not whole:
        until_well()
    coupled = "state: candidate" not in Path(os.environ["AZ_INVENTORY"]).read_text()
    if gone := lost(before, seen(), coupled=coupled):
        raise SystemExit(f"stopped at {where}, these entries are lost: {gone}")
    return 0


def main() -> int:
    stop = sys.argv[1]
    patient()
    before = seen()
    print(typed(program(stop), answers())[-600:])
    return compared(before, stop, whole=stop in WHOLE)


if __name__ == "__main__":
    sys.exit(main())
