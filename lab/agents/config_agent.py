"""config-agent, in each zone: it writes SAPI's metadata into the zone's files.

It polls SAPI's /configs/INSTANCE over its zone's network every 60-180 s, with the last ETag. It renders with Mustache, writes only what
differs, and then runs the manifest's post_cmd. A file that was edited by hand stays until the metadata change or the agent starts again.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Iterator, Mapping
from typing import Any

from lab.agents.agent import TIMEOUT, Agent, log
from lab.agents.mustache import render
from lab.machine import sshd
from lab.machine.machines import Machine
from lab.plan.sapi import auto_metadata
from lab.servers import http

CONFIG_AGENT_PACE = (60.0, 180.0)


class ConfigAgent(Agent):
    """config-agent of one zone."""

    def __init__(self, machine: Machine) -> None:
        super().__init__()
        self.machine = machine
        self._etag: str | None = None

    def __repr__(self) -> str:
        return f"config-agent of {self.machine.zone.id}"

    def reset(self) -> None:
        self._etag = None

    def pause(self) -> float:
        return random.uniform(*CONFIG_AGENT_PACE) * self.machine.clock.factor

    async def look(self) -> None:
        headers = {"Accept": "application/json", "Accept-Version": "~2"}
        if self._etag:
            headers["If-None-Match"] = self._etag
        host = self.machine.datacenter.zone("sapi").admin_ip
        target = f"/configs/{self.machine.zone.uuid}"
        answer = await http.fetch(self.machine.dial, host, 80, target, headers=headers, within=TIMEOUT)
        if answer.status != 200:
            return
        config = json.loads(answer.body)
        for command in self.write(config):
            await self._run(command)
        self._etag = answer.headers.get("etag")

    def write(self, config: Mapping[str, Any]) -> Iterator[str]:
        """Render what differs. Each file's command is due before the next file is written (sdc-config-agent: lib/agent/agent.js)."""
        metadata = dict(config["metadata"]) | {"auto": auto_metadata(self.machine.zone, self.machine.datacenter)}
        for manifest in config["manifests"]:
            path = self.machine.root / manifest["path"].lstrip("/")
            text = render(manifest["template"], metadata)
            if path.is_file() and path.read_text(encoding="utf-8", errors="replace") == text:
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            if manifest.get("post_cmd"):
                yield manifest["post_cmd"]

    async def _run(self, command: str) -> None:
        process = await asyncio.create_subprocess_exec(
            *sshd.enter(self.machine, "/usr/bin/bash", "-c", command),
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
            env=sshd.environment(self.machine),
        )  # fmt: skip
        said, _ = await process.communicate()
        if process.returncode:
            log.info("%r: %s: %s", self, command, said.decode(errors="replace").strip())
