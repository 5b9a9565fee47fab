"""Puts faults into a lab that runs, takes them out, and lets it settle: one thing after the other."""

from __future__ import annotations

import asyncio

from lab.faults import registry
from lab.machine.machines import Site
from lab.servers.sapi.server import Sapi
from lab.state import settling
from lab.state.lab import Lab


class Planter:
    """Knows what is planted, and how it is taken out."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._changing = asyncio.Lock()
        self._undo: dict[tuple[str, str], registry.Undo] = {}

    async def plant(self, text: str) -> None:
        """Puts one fault in, as `NAME[@SUBJECT]`."""
        fault, subject = registry.parse(text)
        async with self._changing:
            target = registry.subject(self._lab, fault, subject)
            key = (fault.name, target.machine.zone.id)
            if key in self._undo:
                raise registry.UnknownFaultError(f"{text} is planted already; `python -m lab heal` takes it out")
            await self._remember(target.site)
            undo = await fault.plant(self._lab, target)
            if undo is not None:
                self._undo[key] = undo

    async def _remember(self, site: Site) -> None:
        """Faults edit moray's objects; where sapiadm had written them, SAPI would have them in its files as well."""
        servers = self._lab.shared[site.datacenter.name].servers.values()
        await asyncio.gather(*(each.remember(1.0) for each in servers if isinstance(each, Sapi)))

    async def heal(self, text: str) -> None:
        """Takes a fault out that no command of Triton could."""
        fault, subject = registry.parse(text)
        target = registry.subject(self._lab, fault, subject)
        undo = self._undo.pop((fault.name, target.machine.zone.id), None)
        if undo is None:
            raise registry.UnknownFaultError(f"{text}: not planted, or healed by its remedy only")
        await undo()

    async def settle(self) -> None:
        """Every agent has looked since, replicas have what their replicators can get, and no service is between two states."""
        async with self._changing:
            await settling.settle(self._lab)
