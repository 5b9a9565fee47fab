"""config-agent (in each zone) and net-agent (on each head node): they carry a change to where it works.

config-agent polls SAPI's /configs/INSTANCE over its zone's network every 60-180 s, with the last ETag; it renders with
Mustache, writes only what differs, and then runs the manifest's post_cmd.  A file edited by hand stays until the
metadata change or the agent starts again.  net-agent compares each VM's routes with those of its networks in NAPI, and
sets and removes until they are equal (facts: hazard 1).
"""

from __future__ import annotations

import asyncio
import functools
import html
import json
import logging
import random
from collections.abc import Mapping
from typing import Any

import pystache
import pystache.parser

from lab import data, http, net, sshd
from lab.machine import Machine, Site

log = logging.getLogger("lab.agents")
TIMEOUT = 5.0
CONFIG_AGENT_PACE = (60.0, 180.0)
NET_AGENT_PACE = 60.0


class _JsFalse(str):
    """`false` as JavaScript's Mustache sees it: prints as "false", and opens no section."""

    def __bool__(self) -> bool:
        return False


def _as_js(value: Any) -> Any:
    if value is True:
        return "true"
    if value is False:
        return _JsFalse("false")
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, dict):
        return {key: _as_js(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_as_js(inner) for inner in value]
    return value


@functools.lru_cache(maxsize=256)
def _parsed(template: str) -> Any:
    return pystache.parser.parse(template)


def render(template: str, metadata: Mapping[str, Any]) -> str:
    """A template filled in as config-agent's hogan.js does it."""
    renderer = pystache.Renderer(escape=html.escape, missing_tags="ignore")
    return str(renderer.render(_parsed(template), _as_js(dict(metadata))))


class Agent:
    """Something that looks again and again; `look_now` asks for a look that begins after the call, and waits for it."""

    def __init__(self) -> None:
        self._task: asyncio.Task[None] | None = None
        self._due = asyncio.Event()
        self._looked = asyncio.Condition()
        self._begun = self._ended = 0

    @property
    def running(self) -> bool:
        return self._task is not None

    async def start(self) -> None:
        self.reset()
        self._task = asyncio.create_task(self._loop())

    async def stop(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        async with self._looked:
            self._looked.notify_all()

    async def look_now(self) -> None:
        """Returns when a whole look has been taken since the call, or when the agent does not run."""
        wanted = self._begun + 1
        self._due.set()
        async with self._looked:
            await self._looked.wait_for(lambda: self._ended >= wanted or not self.running)

    def wake(self) -> None:
        """Something has changed: the agent looks as soon as it can."""
        self._due.set()

    def reset(self) -> None:
        """What the agent forgets when it starts."""

    def pause(self) -> float:
        raise NotImplementedError

    async def look(self) -> None:
        raise NotImplementedError

    async def _loop(self) -> None:
        while True:
            try:
                await asyncio.wait_for(self._due.wait(), self.pause())
            except TimeoutError:
                pass
            self._due.clear()
            self._begun += 1
            mine = self._begun
            try:
                await self.look()
            except (OSError, TimeoutError, EOFError, ValueError, http.BadMessageError) as error:
                log.info("%r: %r", self, error)
            except Exception:  # a defect of the lab; who waits for a look must not wait for ever
                log.exception("%r", self)
            async with self._looked:
                self._ended = mine
                self._looked.notify_all()


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
        commands = self.write(config)
        self._etag = answer.headers.get("etag")
        for command in commands:
            await self._run(command)

    def write(self, config: Mapping[str, Any]) -> list[str]:
        """Renders what differs; the commands that are to follow."""
        metadata = dict(config["metadata"]) | {"auto": data.auto_metadata(self.machine.zone, self.machine.datacenter)}
        commands = []
        for manifest in config["manifests"]:
            path = self.machine.root / manifest["path"].lstrip("/")
            text = render(manifest["template"], metadata)
            if path.is_file() and path.read_text(encoding="utf-8", errors="replace") == text:
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            if manifest.get("post_cmd"):
                commands.append(manifest["post_cmd"])
        return commands

    async def _run(self, command: str) -> None:
        process = await asyncio.create_subprocess_exec(
            *sshd.enter(self.machine, "/usr/bin/bash", "-c", command),
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
            env=sshd.environment(self.machine),
        )  # fmt: skip
        said, _ = await process.communicate()
        if process.returncode:
            log.info("%r: %s: %s", self, command, said.decode(errors="replace").strip())


class NetAgent(Agent):
    """net-agent of one head node."""

    def __init__(self, site: Site) -> None:
        super().__init__()
        self.site = site

    def __repr__(self) -> str:
        return f"net-agent of {self.site.datacenter.name}"

    def pause(self) -> float:
        return NET_AGENT_PACE * self.site.headnode.clock.factor

    async def look(self) -> None:
        host = self.site.datacenter.zone("napi").admin_ip
        answer = await http.fetch(self.site.headnode.dial, host, 80, "/networks", within=TIMEOUT)
        if answer.status != 200:
            return
        by_uuid = {network["uuid"]: network.get("routes") or {} for network in json.loads(answer.body)}
        for machine in self.site.zones.values():
            wanted: dict[str, str] = {}
            for nic in machine.zone.nics:
                wanted = by_uuid.get(nic.network_uuid, {}) | wanted  # the first NIC goes before
            gone = [route for route in machine.routes if route not in wanted]
            if gone:
                machine.remove_routes(gone)
            missing = {to: via for to, via in wanted.items() if machine.routes.get(to) != via}
            try:
                if missing:
                    machine.add_routes(missing)
            except net.NetworkError:
                self._one_by_one(machine, missing)

    def _one_by_one(self, machine: Machine, routes: Mapping[str, str]) -> None:
        """One of them leads to no gateway of the zone's; the others are set all the same."""
        for to, via in routes.items():
            try:
                machine.add_routes({to: via})
            except net.NetworkError as error:
                log.info("%r: %s: %s", self, machine.zone.id, error)
