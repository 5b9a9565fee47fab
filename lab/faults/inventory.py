"""Faults of the operator's own file: the coupling is healthy, but region.yaml says otherwise."""

# ruff: noqa: ARG001  all plantings have one signature

from __future__ import annotations

import re
from collections.abc import Callable

from lab.faults.registry import Target, Undo, fault
from lab.state import home
from lab.state.lab import Lab

NOBODYS_ADDRESS = "10.2.2.92"


def _rewritten(lab: Lab, edit: Callable[[str], str]) -> Undo:
    """Edit the inventory. The undo restores it."""
    before = home.read_inventory()
    after = edit(before)
    if after == before:
        raise ValueError("the edit changes nothing in the inventory")
    home.write_inventory(after)

    async def undo() -> None:
        home.write_inventory(before)

    return undo


def _in_the_line(target: Target, old: str, new: str) -> Callable[[str], str]:
    """Replaces a pattern in the line of a datacenter."""
    line = re.compile(rf"^  {re.escape(target.site.datacenter.name)}: .*$", re.MULTILINE)
    return lambda text: line.sub(lambda found: re.sub(old, new, found[0], count=1), text)


@fault("inventory-candidate", "datacenter", "my-dc-3", ("replica",))
async def inventory_candidate(lab: Lab, target: Target) -> Undo:
    """The inventory still calls a replica a candidate: it was coupled, and nobody removed the word."""
    return _rewritten(lab, _in_the_line(target, r"\}$", ", state: candidate}"))


@fault("inventory-replica", "datacenter", "my-dc-3", ("candidate",))
async def inventory_replica(lab: Lab, target: Target) -> Undo:
    """The inventory calls a datacenter a replica although it is not coupled yet: `state: candidate` was forgotten."""
    return _rewritten(lab, _in_the_line(target, ", state: candidate", ""))


@fault("inventory-master", "datacenter", "my-dc-1", ("replica",))
async def inventory_master(lab: Lab, target: Target) -> Undo:
    """The inventory names a replica as the master."""
    name = target.site.datacenter.name

    def edit(text: str) -> str:
        return re.sub(
            r"^master: .*$",
            f"master: {name}",
            text.replace(f", ufds_address: {lab.plan.master_ufds_address}", ""),
            flags=re.M,
        )

    return _rewritten(lab, edit)


@fault("inventory-region", "datacenter", "my-dc-1", ("replica", "master"))
async def inventory_region(lab: Lab, target: Target) -> Undo:
    """The inventory has the region in capitals for every datacenter, as in letters to customers."""
    return _rewritten(lab, lambda text: re.sub(r"region: ([^,}]+)", lambda found: f"region: {found[1].upper()}", text))


@fault("inventory-address", "datacenter", "my-dc-2", ("master",))
async def inventory_address(lab: Lab, target: Target) -> Undo:
    """The inventory names an address for the master's UFDS that nobody has: two digits were swapped."""
    return _rewritten(lab, _in_the_line(target, r"ufds_address: [0-9.]+", f"ufds_address: {NOBODYS_ADDRESS}"))


@fault("inventory-domain", "datacenter", "my-dc-2", ("master",))
async def inventory_domain(lab: Lab, target: Target) -> Undo:
    """The inventory declares a DNS domain that no datacenter has."""
    return _rewritten(lab, lambda text: f"{text}dns_domain: srv.example.org\n")
