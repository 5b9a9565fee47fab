"""What an operator is told who starts a shell in a lab: who is who, and what to try."""

from __future__ import annotations

import pathlib
from collections.abc import Sequence

from lab.plan.datacenters import Plan
from lab.plan.names import ROOT_PASSWORD

SHOWN = 5


def wanted(command: Sequence[str], *, terminal: bool) -> bool:
    """Only who types is greeted: not a script, and not a command that was given something to do."""
    return terminal and len(command) == 1 and pathlib.Path(command[0]).name in ("bash", "sh", "zsh")


def text(the_plan: Plan) -> str:
    lines = ["", f"A lab: {len(the_plan.datacenters)} datacenters, each with a head node and its core zones."]
    for datacenter in the_plan.datacenters[:SHOWN]:
        state = {"candidate": "not coupled yet", "replica": "replica", "master": "master (UFDS and SAPI)"}[
            datacenter.state
        ]
        lines.append(
            f"  {datacenter.name}  {state}; region {datacenter.region}, admin network {datacenter.admin_subnet}"
        )
    if len(the_plan.datacenters) > SHOWN:
        lines.append(f"  … and {len(the_plan.datacenters) - SHOWN} more")
    candidate = next((each.name for each in the_plan.datacenters if each.state == "candidate"), None)
    other = next(each.name for each in the_plan.datacenters if each.state != "master")
    first = "pytest -m preflight" if candidate else "pytest"
    second = (
        f"ssh -t {candidate} /opt/smartdc/bin/sdc-ufds-m2s"
        if candidate
        else f"ssh {other} /opt/smartdc/bin/sdcadm check-health"
    )
    said = (
        f"couples it; the master's UFDS is {the_plan.master_ufds_address}"
        if candidate
        else "what Triton's own check sees"
    )
    faults = "python -m lab --list-faults"
    lines += [
        "Three commands to try:",
        f"  {first:<47} what the suite says of it",
        f"  {second:<47} {said}",
        f"  {faults:<47} what `python -m lab fault NAME@SUBJECT` can break",
    ]
    if candidate:
        lines.append(f"(UFDS root password of every datacenter: {ROOT_PASSWORD})")
    return "\n".join([*lines, "`exit` ends the lab, and nothing is left of it.", ""])
