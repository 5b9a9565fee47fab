"""The UFDS of a lab and their replicators, in one process: what `process` does when it gets a request."""

from __future__ import annotations

import asyncio
import contextlib
import pathlib
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lab.machine import kinds, namespaces, tls
from lab.ufds import dn, filters, seed
from lab.ufds.directory import Directory, visible
from lab.ufds.log import BunyanLog
from lab.ufds.replicator import Config, Replicator
from lab.ufds.server import Server
from lab.ufds.service import HIDDEN_CONTROL, Service

Event = dict[str, Any]
SCOPES = {"base": 0, "one": 1, "sub": 2}
ROOT = "cn=root"


@dataclass
class Listener:
    """One LDAPS server before a directory."""

    name: str
    server: Server


@dataclass
class Host:
    """Directories by datacenter, and listeners and replicators by the names that they were given."""

    emit: Callable[[Event], None]
    directories: dict[str, Directory] = field(default_factory=dict)
    listeners: dict[str, Listener] = field(default_factory=dict)
    replicators: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    drags: dict[str, float] = field(default_factory=dict)
    dragged: dict[str, Replicator] = field(default_factory=dict)
    pace: int = 0

    def _directory(self, name: str) -> Directory:
        if name not in self.directories:
            raise ValueError(f"no UFDS is called {name}")
        return self.directories[name]

    # ------------------------------------------------------------------------------------------------ servers

    async def serve(
        self, name: str, listener: str, namespace: str | None, host: str, port: int, certificate: str, key: str,
        root_dn: str, root_password: str, is_master: bool | None = None,
    ) -> int:  # fmt: skip
        """Start a listener. One with the same name is stopped first. Returns the port."""
        await self.stop(listener)
        if is_master is not None:
            self._directory(name).is_master = is_master
        context = tls.server_context(pathlib.Path(certificate), pathlib.Path(key))
        server = Server(Service(self._directory(name), root_dn, root_password), context, self.pace)
        if namespace is None:
            sock = kinds.listening_socket(host, port, socket.SOCK_STREAM)
        else:
            sock = namespaces.listen_in(namespace, port, host)
        taken: int = sock.getsockname()[1]
        await server.start(sock)
        self.listeners[listener] = Listener(name, server)
        return taken

    async def stop(self, listener: str) -> None:
        """Stop a listener. The directory keeps its entries. Stopping a listener that does not run is not an error."""
        found = self.listeners.pop(listener, None)
        if found is not None:
            await found.server.stop()

    def listening(self, listener: str) -> Listener:
        if listener not in self.listeners:
            raise ValueError(f"nothing listens as {listener}")
        return self.listeners[listener]

    # ------------------------------------------------------------------------------------------------ replicators

    def replicate(
        self, name: str, namespace: str | None, config: Mapping[str, Any], hosts: Mapping[str, str],
        addresses: Mapping[tuple[str, int], tuple[str, int]], log_file: str | None, pace: float, version: int,
    ) -> None:  # fmt: skip
        """Start a replicator. One with the same name must have been stopped."""
        if name in self.replicators:
            raise ValueError(f"the replicator of {name} runs already")
        dial: kinds.Dial = kinds.LoopbackDial(addresses) if namespace is None else namespaces.NamespaceDial(namespace)
        log = BunyanLog("ufds-replicator", namespace or name, _Sink(name, log_file, self.emit))
        replicator = Replicator(Config.parse(config, version), dial, log, hosts, pace, self.drags.get(name, 0.0))
        self.dragged[name] = replicator
        self.replicators[name] = asyncio.create_task(self._run(name, replicator))

    def drag(self, name: str, seconds: float) -> None:
        """Set how long a replicator needs for each change, now and after its next start."""
        self.drags[name] = seconds
        if name in self.dragged:
            self.dragged[name].drag = seconds

    def backdate(self, name: str, after: int, seconds: float) -> None:
        """Make the changes after a number older."""
        self._directory(name).log.backdate(after, int(seconds * 1000))

    async def _run(self, name: str, replicator: Replicator) -> None:
        status = 1
        try:
            status = await replicator.run()
        finally:
            cancelled = self.replicators.pop(name, None) is None
            if not cancelled:
                self.emit({"event": "replicator-exited", "name": name, "status": status})

    async def stop_replicator(self, name: str) -> None:
        """End a replicator as a signal would; no event follows. Stopping one that does not run is not an error."""
        task = self.replicators.pop(name, None)
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    # ------------------------------------------------------------------------------------------------ entries

    def edit(self, name: str, operation: str, entry: str, wanted: Mapping[str, Any], *, silent: bool) -> list[str]:
        """Change a directory as root would, or silently (without rules and changelog). Returns the changed names."""
        directory = self._directory(name)
        key = dn.parse(entry).key
        match operation, silent:
            case "add", False:
                directory.add(dn.parse(entry), wanted["attributes"])
            case "modify", False:
                directory.modify(key, [(how, kind, values) for how, kind, values in wanted["changes"]])
            case "delete", False:
                gone = [key]
                if wanted.get("subtree"):
                    below = [each for each in directory.store.rows if each.endswith(f", {key}")]
                    gone = [*sorted(below, key=lambda each: -len(dn.parse(each).rdns)), key]
                for each in gone:
                    directory.delete(each)
                return gone
            case (("add" | "modify"), True):
                directory.put_silently(key, wanted["attributes"])
            case "delete", True:
                return directory.remove_silently(key, subtree=bool(wanted.get("subtree")))
            case _:
                raise ValueError(f"edit {operation}: add, modify or delete")
        return [key]

    def query(
        self, name: str, base: str, scope: str, wanted: str, *, hidden: bool, limit: int
    ) -> list[tuple[str, dict[str, list[str]]]]:
        """A search as root, without LDAP in between."""
        service = Service(self._directory(name))
        controls = (HIDDEN_CONTROL,) if hidden else ()
        found = service.search(ROOT, base, SCOPES[scope], filters.from_text(wanted), limit, controls)
        return [(key, dict(attributes) if hidden else visible(attributes)) for key, attributes in found]

    def counters(self, name: str) -> dict[str, int]:
        directory = self._directory(name)
        return {"latest": directory.log.latest, "count": len(directory.log), "entries": len(directory.store)}

    def checkpoint(self, name: str, url: str | None = None) -> int | None:
        """The changenumber of a replica's checkpoint (of the one for `url`, if there are several)."""
        for row in self._directory(name).store.search(filters.from_text("(objectclass=sdcreplcheckpoint)"), None):
            if url is None or url in row.attributes["url"]:
                return int(row.attributes["changenumber"][0])
        return None

    def gap(self, name: str, *, count: int | None, first: int | None, last: int | None) -> int:
        """Make a hole in a changelog: skip `count` numbers before the next change, or remove first … last.

        From 0, all holes are filled.
        """
        log = self._directory(name).log
        if count is not None:
            log.burn(count)
            return count
        if first == 0:
            return log.fill()
        if first is None or last is None:
            raise ValueError("gap: count, or first and last")
        return log.drop(first, last)

    def dump(self, name: str) -> str:
        return seed.as_ldif(self._directory(name))

    async def close(self) -> None:
        for name in list(self.replicators):
            await self.stop_replicator(name)
        for listener in list(self.listeners):
            await self.stop(listener)


class _Sink:
    """Where a replicator's log goes: into the zone's file, if there is one, and into an event for each record."""

    def __init__(self, name: str, path: str | None, emit: Callable[[Event], None]) -> None:
        self._name = name
        self._path = pathlib.Path(path) if path else None
        self._emit = emit
        if self._path is not None:
            self._path.parent.mkdir(parents=True, exist_ok=True)

    def __call__(self, level: str, message: str, line: str) -> None:
        if self._path is not None:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(line + "\n")
        if level != "DEBUG":
            self._emit({"event": "log", "name": self._name, "level": level, "message": message})
