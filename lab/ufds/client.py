"""The lab's side of `lab.ufds.process`."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import itertools
import json
import pathlib
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

from lab.plan.datacenters import Plan
from lab.plan.names import ROOT_DN, ROOT_PASSWORD
from lab.ufds.changelog import Modification

# The process finds the package in the same place as this one, whatever the current directory is.
HOME = pathlib.Path(__file__).resolve().parents[2]
LONGEST_LINE = 256 * 1024 * 1024
Entries = list[tuple[str, dict[str, list[str]]]]


class UfdsError(Exception):
    """The process refused. If a rule of the directory refused, `code` is the LDAP result code."""

    def __init__(self, message: str, code: int | None) -> None:
        super().__init__(message)
        self.code = code


class UfdsProcess:
    """Starts the process, sends it requests, and hands its events to `on_event`.

    lab.ufds.process explains the requests. As an async context manager it starts on entering and ends on leaving.
    """

    def __init__(self, on_event: Callable[[dict[str, Any]], None] | None = None) -> None:
        self._on_event = on_event
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop_process()

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    async def start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "lab.ufds.process", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            limit=LONGEST_LINE, cwd=HOME,
            start_new_session=True,  # Ctrl-C is for the command
        )  # fmt: skip
        self._reading = asyncio.create_task(self._read())

    async def stop_process(self) -> None:
        """End the process by closing its stdin; kill it if that does not help within two seconds."""
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None
        process.stdin.close()
        try:
            async with asyncio.timeout(2):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)

    async def _read(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        try:
            while line := await self._process.stdout.readline():
                document = json.loads(line)
                if "event" in document:
                    if self._on_event is not None:
                        self._on_event(document)
                    continue
                future = self._waiting.pop(document["id"], None)
                if future is None or future.done():
                    continue
                if "error" in document:
                    future.set_exception(UfdsError(document["error"], document["code"]))
                else:
                    future.set_result(document["ok"])
        finally:
            for future in self._waiting.values():
                if not future.done():
                    future.set_exception(UfdsError("the UFDS process is gone", None))

    async def request(self, op: str, **given: Any) -> Any:
        """Send one request and return its answer. Raises UfdsError if it was refused."""
        if self._process is None or self._process.stdin is None:
            raise UfdsError("the UFDS process does not run", None)
        number = next(self._numbers)
        future = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        self._process.stdin.write(json.dumps({"id": number, "op": op, **given}).encode() + b"\n")
        with contextlib.suppress(ConnectionError):  # then _read reports that it is gone
            await self._process.stdin.drain()
        return await future

    # ------------------------------------------------------------------------------------------------ directories

    async def seed(self, the_plan: Plan) -> None:
        """Make the directories of every datacenter of a plan."""
        await self.request("seed", plan=dataclasses.asdict(the_plan))

    async def load(
        self, name: str, ldif: str, hidden: Mapping[str, Any] | None = None, *, master: bool, latest: int | None = None
    ) -> None:
        await self.request("load", name=name, ldif=ldif, hidden=dict(hidden or {}), master=master, latest=latest)

    async def add(self, name: str, dn: str, attributes: Mapping[str, Sequence[str]], *, silent: bool = False) -> None:
        """Add an entry as root would (UfdsError with its code, if the rules refuse), or behind the server's back."""
        await self.request("edit", name=name, edit="add", dn=dn, attributes=dict(attributes), silent=silent)

    async def modify(self, name: str, dn: str, changes: Sequence[Modification]) -> None:
        await self.request("edit", name=name, edit="modify", dn=dn, changes=list(changes))

    async def delete(self, name: str, dn: str, *, subtree: bool = False, silent: bool = False) -> list[str]:
        """Delete an entry. If this is silent (without a changelog entry), it makes the fault "parent missing" on a replica."""
        gone: list[str] = await self.request("edit", name=name, edit="delete", dn=dn, subtree=subtree, silent=silent)
        return gone

    async def query(
        self, name: str, base: str = "o=smartdc", scope: str = "sub", wanted: str = "(objectclass=*)", *,
        hidden: bool = False,
    ) -> Entries:  # fmt: skip
        found = await self.request("query", name=name, base=base, scope=scope, filter=wanted, hidden=hidden)
        return [(key, attributes) for key, attributes in found]

    async def counters(self, name: str) -> dict[str, int]:
        """{latest, count, entries}: latestchangenumber, changelogcount, number of entries."""
        found: dict[str, int] = await self.request("counters", name=name)
        return found

    async def checkpoint(self, name: str, url: str | None = None) -> int | None:
        found: int | None = await self.request("checkpoint", name=name, url=url)
        return found

    async def gap(self, name: str, count: int) -> None:
        """Let the next change of this changelog skip `count` numbers."""
        await self.request("gap", name=name, count=count)

    async def fill(self, name: str) -> None:
        """Fill the gaps of this changelog with changes that change nothing."""
        await self.request("gap", name=name, first=0)

    async def drop_changes(self, name: str, first: int, last: int) -> int:
        dropped: int = await self.request("gap", name=name, first=first, last=last)
        return dropped

    # ------------------------------------------------------------------------------------------------ servers

    async def serve(
        self, name: str, cert: pathlib.Path, key: pathlib.Path, *, root_dn: str = ROOT_DN,
        root_password: str = ROOT_PASSWORD, ns: str | None = None, host: str = "0.0.0.0", port: int = 636,
        listener: str | None = None, is_master: bool | None = None,
    ) -> int:  # fmt: skip
        """Start the LDAPS server of a datacenter; when this returns, it listens. Returns the port (0 takes a free one)."""
        taken: int = await self.request(
            "serve", name=name, listener=listener, ns=ns, host=host, port=port, cert=str(cert), key=str(key),
            root_dn=root_dn, root_password=root_password, is_master=is_master,
        )  # fmt: skip
        return taken

    async def stop(self, listener: str) -> None:
        await self.request("stop", listener=listener)

    async def mode(self, listener: str, mode: str, delay: float = 5.0) -> None:
        """Set the mode: normal, hang, slow, garbage, cut or endless, until the listener is started again."""
        await self.request("mode", listener=listener, mode=mode, delay=delay)

    async def password(self, listener: str, root_password: str) -> None:
        await self.request("password", listener=listener, root_password=root_password)

    # ------------------------------------------------------------------------------------------------ replicators

    async def replicate(
        self, name: str, config: Mapping[str, Any], *, ns: str | None = None, hosts: Mapping[str, str] | None = None,
        log: pathlib.Path | None = None, pace: float = 1.0, version: int = 20,
        addresses: Mapping[tuple[str, int], tuple[str, int]] | None = None,
    ) -> None:  # fmt: skip
        """Start the replicator of a zone from its rendered replicator.json; `hosts` are the names that resolve."""
        await self.request(
            "replicate", name=name, config=dict(config), ns=ns, hosts=dict(hosts or {}), log=str(log) if log else None,
            pace=pace, version=version, addresses=[[*of, *to] for of, to in (addresses or {}).items()],
        )  # fmt: skip

    async def drag(self, name: str, seconds: float) -> None:
        """Set how long a replicator needs for each change from now on."""
        await self.request("drag", name=name, seconds=seconds)

    async def backdate(self, name: str, after: int, seconds: float) -> None:
        """Make the changes of this changelog after a number older."""
        await self.request("backdate", name=name, after=after, seconds=seconds)

    async def stop_replicator(self, name: str) -> None:
        await self.request("stop-replicator", name=name)

    async def status(self) -> dict[str, Any]:
        found: dict[str, Any] = await self.request("status")
        return found
