"""Plants faults in a running lab, heals them, and lets the lab settle, one after the other."""

from __future__ import annotations

import asyncio

from lab.faults import registry
from lab.servers.sapi.server import Sapi
from lab.state import settling
from lab.state.lab import Lab


class Planter:
    """Knows which faults are planted, and how to undo them."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._changing = asyncio.Lock()
        self._undo: dict[tuple[str, str], registry.Undo] = {}

    async def plant(self, text: str) -> None:
        """Plant one fault, as `NAME[@SUBJECT]`."""
        fault, subject = registry.parse(text)
        async with self._changing:
            target = registry.subject(self._lab, fault, subject)
            key = (fault.name, target.machine.zone.id)
            if key in self._undo:
                raise registry.UnknownFaultError(f"{text} is planted already; `python -m lab heal` takes it out")
            undo = await fault.plant(self._lab, target)
            self._remember()
            if undo is not None:
                self._undo[key] = undo

    def _remember(self) -> None:
        """Write SAPI's objects into its files, too. Faults edit moray's objects directly, and sapiadm would change both."""
        for shared in self._lab.shared.values():
            for server in shared.servers.values():
                if isinstance(server, Sapi):
                    server.store.files.follow(shared.store)

    async def heal(self, text: str) -> None:
        """Undo a fault that no command of Triton can heal."""
        fault, subject = registry.parse(text)
        target = registry.subject(self._lab, fault, subject)
        undo = self._undo.pop((fault.name, target.machine.zone.id), None)
        if undo is None:
            raise registry.UnknownFaultError(f"{text}: not planted, or healed by its remedy only")
        await undo()

    async def settle(self) -> None:
        """Wait until every agent has looked, replicas have what their replicators can get, and no service is between two states."""
        async with self._changing:
            await settling.settle(self._lab)
