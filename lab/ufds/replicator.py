"""The ufds-replicator of one zone: it polls the master's changelog and applies it to the local UFDS.

It follows sdc-ufds:lib/ufds-replicator/{replicator,instance,checkpoint}.js, with its faults: it takes a gap of more than 50 numbers for
"caught up", and it retries for ever after any error except a clash of unique attributes.
"""

from __future__ import annotations

import asyncio
import errno
import hashlib
import ipaddress
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from lab.machine import kinds
from lab.ufds import messages
from lab.ufds.directory import SUB
from lab.ufds.errors import LdapError
from lab.ufds.ldapclient import LdapClient
from lab.ufds.log import BunyanLog, error_field
from lab.ufds.operations import FATAL_CODES, Applier, Query, Replicated
from lab.ufds.validators import integer

POLL_INTERVAL = 1.0
QUEUE_SIZE = 50
EXIT_DELAY = 2.0  # from a clash to the end of the process: time for three tries
FIRST_RETRY, LONGEST_RETRY = 0.1, 30.0
CONNECT_TIMEOUT = 60.0
SCHEMA_TOO_NEW = (
    "Remote UFDS schema version is greater than the local UFDS version.  It is unsafe to apply entries.  "
    "Please upgrade this UFDS instance."
)


@dataclass(frozen=True)
class Remote:
    """A UFDS as replicator.json names it."""

    url: str
    bind_dn: str
    password: str

    @property
    def address(self) -> tuple[str, int]:
        parts = urlsplit(self.url)
        return parts.hostname or "", parts.port or 636


@dataclass(frozen=True)
class Config:
    """replicator.json; `local_version` is moray.version of the ufds config beside it."""

    checkpoint_dn: str
    local: Remote
    remote: Remote
    queries: tuple[str, ...]
    local_version: int = 20

    @classmethod
    def parse(cls, document: Mapping[str, Any], local_version: int = 20) -> Config:
        """Read the rendered file's JSON. Raises KeyError or IndexError if a part is missing."""

        def remote(part: Mapping[str, Any]) -> Remote:
            return Remote(part["url"], part["bindDN"], part["bindCredentials"])

        first = document["remotes"][0]
        queries = tuple(first["queries"])
        return cls(document["checkpointDn"], remote(document["localUfds"]), remote(first), queries, local_version)


