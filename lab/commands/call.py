"""One command that somebody typed, and the table of the imitated commands."""

from __future__ import annotations

import asyncio
import pathlib
from collections.abc import Awaitable, Callable

from lab.machine.machines import Machine, Site
from lab.state.lab import Lab

NOT_IMITATED = 127


class UsageError(Exception):
    """The command was typed in a way that it, or the lab, does not take; `code` is its exit status."""

    def __init__(self, text: str, code: int = 2) -> None:
        super().__init__(text)
        self.code = code


class Call:
    """One command that somebody typed: where, with what, and what it prints."""

    def __init__(
        self, lab: Lab, site: Site, machine: Machine, cwd: str, argv: list[str],
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter,
    ) -> None:  # fmt: skip
        self.lab = lab
        self.site = site
        self.machine = machine
        self.cwd = cwd
        self.argv = argv
        self._reader = reader
        self._writer = writer

    @property
    def name(self) -> str:
        return self.argv[0]

    @property
    def arguments(self) -> list[str]:
        return self.argv[1:]

    @property
    def on_headnode(self) -> bool:
        return self.machine is self.site.headnode

    @property
    def in_global_zone(self) -> bool:
        return self.machine in (self.site.headnode, *self.site.compute_nodes)

    @property
    def server(self) -> Machine:
        """The global zone of the server on which it is typed."""
        return self.site.server_of(self.machine)

    @property
    def zones(self) -> list[Machine]:
        """The zones on this server."""
        return self.site.zones_of(self.machine.zone.server)

    def zone(self, uuid: str) -> Machine | None:
        """A zone of this server, if the command was typed in the global zone."""
        return next((each for each in self.zones if each.zone.uuid == uuid and self.in_global_zone), None)

    def send(self, kind: bytes, payload: bytes) -> None:
        self._writer.write(kind + len(payload).to_bytes(4, "big") + payload)

    def out(self, text: str | bytes) -> None:
        self.send(b"o", text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape"))

    def err(self, text: str) -> None:
        self.send(b"e", text.encode("utf-8", "surrogateescape"))

    async def stdin(self) -> bytes:
        """All of standard input."""
        self.send(b"i", b"")
        await self._writer.drain()
        return await self._reader.readexactly(int.from_bytes(await self._reader.readexactly(4), "big"))

    def execute(self, *argv: str) -> None:
        """Make the stub become this program (a path within the zone's tree). Nothing may be sent afterwards."""
        self.send(b"x", b"\0".join(word.encode("utf-8", "surrogateescape") for word in argv))

    def path(self, text: str) -> pathlib.Path:
        """A typed path, as the lab sees it. A path that leads out of the tree is not followed."""
        root = self.machine.root
        joined = pathlib.PurePosixPath(self.cwd, text)
        found = root.joinpath(*joined.parts[1:])
        if root not in (found, *found.parents) or ".." in joined.parts:
            raise UsageError(f"{self.name}: {text}: the lab does not follow paths with '..'", NOT_IMITATED)
        return found

    def typed(self, path: object) -> str:
        """A path of the lab, as it is within the zone."""
        return f"/{str(path).removeprefix(str(self.machine.root)).lstrip('/')}"


Handler = Callable[[Call], Awaitable[int | None]]
HANDLERS: dict[str, Handler] = {}


def command(*names: str) -> Callable[[Handler], Handler]:
    """Register the imitation of one command under its names. If it returns None, the stub executes something."""

    def register(handler: Handler) -> Handler:
        for name in names:
            HANDLERS[name] = handler
        return handler

    return register
