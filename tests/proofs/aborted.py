"""Runs inside a lab with the candidate my-dc-3: sdc-ufds-m2s is aborted at one of its stages, and the suite names the result.

The suite runs first with the inventory as it was (it still calls my-dc-3 a candidate), and then with my-dc-3 as a replica, which is the
aim.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.plan.names import ROOT_PASSWORD
from tests.proofs.inside import ROOT, causes, lab, run_suite

Turns = list[tuple[str, str]]
CTRL_C = "\x03"
DC = "my-dc-3"
UFDS_SLOW = f"service-slow@{DC}.ufds0"
ALWAYS = (
    "cloudapi-lists-every-datacenter[my-dc-1]",
    "cloudapi-lists-every-datacenter[my-dc-2]",
    f"replica-key-is-known-to-master[{DC}]",
    f"sapi-points-at-master-moray[{DC}]",
)
"""What sdc-ufds-m2s never does, however it ends."""
NEVER_COUPLED = "inventory-agrees[coupling]"
"""A datacenter that calls itself a master and replicates nothing is not a replica, whatever the inventory says."""
UNREGISTERED = "datacenters-are-registered[my-dc]"
HALF = f"candidate-is-not-coupled-yet[{DC}]"
APART = f"usbkey-agrees-with-sapi[{DC}]"


def answers(password: str = ROOT_PASSWORD) -> Turns:
    return [
        ("continue: ", "y\n"),
        ("UFDS IP address: ", "10.2.2.29\n"),
        ("primary datacenter's headnode): ", f"{password}\n"),
    ]


@dataclass(frozen=True)
class Stage:
    """How far it gets, and the causes that the suite must name: before coupling, and for the replica that it should become."""

    turns: Turns
    preflight: tuple[str, ...]
    postchange: tuple[str, ...]
    fault: str = ""


STAGES = {
    "question": Stage([("continue: ", "n\n")], (), (NEVER_COUPLED,)),
    "deleting": Stage(
        answers(),
        (f"candidate-is-still-whole[{DC}]",),
        (NEVER_COUPLED,),
        fault=UFDS_SLOW,
    ),
    "config-agent": Stage(
        [*answers(), ("Timeout waiting", "\n")],
        (HALF, f"candidate-config-agent-runs[{DC}]"),
        (*ALWAYS, UNREGISTERED, f"services-run[{DC}.ufds0]"),
        fault=f"config-agent-off@{DC}.ufds0",
    ),
    "replicator": Stage(
        [*answers(), ("changelog entries to be replicated", CTRL_C)],
        (HALF,),
        (*ALWAYS, UNREGISTERED, APART, f"amon-probes-are-back[{DC}]"),
    ),
    "password": Stage(
        [*answers("wrong-password-1"), ("admin user to be replicated (0%)", CTRL_C)],
        (HALF,),
        (*ALWAYS, UNREGISTERED, APART, f"master-password-is-known[{DC}]"),
    ),
    "usbkey": Stage(
        answers(),
        (HALF, f"candidate-usbkey-mounts[{DC}]"),
        (*ALWAYS, APART, f"no-password-left-behind[{DC}]"),
        fault=f"usbkey-gone@{DC}",
    ),
}


def typing(turns: Turns, line: str, on: str = DC) -> Sequence[str]:
    return [sys.executable, "-m", "tests.lab.typing_there", json.dumps(turns), on, line]


def typed(line: str, turns: Turns | None = None, on: str = DC) -> str:
    return subprocess.run(typing(turns or [], line, on), cwd=ROOT, capture_output=True, text=True, check=False).stdout


def broken_off() -> None:
    """The connection breaks as soon as the first thing is deleted."""
    with subprocess.Popen(typing(answers(), "sdc-ufds-m2s"), cwd=ROOT, stdout=subprocess.DEVNULL) as m2s:
        end = time.monotonic() + 60
        while "readers" in typed("sdc-ldap search objectclass=groupofuniquenames dn"):
            if time.monotonic() > end:
                raise SystemExit("nothing was ever deleted")
        m2s.kill()


def agree(stage: str, when: str, wanted: tuple[str, ...]) -> None:
    found = run_suite("-m", when)
    if causes(found) != sorted(wanted):
        raise SystemExit(f"{stage}, {when}: expected {sorted(wanted)}, found {causes(found)}\n{found['output']}")


def main() -> int:
    name = sys.argv[1]
    stage = STAGES[name]
    if stage.fault:
        lab("fault", stage.fault)
    if name == "deleting":
        broken_off()
        lab("heal", stage.fault)
    else:
        typed("sdc-ufds-m2s", stage.turns)
    lab("settle")
    agree(name, "preflight", stage.preflight)
    inventory = Path(os.environ["AZ_INVENTORY"])
    inventory.write_text(inventory.read_text().replace(", state: candidate", ""))
    agree(name, "postchange", stage.postchange)
    return 0


if __name__ == "__main__":
    sys.exit(main())
