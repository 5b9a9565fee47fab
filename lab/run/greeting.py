"""The text for an operator who starts a shell in a lab: who is who, and what to try."""

from __future__ import annotations

import pathlib
from collections.abc import Sequence

from lab.plan import files
from lab.plan.datacenters import Plan
from lab.plan.names import ROOT_PASSWORD

SHOWN = 5
STATES = {"candidate": "not coupled yet", "replica": "replica", "master": "master (UFDS and SAPI)"}


def wanted(command: Sequence[str], *, terminal: bool) -> bool:
    """Whether to greet: only somebody who types, not a script, and not a command that was given something to do."""
    return terminal and len(command) == 1 and pathlib.Path(command[0]).name in ("bash", "sh", "zsh")


def text(the_plan: Plan) -> str:
    candidate = next((each.name for each in the_plan.datacenters if each.state == "candidate"), None)
    other = next(each.name for each in the_plan.datacenters if each.state != "master")
    command = f"ssh -t {candidate} /opt/smartdc/bin/sdc-ufds-m2s"
    return files.read_text(f"greeting/{'uncoupled' if candidate else 'coupled'}.txt").format(
        count=len(the_plan.datacenters),
        datacenters="\n".join(_datacenters(the_plan)),
        second=command if candidate else f"ssh {other} /opt/smartdc/bin/sdcadm check-health",
        ufds=the_plan.master_ufds_address,
        password=ROOT_PASSWORD,
    )


def _datacenters(the_plan: Plan) -> list[str]:
    lines = [
        f"  {each.name}  {STATES[each.state]}; region {each.region}, admin network {each.admin_subnet}"
        for each in the_plan.datacenters[:SHOWN]
    ]
    more = len(the_plan.datacenters) - SHOWN
    return [*lines, f"  … and {more} more"] if more > 0 else lines
