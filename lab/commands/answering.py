"""Serves the stubs: it finds the module of the command that was typed, and lets it answer."""

from __future__ import annotations

import asyncio
import importlib
import logging
import pkgutil

from lab import commands
from lab.commands.call import HANDLERS, NOT_IMITATED, Call, UsageError
from lab.state.lab import Lab

log = logging.getLogger("lab.commands")
MAX_REQUEST = 4 * 1024 * 1024


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
    handler = HANDLERS.get(call.name)
    if handler is None:
        call.err(f"{call.name}: this lab does not imitate it\n")
        return NOT_IMITATED
    try:
        return await handler(call)
    except UsageError as error:
        call.err(f"{error}\n" if str(error) else "")
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
    """Import the modules beside this one: they register their commands."""
    for module in pkgutil.iter_modules(commands.__path__):
        importlib.import_module(f"{commands.__name__}.{module.name}")
