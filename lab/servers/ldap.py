"""UFDS as Triton's services use it: TLS, a bind as root, a search, and a connection that is kept."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from lab.machine import kinds
from lab.servers.moray import ABORT_SECONDS, limit_silence
from lab.servers.resolve import ResolveError, resolve_address
from lab.ufds import messages
from lab.ufds.errors import LdapError
from lab.ufds.ldapclient import LdapClient

PORT = 636
SUBTREE = 2
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
CONNECT_TIMEOUT = 3.0
ANSWER_TIMEOUT = 10.0
RETRY_FIRST, RETRY_MOST = 0.1, 2.0


class UfdsError(Exception):
    """No usable answer: UFDS cannot be reached, or refused with `code`."""

    def __init__(self, message: str, code: int | None = None) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Account:
    """Where a service finds a UFDS, and how it binds: one of the `ufds` objects in the rendered configuration files."""

    url: str
    bind_dn: str
    password: str

    @classmethod
    def read(cls, config: Mapping[str, object]) -> Account:
        return cls(str(config.get("url", "")), str(config.get("bindDN", "")), str(config.get("bindPassword", "")))

    @property
    def host(self) -> str:
        return self.url.removeprefix("ldaps://").rstrip("/").partition(":")[0]


class KeptDial:
    """A zone's Dial whose TCP connections the kernel gives up when their peer falls silent."""

    def __init__(self, place: kinds.Place) -> None:
        self._place = place

    async def tcp(self, host: str, port: int, timeout: float) -> Streams:  # noqa: ASYNC109
        reader, writer = await self._place.dial.tcp(host, port, timeout)
        limit_silence(writer, max(2.0, ABORT_SECONDS * self._place.clock.factor))
        return reader, writer

    async def udp(self, host: str, port: int, payload: bytes, timeout: float) -> bytes:  # noqa: ASYNC109
        return await self._place.dial.udp(host, port, payload, timeout)


async def connect(place: kinds.Place, address: str, account: Account) -> LdapClient:
    """A bound connection. UfdsError says whether UFDS could not be reached or refused the bind (`code`)."""
    client: LdapClient | None = None
    try:
        client = await LdapClient.connect(KeptDial(place), address, PORT, CONNECT_TIMEOUT)
        async with asyncio.timeout(ANSWER_TIMEOUT):
            await client.bind(account.bind_dn, account.password)
    except (OSError, EOFError, TimeoutError, LdapError) as error:
        if client is not None:
            await client.close()
        code = error.code if isinstance(error, LdapError) else None
        raise UfdsError(f"{address}: {error or type(error).__name__}", code) from error
    return client


async def search(client: LdapClient, base: str, kind: str) -> list[dict[str, list[str]]]:
    """The attributes of all entries of one object class below `base`."""
    return await _found(client, base, SUBTREE, messages.equality("objectclass", kind))


async def _found(
    client: LdapClient, base: str, scope: int, wanted: bytes, within: float = ANSWER_TIMEOUT
) -> list[dict[str, list[str]]]:
    try:
        async with asyncio.timeout(within):
            found = await client.search(base, scope, wanted)
    except (OSError, EOFError, TimeoutError, LdapError) as error:
        raise UfdsError(f"{base}: {error or type(error).__name__}") from error
    return [attributes for _, attributes in found]


class Session:
    """A client that connects, again and again, for ever. `connected` is its state.

    `on_refused` is called after a refused bind (sdc-cloudapi: "Treat this as fatal").
    """

    def __init__(
        self,
        place: kinds.Place,
        nameservers: Sequence[str],
        account: Account,
        on_refused: Callable[[str], None] | None = None,
    ) -> None:
        self._place = place
        self._nameservers = nameservers
        self.account = account
        self._on_refused = on_refused
        self._connected = asyncio.Event()
        self._client: LdapClient | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def connected(self) -> bool:
        return self._connected.is_set()

    async def wait(self) -> None:
        await self._connected.wait()

    async def find(self, base: str, scope: int, wanted: bytes, within: float) -> list[dict[str, list[str]]]:
        """The attributes of the entries that the present connection finds in `within` seconds. Raises UfdsError."""
        if self._client is None:
            raise UfdsError(f"{self.account.url}: not connected")
        return await _found(self._client, base, scope, wanted, within)

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._keep())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def _keep(self) -> None:
        pause = RETRY_FIRST
        while True:
            try:
                address = await resolve_address(self._place.dial, self._nameservers, self.account.host)
                client = await connect(self._place, address, self.account)
            except (UfdsError, ResolveError) as error:
                if isinstance(error, UfdsError) and error.code is not None and self._on_refused is not None:
                    self._on_refused(str(error))
                await asyncio.sleep(pause)
                pause = min(pause * 2, RETRY_MOST)
                continue
            pause = RETRY_FIRST
            try:
                self._client = client
                self._connected.set()
                await client.lost.wait()
            finally:
                self._client = None
                self._connected.clear()
                await client.close()
            await asyncio.sleep(pause)
