"""SMF as Triton's operators see it: each zone has a set of services, each with a state and the time when it was entered.

The states are online, offline, disabled and maintenance. While a service changes its state, it carries a `*` (facts). As in SMF, a restart
does nothing for a service that is disabled or in maintenance, and only `clear` ends maintenance. A program that ends by itself is started
again, until it has ended too often.
"""

from __future__ import annotations

import asyncio
import errno
import fnmatch
import logging
import pathlib
import time
from collections.abc import Callable, Coroutine, Iterator

from lab.machine import kinds

log = logging.getLogger("lab.smf")
Made = Callable[[], kinds.Daemon]
TOO_OFTEN = 3
WITHIN = 60.0
"""If a program ends too often within so many seconds, SMF does not start it again."""


class Service:
    """One service instance. Its daemon is made anew at each start, so it reads its configuration again."""

    def __init__(self, fmri: str, make: Made | None = None, logs: pathlib.Path | None = None) -> None:
        self.fmri = fmri
        self._log = logs and logs / f"{fmri.removeprefix('svc:/').replace('/', '-')}.log"
        self.state = "offline"
        self.changing = False
        self.stime = time.time()
        self.started: float | None = None  # when the start method last ran
        self.reason = ""
        self._make = make
        self._daemon: kinds.Daemon | None = None
        self._turn = asyncio.Lock()
        self._ends: list[float] = []

    @property
    def name(self) -> str:
        """smartdc/application/cloudapi, without the scheme and the instance."""
        return self.fmri.removeprefix("svc:/").rpartition(":")[0]

    @property
    def shown_state(self) -> str:
        return self.state + "*" * self.changing

    def _enter(self, state: str) -> None:
        if state != self.state or state == "online":
            self.state, self.stime = state, time.time()

    async def _start(self) -> None:
        self.started = time.time()
        if self._make is not None:
            self._daemon = self._make()
            try:
                await self._daemon.start()
            except Exception as error:  # a program that cannot start is SMF's business, whatever it raised
                log.warning("%s cannot start: %r", self.fmri, error)
                await self._stop()
                self._note('Executing start method ("/lib/svc/method/start").', said=_as_node(error))
                self._note('Method "start" exited with status 1.')
                self.reason = str(error)
                self._enter("maintenance")
                return
        self.reason = ""
        self._enter("online")

    async def _stop(self) -> None:
        daemon, self._daemon = self._daemon, None
        if daemon is not None:
            await daemon.stop()

    async def enable(self) -> None:
        async with self._turn:
            if self.state in {"online", "maintenance"}:
                return
            await self._change(self._start())

    async def disable(self) -> None:
        async with self._turn:
            await self._change(self._stop())
            self._enter("disabled")

    async def restart(self) -> None:
        async with self._turn:
            if self.state == "online":
                await self._change(self._stop(), self._start())

    async def clear(self) -> None:
        async with self._turn:
            if self.state == "maintenance":
                await self._change(self._start())

    async def fail(self, reason: str) -> None:
        """The program ended by itself with an error: it is started again, or put into maintenance if it ended too often."""
        async with self._turn:
            if self.state != "online":
                return
            now = time.time()
            self._ends = [end for end in self._ends if now - end < WITHIN] + [now]
            if len(self._ends) < TOO_OFTEN:
                await self._change(self._stop(), self._start())
                return
            self._ends.clear()
            await self._stop()
            self._note("Stopping because all processes in service exited.")
            self._note("Restarting too quickly, changing state to maintenance.")
            self.reason = reason
            self._enter("maintenance")

    def _note(self, text: str, said: str = "") -> None:
        """A line of svc.startd's in the service's log, and what the program said then (illumos-gate:usr/src/cmd/svc/startd/log.c)."""
        if self._log is not None and self._log.parent.is_dir():
            with self._log.open("a", encoding="utf-8") as file:
                file.write(f"[ {time.strftime('%b %e %H:%M:%S')} {text} ]\n{said}")

    async def _change(self, *steps: Coroutine[object, object, None]) -> None:
        self.changing = True
        try:
            for step in steps:
                await step
        finally:
            self.changing = False


def _as_node(error: Exception) -> str:
    """How node would have said it, on its way out."""
    if isinstance(error, ValueError):
        return "SyntaxError: Unexpected token in JSON\n    at JSON.parse (<anonymous>)\n"
    if isinstance(error, AssertionError):
        return f"AssertionError: {error}\n"
    if isinstance(error, OSError) and error.errno:
        return f"Error: {errno.errorcode.get(error.errno, 'EIO')}: {error.strerror}\n"
    return f"Error: {error}\n"


class Services:
    """The services of one zone. `logs` is the folder of their logs."""

    def __init__(self, logs: pathlib.Path | None = None) -> None:
        self._by_fmri: dict[str, Service] = {}
        self._logs = logs

    def add(self, fmri: str, make: Made | None = None) -> Service:
        self._by_fmri[fmri] = service = Service(fmri, make, self._logs)
        return service

    def remove(self, fmri: str) -> None:
        """`svccfg delete` of a service that is disabled."""
        del self._by_fmri[fmri]

    def __iter__(self) -> Iterator[Service]:
        return iter(self._by_fmri.values())

    def get(self, fmri: str) -> Service:
        return self._by_fmri[fmri]

    def matching(self, pattern: str) -> list[Service]:
        """The services for a pattern of svcs and svcadm: an FMRI, the end of one (with or without its instance), or a glob of these."""
        return [service for service in self if _matches(service, pattern)]


def _matches(service: Service, pattern: str) -> bool:
    if pattern.startswith("svc:"):
        wanted = "svc:/" + pattern.removeprefix("svc:").lstrip("/")
        return fnmatch.fnmatchcase(service.fmri, wanted) or fnmatch.fnmatchcase("svc:/" + service.name, wanted)
    for form in (service.fmri.removeprefix("svc:/"), service.name):
        parts = form.split("/")
        if any(fnmatch.fnmatchcase("/".join(parts[start:]), pattern) for start in range(len(parts))):
            return True
    return False