@dataclass
class Replicator:
    """One process. `pace` multiplies every pause, and `hosts` resolves names that are not addresses.

    `drag` is a pause of so many seconds after each change, as for a UFDS that can hardly write.
    """

    config: Config
    dial: kinds.Dial
    log: BunyanLog
    hosts: Mapping[str, str] = field(default_factory=dict)
    pace: float = 1.0
    drag: float = 0.0

    def __post_init__(self) -> None:
        self.queries = tuple(map(Query.parse, self.config.queries))
        self.changenumber = 0
        self.searchnumber = 0
        self.caught_up = False
        self.checkpoint_name = ""
        self._dying: asyncio.TimerHandle | None = None
        self._local: LdapClient | None = None
        self._remote: LdapClient | None = None

    async def run(self) -> int:
        """Run until it exits by itself; returns the status. Cancelling it acts like a signal."""
        self._end = asyncio.get_running_loop().create_future()
        work = asyncio.create_task(self._work())
        try:
            done, _ = await asyncio.wait({work, self._end}, return_when=asyncio.FIRST_COMPLETED)
            return 1 if self._end in done else work.result()
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
            if self._dying is not None:
                self._dying.cancel()
            for client in (self._local, self._remote):
                if client is not None:
                    await client.close()

    async def _work(self) -> int:
        self.log.info("Processing configuration file")
        self.log.info("found local ufds version", version=self.config.local_version)
        self._local = await self._connected_local()
        self._remote = await self._connected_remote()
        started = False
        while True:
            try:
                await self._init_checkpoint()
                self.log.info("[0] UFDS client bound!")
                if not started:
                    self.log.info("Replicator has started!")
                    started = True
                await self._poll_while_connected()
            except (OSError, LdapError) as error:
                self.log.error("Error executing the poll function", err=error_field(error))
                await asyncio.sleep(POLL_INTERVAL * self.pace)
            if self._local.lost.is_set():
                self.log.warn("LDAP client disconnected")
                self._local = await self._connected_local()
            if self._remote.lost.is_set():
                self.log.warn("client [0] disconnected")
                self._remote = await self._connected_remote()

    # ------------------------------------------------------------------------------------------------ connections

    async def _connected_local(self) -> LdapClient:
        async def attempt() -> LdapClient:
            client = await self._connect(self.config.local, "Local UFDS client error")
            try:
                await client.bind(self.config.local.bind_dn, self.config.local.password)
            except (LdapError, OSError) as error:
                await client.close()
                self.log.error("Local UFDS: invalid credentials; aborting", err=error_field(error))
                raise
            self.log.info("Local UFDS: connected and bound", bindDN=self.config.local.bind_dn)
            return client

        client, attempts = await self._insist(attempt, "ufds: connection attempt failed")
        self.log.debug(f"connected after {attempts} attempt(s)")
        return client

    async def _connected_remote(self) -> LdapClient:
        remote = self.config.remote

        async def attempt() -> LdapClient:
            client = await self._connect(remote, "Remote UFDS client [0] error")
            try:
                await client.bind(remote.bind_dn, remote.password)
            except (LdapError, OSError) as error:
                await client.close()
                fields = {"bindDN": remote.bind_dn, "err": error_field(error)}
                self.log.error("client [0]: invalid credentials; aborting", **fields)
                raise
            self.log.info("Remote UFDS [0]: connected and bound", bindDN=remote.bind_dn)
            return client

        return (await self._insist(attempt, "ufds: client [0] connection attempt failed"))[0]

    async def _connect(self, remote: Remote, complaint: str) -> LdapClient:
        host, port = remote.address
        try:
            return await LdapClient.connect(self.dial, self._resolved(host), port, CONNECT_TIMEOUT * self.pace)
        except (OSError, EOFError, TimeoutError, ssl.SSLError) as error:
            self.log.fatal(complaint, err={"message": _node_message(error, host, port), "name": "Error"})
            raise

    def _resolved(self, host: str) -> str:
        try:
            return str(ipaddress.ip_address(host))
        except ValueError:
            if host not in self.hosts:
                raise OSError(errno.ENOENT, f"getaddrinfo ENOTFOUND {host}") from None
            return self.hosts[host]

    async def _insist(self, attempt: Callable[[], Awaitable[LdapClient]], complaint: str) -> tuple[LdapClient, int]:
        """Try for ever, with a pause that doubles from 0.1 s to 30 s."""
        tries = 0
        while True:
            try:
                return await attempt(), tries + 1
            except (OSError, EOFError, TimeoutError, LdapError):
                delay = min(FIRST_RETRY * 2**tries, LONGEST_RETRY)
                say = self.log.info if tries == 0 else self.log.warn if tries < 5 else self.log.error
                say(complaint, attempt=tries, delay=int(delay * 1000))
                tries = min(tries + 1, 30)
                await asyncio.sleep(delay * self.pace)

    # ------------------------------------------------------------------------------------------------ checkpoint

    async def _init_checkpoint(self) -> None:
        """The checkpoint belongs to the remote url. Another url starts at 0 again."""
        assert self._local is not None
        url = self.config.remote.url
        wanted = messages.conjunction(
            messages.equality("objectclass", "sdcreplcheckpoint"), messages.equality("url", url)
        )
        found = await self._local.search(self.config.checkpoint_dn, SUB, wanted)
        if found:
            self.checkpoint_name, attributes = found[0]
            self.changenumber = int(attributes["changenumber"][0])
            self.log.debug(f"Got changenumber {self.changenumber} on dn {self.checkpoint_name}")
        else:
            uid = hashlib.md5(url.encode(), usedforsecurity=False).hexdigest()
            self.checkpoint_name = f"uid={uid}, {self.config.checkpoint_dn}"
            self.changenumber = 0
            self.log.debug(f"No checkpoint, initializing dn {self.checkpoint_name} to 0")
            entry = {"objectclass": ["sdcreplcheckpoint"], "changenumber": ["0"], "uid": [uid], "url": [url],
                     "query": list(self.config.queries)}  # fmt: skip
            await self._local.add(self.checkpoint_name, entry)
        self.log.debug("Checkpoint initialized")
        self.searchnumber = self.changenumber

    async def _set_checkpoint(self, number: int) -> None:
        assert self._local is not None
        self.changenumber = number
        await self._local.modify(self.checkpoint_name, [("replace", "changenumber", [str(number)])])
        self.log.debug(f"Checkpoint set to {number}")

    # ------------------------------------------------------------------------------------------------ polling

    async def _poll_while_connected(self) -> None:
        """Search once a second; returns when a connection is lost."""
        assert self._local is not None
        assert self._remote is not None
        lost = [asyncio.create_task(client.lost.wait()) for client in (self._local, self._remote)]
        try:
            while not any(task.done() for task in lost):
                began = asyncio.get_running_loop().time()
                try:
                    await self._poll()
                except OSError:
                    return
                pause = began + POLL_INTERVAL * self.pace - asyncio.get_running_loop().time()
                await asyncio.wait(lost, timeout=max(pause, 0), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in lost:
                task.cancel()

    async def _poll(self) -> None:
        assert self._remote is not None
        first, last = self.changenumber, self.changenumber + QUEUE_SIZE
        wanted = messages.conjunction(
            messages.equality("changenumber", str(first), 0xA5), messages.equality("changenumber", str(last), 0xA6)
        )
        try:
            found = await self._remote.search("cn=changelog", SUB, wanted)
        except LdapError as error:
            self.log.error("onError error produced", err=error_field(error))
            return
        changes = [Replicated.parse(attributes) for _, attributes in found]
        if changes:
            self.caught_up = False
            self.searchnumber = changes[-1].number
        mine = sorted((each for each in changes if each.concerns(self.queries)), key=lambda each: each.number)
        if mine:
            self.log.info(f"[0] Finished search up to changenumber {self.searchnumber}")
            if await self._apply_all(mine):
                self.searchnumber += 1
                await self._set_checkpoint(self.searchnumber)
            else:
                self.searchnumber += 1
        elif self.changenumber == self.searchnumber and not changes:
            if not self.caught_up:
                self.caught_up = True
                self.log.info(f"Replicator 0 has caught up with UFDS at changenumber {self.changenumber}")
        else:
            self.searchnumber += 1
            await self._set_checkpoint(self.searchnumber)

    async def _apply_all(self, changes: list[Replicated]) -> bool:
        """Apply in order. Returns False at the first that fails, where the checkpoint then stays."""
        assert self._local is not None
        applier = Applier(self._local, self.queries, self.log)
        for change in changes:
            try:
                self._check_version(change)
                await applier.apply(change)
            except LdapError as error:
                self.log.error(f"Replication operation failed {change.named}", err=error_field(error))
                if error.code in FATAL_CODES and change.kind != "delete":
                    self._die()
                return False
            await self._set_checkpoint(change.number + 1)
            await asyncio.sleep(self.drag)
        return True

    def _check_version(self, change: Replicated) -> None:
        if change.target != "cn=version, o=smartdc" or change.kind == "delete":
            return
        # Of a modification only the first change counts, whatever it changes.
        given = change.changes[0][2] if change.kind == "modify" else change.entry["version"]
        version = integer(given[0]) if given else None
        self.log.info("master propagated new schema version", localUfdsVersion=self.config.local_version,
                      remoteUfdsVersion=version)  # fmt: skip
        if version is not None and self.config.local_version < version:
            raise LdapError(80, SCHEMA_TOO_NEW)

    def _die(self) -> None:
        """End the process in two seconds, whatever happens until then."""
        if self._dying is None:
            loop = asyncio.get_running_loop()
            self._dying = loop.call_later(EXIT_DELAY * self.pace, self._end_now)

    def _end_now(self) -> None:
        if not self._end.done():
            self._end.set_result(1)


def _node_message(error: BaseException, host: str, port: int) -> str:
    """The error in Node's words."""
    if isinstance(error, TimeoutError):
        return f"connect ETIMEDOUT {host}:{port}"
    if isinstance(error, OSError) and error.errno is not None and error.errno != errno.ENOENT:
        return f"connect {errno.errorcode.get(error.errno, error.errno)} {host}:{port}"
    return str(getattr(error, "strerror", None) or error) or "socket hang up"
