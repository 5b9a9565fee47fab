"""Steps about zones on other servers than the head node.  They are typed on the head node, whose ssh runs them on the zone's server."""

from __future__ import annotations

import re
from typing import Final

from msgspec.structs import replace

from evidence.fact import Missing
from evidence.headnode import Server
from evidence.subjects.datacenter import Datacenter
from evidence.subjects.world import World
from remediate import typed
from remediate.shell import quote
from remediate.steps import Note, Step

LOCAL: Final = r"(?:zlogin (?:-\S+ )?|svcadm -z |svcs -\S*z |vmadm \w+ |/zones/){uuid}"
"""The part of a command that only works on the zone's own server."""
OF_THE_HEAD_NODE: Final = re.compile(r"\b(sapiadm|sdcadm|sdc-\w+)\b")
"""Tools that a compute node does not have."""


def on_its_server(said: Step | Note, world: World) -> Step | Note:
    """The step in the form that reaches the server of its zone, or a note if there is no such form."""
    name = said.on.partition(".")[0] if isinstance(said, Step) else ""
    if not isinstance(said, Step) or name not in world.inventory.datacenters:
        return said
    datacenter = world.datacenter(name)
    for alias, uuid, server in _zones_elsewhere(datacenter):
        if re.search(LOCAL.format(uuid=re.escape(uuid)), said.run.replace("'", "")):
            return _sent(said, datacenter, alias, server)
    return said


def _zones_elsewhere(datacenter: Datacenter) -> list[tuple[str, str, str]]:
    try:
        seen = datacenter.evidence.zones.value or {}
    except Missing:
        return []
    return [(alias, zone.vm.uuid, zone.vm.server) for alias, zone in sorted(seen.items()) if zone.vm.server]


def way_to(datacenter: Datacenter, server: str) -> Server | None:
    """A server by its uuid, if the way to it is known."""
    try:
        found = datacenter.servers[server]
        typed.address(found.address)
    except (Missing, KeyError, typed.NotOfTheFormError):
        return None
    return found


def _sent(step: Step, datacenter: Datacenter, alias: str, server: str) -> Step | Note:
    found, zone = way_to(datacenter, server), f"{datacenter.name}.{alias}"
    if found is None:
        return Note(f"{zone} is on server {server}, and the way there is not known. Type there: {step.run}")
    if OF_THE_HEAD_NODE.search(step.run):
        return Note(f"{zone} is on server {found.hostname}. Type there what concerns it: {step.run}")
    return replace(sent(step, found.address), why=f"{step.why} (the zone is on server {found.hostname})")


def sent(step: Step, address: str) -> Step:
    """The step on another server of the datacenter: its commands, and what reads their values, go there by the head node's ssh."""
    undo = over_ssh(address, step.undo) if step.undo else ""
    return replace(step, run=over_ssh(address, step.run), undo=undo, via=typed.address(address))


def over_ssh(address: str, command: str) -> str:
    """A command for another server of the datacenter, as Triton's own tools reach it from the head node."""
    return f"ssh {typed.address(address)} {quote(command)}"
