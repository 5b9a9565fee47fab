"""The programs of a ufds zone: haproxy and ufds-master, which are one LDAPS server here, and ufds-replicator."""

from __future__ import annotations

import asyncio
import json
import pathlib

from lab.machine import kinds
from lab.machine.machines import Machine
from lab.ufds.client import UfdsProcess


class UfdsFront:
    """The ufds zone's haproxy and its four ufds-master processes, which are one LDAPS server here.

    It listens while haproxy and at least one process run. Its root password is the one that the youngest process has read.
    """

    def __init__(self, machine: Machine, process: UfdsProcess, certificate: pathlib.Path, key: pathlib.Path) -> None:
        self.machine = machine
        self.listener = machine.zone.id
        self.password = ""
        self.is_master: bool | None = None
        self._process = process
        self._certificate, self._key = certificate, key
        self._running: set[str] = set()
        self._listening = False
        self._turn = asyncio.Lock()

    async def _settle(self, started: str | None = None) -> None:
        async with self._turn:
            wanted = "haproxy" in self._running and len(self._running) > 1
            if started not in (None, "haproxy") or (wanted and not self._listening):
                file = self.machine.root / "opt/smartdc/ufds/etc/config.json"
                config = json.loads(file.read_text(encoding="utf-8"))
                changed, self.password = self.password != config["rootPassword"], str(config["rootPassword"])
                is_master, self.is_master = self.is_master, config["ufds_is_master"] is True
                if self._listening and is_master is not self.is_master:
                    await self._serve()
                elif self._listening and changed:
                    await self._process.password(self.listener, self.password)
            if wanted and not self._listening:
                await self._serve()
            elif self._listening and not wanted:
                await self._process.stop(self.listener)
            self._listening = wanted

    async def _serve(self) -> None:
        await self._process.serve(
            self.machine.datacenter.name, self._certificate, self._key, root_password=self.password,
            ns=self.machine.namespace, listener=self.listener, is_master=self.is_master,
        )  # fmt: skip

    async def use_certificate(self, certificate: pathlib.Path, key: pathlib.Path) -> None:
        """Go on with another certificate."""
        self._certificate, self._key = certificate, key
        async with self._turn:
            if self._listening:
                await self._process.stop(self.listener)
                self._listening = False
        await self._settle()

    def part(self, name: str) -> kinds.Daemon:
        """One of the five programs."""
        return _Part(self, name)

    async def started(self, name: str) -> None:
        self._running.add(name)
        await self._settle(name)

    async def stopped(self, name: str) -> None:
        self._running.discard(name)
        await self._settle()


class _Part:
    def __init__(self, front: UfdsFront, name: str) -> None:
        self._front, self._name = front, name

    async def start(self) -> None:
        await self._front.started(self._name)

    async def stop(self) -> None:
        await self._front.stopped(self._name)


class Replicator:
    """ufds-replicator of one replica."""

    def __init__(self, machine: Machine, process: UfdsProcess) -> None:
        self.machine, self._process = machine, process

    async def start(self) -> None:
        root, datacenter = self.machine.root, self.machine.datacenter
        config = json.loads((root / "opt/smartdc/ufds/etc/replicator.json").read_text(encoding="utf-8"))
        await self._process.replicate(
            datacenter.name, config, ns=self.machine.namespace,
            hosts={f"ufds.{datacenter.suffix}": datacenter.zone("ufds").admin_ip},
            log=root / "var/svc/log/smartdc-application-ufds-replicator:default.log",
            pace=max(0.02, self.machine.clock.factor),
        )  # fmt: skip

    async def stop(self) -> None:
        await self._process.stop_replicator(self.machine.datacenter.name)
