"""Faults of firewalls: a rule that is missing, a rule that is too much, a switch in the wrong position."""

from __future__ import annotations

import asyncio

from lab.faults.registry import Target, fault
from lab.plan.names import ADMIN_UUID
from lab.servers.fwapi.rules import parse
from lab.state.lab import Lab


async def _apply(lab: Lab, target: Target) -> None:
    firewallers = lab.shared[target.site.datacenter.name].firewallers
    await asyncio.gather(*(each.look_now() for each in firewallers))


@fault("firewall-rule-missing", "zone", "my-dc-2.ufds0")
async def firewall_rule_missing(lab: Lab, target: Target) -> None:
    """FWAPI has lost the rules that let zones outside the local admin network reach the zone: somebody cleaned up.

    ping still answers (hazard 8).
    """
    shared, role = lab.shared[target.site.datacenter.name], target.machine.zone.role
    for uuid, rule in list(shared.rules.by_uuid.items()):
        if any(value == role for _, _, value in parse(rule["rule"]).targets):
            del shared.rules.by_uuid[uuid]
    target.machine.firewall_enabled = True
    await _apply(lab, target)


@fault("firewall-off", "zone", "my-dc-1.ufds0")
async def firewall_off(lab: Lab, target: Target) -> None:
    """The zone's firewall is off: somebody was looking for what dropped his packets, and has not switched it on again."""
    target.machine.firewall_enabled = False
    await _apply(lab, target)


@fault("firewall-open", "ufds", "my-dc-2.ufds0")
async def firewall_open(lab: Lab, target: Target) -> None:
    """A rule lets everybody reach UFDS: it was the quickest way to couple, and was to be narrowed down later."""
    shared = lab.shared[target.site.datacenter.name]
    shared.rules.put(
        {
            "description": "ufds: coupling", "enabled": True, "owner_uuid": ADMIN_UUID,
            "rule": "FROM any TO tag smartdc_role = ufds ALLOW tcp PORT 636",
        }
    )  # fmt: skip
    await _apply(lab, target)
