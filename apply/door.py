"""The one door through which the suite changes anything: a command on a head node, once.

It is apart from collecting, which asks again when a connection breaks.  Here nothing is repeated: what broke off is unknown.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import Final, Protocol

import asyncssh

from evidence.collect.line import Line
from evidence.collect.login import line
from evidence.collect.unanswered import UnansweredError, reason
from evidence.inventory.model import Inventory

LARGEST: Final = 4 << 20


@dataclass(frozen=True)
class Answer:
    """What a command said.  `code` None: it is not known how it ended, and `why` says what is known."""

    code: int | None
    out: str = ""
    err: str = ""
    why: str = ""
    sent: bool = True
    """False: nothing went out, for there was no connection."""


class Door(Protocol):
    """Runs commands on head nodes."""

    def run(self, datacenter: str, command: str, within: float) -> Answer: ...


class SshDoor:
    """Over SSH, as the operator's own `ssh` would; a connection for each command."""

    def __init__(self, inventory: Inventory) -> None:
        self._inventory = inventory

    def run(self, datacenter: str, command: str, within: float) -> Answer:
        declared = self._inventory.datacenters.get(datacenter)
        if declared is None or not declared.headnode:
            return Answer(None, why=f"the inventory names no head node of {datacenter}", sent=False)
        return asyncio.run(self._run(datacenter, command, within))

    async def _run(self, datacenter: str, command: str, within: float) -> Answer:
        try:
            opened = await line(self._inventory.datacenters[datacenter], self._inventory.timeouts)
        except UnansweredError as error:
            return Answer(None, why=str(error), sent=False)
        try:
            return await _once(opened, command, within)
        finally:
            await opened.close()


async def _once(opened: Line, command: str, within: float) -> Answer:
    """The command's own words and status, without what the login shell said before it began."""
    out, err = opened.marker.stream(), opened.marker.stream()
    said, told = bytearray(), bytearray()
    why = ""
    code = None
    try:
        async with asyncio.timeout(within):
            process: asyncssh.SSHClientProcess[bytes] = await opened.connection.create_process(
                opened.marker.sent(command), encoding=None
            )
            with contextlib.suppress(BrokenPipeError, ConnectionError):
                process.stdin.write_eof()
            await asyncio.gather(_kept(process.stdout, out.answer, said), _kept(process.stderr, err.answer, told))
            await process.wait_closed()
            code = process.exit_status
    except TimeoutError:
        why = f"it did not end within {within:g} s"
    except (asyncssh.Error, OSError) as error:
        why = f"the connection broke: {reason(error)}"
    if code is None and not why:
        why = "the connection broke before it ended"
    if code is not None and not out.begun:
        code, why = None, f"it was not run by the head node: instead of an answer came {out.instead}"
    return Answer(code, said.decode("utf-8", "replace"), told.decode("utf-8", "replace"), why)


async def _kept(stream: asyncssh.SSHReader[bytes], answer: object, into: bytearray) -> None:
    """Reads a stream to its end, and keeps no more than what a person or a parser can use."""
    assert callable(answer)
    while part := await stream.read(65536):
        into += answer(part)[: max(0, LARGEST - len(into))]
