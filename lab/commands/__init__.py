"""What the commands of head nodes and zones answer.  One module per kind; `answer` finds the one that was typed.

The stub (lab/stub.py) sends zone, directory and arguments; here is decided what is printed, or what is to be executed.
What Triton has and the lab does not imitate says so and exits 127: never a made-up answer.
"""

from __future__ import annotations

import asyncio
import logging
import pathlib
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lab.daemon import Lab
    from lab.machine import Machine, Site

log = logging.getLogger("lab.commands")
MAX_REQUEST = 4 * 1024 * 1024
NOT_IMITATED = 127


class UsageError(Exception):
    """The command was typed in a way that it, or the lab, does not take; `code` is its exit status."""

    def __init__(self, text: str, code: int = 2) -> None:
        super().__init__(text)
        self.code = code


class Call:
    """One command that somebody typed: where, with what, and what goes back."""

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
        """The stub becomes this program (path within the zone's tree); nothing may be sent afterwards."""
        self.send(b"x", b"\0".join(word.encode("utf-8", "surrogateescape") for word in argv))

    def path(self, text: str) -> pathlib.Path:
        """A path that was typed, as the lab sees it; one that leads out of the tree is not followed."""
        root = self.machine.root
        joined = pathlib.PurePosixPath(self.cwd, text)
        found = root.joinpath(*joined.parts[1:])
        if root not in (found, *found.parents) or ".." in joined.parts:
            raise UsageError(f"{self.name}: {text}: the lab does not follow paths with '..'", NOT_IMITATED)
        return found

    def typed(self, path: object) -> str:
        """A path of the lab's as it is in the zone."""
        return f"/{str(path).removeprefix(str(self.machine.root)).lstrip('/')}"


Handler = Callable[[Call], Awaitable[int | None]]
_handlers: dict[str, Handler] = {}


def command(*names: str) -> Callable[[Handler], Handler]:
    """Registers the imitation of one command under its names; None as its result means that the stub executes."""

    def register(handler: Handler) -> Handler:
        for name in names:
            _handlers[name] = handler
        return handler

    return register


async def answer(lab: Lab, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Serves one stub."""
    try:
        size = int.from_bytes(await reader.readexactly(4), "big")
        if size > MAX_REQUEST:
            return
        words = (await reader.readexactly(size)).decode("utf-8", "surrogateescape").split("\0")
        site, machine = lab.find(words[0])
        call = Call(lab, site, machine, words[1], words[2:], reader, writer)
        code = await _run(call)
        if code is not None:
            call.send(b"q", bytes([code & 255]))
        await writer.drain()
    except (OSError, EOFError):
        pass  # the command was killed: nobody waits for its answer
    finally:
        writer.close()


async def _run(call: Call) -> int | None:
    handler = _handlers.get(call.name)
    if handler is None:
        call.err(f"{call.name}: this lab does not imitate it\n")
        return NOT_IMITATED
    try:
        return await handler(call)
    except UsageError as error:
        call.err(f"{error}\n")
        return error.code
    except (ConnectionError, EOFError):
        raise
    except Exception as error:  # a defect of the lab must not look like an answer of Triton
        if isinstance(error, OSError) and error.filename is not None:
            call.err(f"{call.name}: {call.typed(error.filename)}: {error.strerror}\n")
            return 1
        log.exception("%s in %s", call.argv, call.machine.zone.id)
        call.err(f"{call.name}: the lab failed; see its log\n")
        return 125


def load() -> None:
    """Imports the modules that register commands."""
    from lab.commands import (  # noqa: F401
        accounts,
        cloudapi,
        health,
        host,
        ldap,
        login,
        manta,
        network,
        sapiadm,
        services,
        text,
        usbkey,
        web,
    )
