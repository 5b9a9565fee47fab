"""Runs inside a lab with the candidate my-dc-3: sdc-ufds-m2s is broken off where it asks or waits, or is given something wrong.

What is printed afterwards is typed until all is well, and nothing may be lost: stopped.py says what that is.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.proofs.aborted import CTRL_C, DC, Turns, answers, typed
from tests.proofs.inside import lab
from tests.proofs.stopped import AGAIN, MASTER, Entries, compared, patient, seen

BEGUN = answers()[:1]
ADDRESS, SECRET = answers()[1][0], answers()[2][0]


@dataclass(frozen=True)
class BrokenOff:
    """What is typed, on which head node; a fault that is planted first, and taken away when it has ended; whether nothing was touched.

    `again`: the way on leads back to a candidate that is whole, and is coupled then, to see that nothing of the first time hinders it.
    """

    turns: Turns
    on: str = DC
    fault: str = ""
    whole: bool = False
    again: bool = False


def addressed(address: str) -> Turns:
    """All is answered, with an address of one's own choice."""
    return [*BEGUN, (ADDRESS, f"{address}\n"), *answers()[2:]]


ENDINGS = {
    "no": BrokenOff([(BEGUN[0][0], "n\n")], whole=True),
    "ctrl-c-question": BrokenOff([(BEGUN[0][0], CTRL_C)], whole=True),
    "ctrl-c-address": BrokenOff([*BEGUN, (ADDRESS, CTRL_C)], whole=True),
    "ctrl-c-password": BrokenOff([*BEGUN, (ADDRESS, "10.2.2.29\n"), (SECRET, CTRL_C)], whole=True),
    "address-of-nobody": BrokenOff(addressed("10.2.2.99"), whole=True),
    "ctrl-c-agent": BrokenOff([*answers(), ("Waiting for SAPI", CTRL_C)]),
    "ctrl-c-admin": BrokenOff([*answers(), ("changelog entries to be replicated", CTRL_C)]),
    "ctrl-c-probes": BrokenOff([*answers(), ("Re-loading local amon", CTRL_C)]),
    "ctrl-c-usbkey": BrokenOff([*answers(), ("Updating config files", CTRL_C)]),
    "line-lost": BrokenOff([*answers(), ("Setting up UFDS replicator", "")]),
    "wrong-password": BrokenOff([*answers("wrong-password-1"), ("admin user to be replicated (0%)", CTRL_C)]),
    "quote-in-password": BrokenOff([*answers('a"b'), ("Waiting for SAPI", CTRL_C)]),
    "own-address": BrokenOff(addressed("10.3.2.29"), again=True),
    "address-of-a-replica": BrokenOff(addressed("10.1.2.29"), whole=True),
    "on-the-master": BrokenOff(addressed("10.2.2.29"), on=MASTER),
    "no-room": BrokenOff(answers(), fault=f"no-room-to-save@{DC}"),
    "no-usbkey": BrokenOff(answers(), fault=f"usbkey-gone@{DC}"),
    "no-agent": BrokenOff([*answers(), ("Timeout waiting", "\n")], fault=f"config-agent-off@{DC}.ufds0"),
}


def main() -> int:
    name = sys.argv[1]
    ending = ENDINGS[name]
    patient()
    before = seen()
    if ending.fault:
        lab("fault", ending.fault)
    print(typed(AGAIN, ending.turns, on=ending.on)[-900:])
    if ending.fault and not ending.fault.startswith("config-agent-off"):
        lab("heal", ending.fault)
    code = compared(before, name, whole=ending.whole)
    return _coupled_then(before, name) if ending.again else code


def _coupled_then(before: Entries, name: str) -> int:
    """The candidate is whole again: now it is coupled as it should have been at first, and is well as a replica."""
    print(typed(AGAIN, answers())[-900:])
    inventory = Path(os.environ["AZ_INVENTORY"])
    inventory.write_text(inventory.read_text().replace(", state: candidate", ""))
    return compared(before, f"{name}, and coupled afterwards", whole=False)


if __name__ == "__main__":
    sys.exit(main())
