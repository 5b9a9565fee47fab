"""How a binder passes names of other datacenters in its region on to their binders.

The local UFDS says which binder serves which datacenter (objectclass resolver, below the region's entry). binder reads it when it starts
(again after 15 s if that fails) and then every 5 minutes. Source: binder:lib/recursion.js; recordings.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

from lab.machine import kinds
from lab.servers import ldap
from lab.servers.resolve import UDP_PAYLOAD, exchange

REFRESH_SECONDS = 300.0
RETRY_SECONDS = 15.0
# A dead binder costs all of it, whether its port is closed or its packets vanish (recordings: stopped-other).
LOOKUP_SECONDS = 3.0
Resolvers = Callable[[], Awaitable[Iterable[tuple[str, str]]]]
Answers = list[tuple[int, str]]


class Recursion:
    """The look-up in other datacenters. It is best effort, so it is silent about every failure: no answer means REFUSED."""

    def __init__(
        self,
        place: kinds.Place,
        config: Mapping[str, Any],
        address_of: Callable[[str], str | None],
        resolvers: Resolvers | None = None,
    ) -> None:
        self._place = place
        self._region = str(config["regionName"])
        self._domain = str(config["dnsDomain"])
        self._account = ldap.Account.read(config["ufds"])
        self._address_of = address_of
        self._resolvers = resolvers or self._read_ufds
        self._task: asyncio.Task[None] | None = None
        self.datacenters: dict[str, list[str]] = {}

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._refresh_for_ever())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    @property
    def reading(self) -> bool:
        """Whether it still reads its UFDS now and then."""
        return self._task is not None and not self._task.done()

    async def refresh(self) -> bool:
        """Read the resolvers. If this fails, those that were read last stay."""
        try:
            found = await self._resolvers()
        except (ldap.UfdsError, OSError, EOFError, ValueError):
            return False
        datacenters: dict[str, list[str]] = {}
        for datacenter, address in found:
            datacenters.setdefault(datacenter, []).append(address)
        self.datacenters = datacenters
        return True

    async def _refresh_for_ever(self) -> None:
        while True:
            read = await self.refresh()
            await self._place.clock.sleep(REFRESH_SECONDS if read else RETRY_SECONDS)

    async def _read_ufds(self) -> list[tuple[str, str]]:
        address = self._address_of(self._account.host)
        if address is None:
            raise ldap.UfdsError(f"{self._account.host} is not registered")
        client = await ldap.connect(self._place, address, self._account)
        try:
            found = await ldap.search(client, f"region={self._region}, o=smartdc", "resolver")
        finally:
            await client.close()
        named = [entry for entry in found if entry.get("datacenter")]
        return [(entry["datacenter"][0], ip) for entry in named for ip in entry.get("ip", [])]

    def servers(self, name: str, *, reverse: bool) -> list[str]:
        """Whom to ask: the binders of the name's datacenter, or all for a reverse name; never the own ones."""
        own = {nic.ip for nic in self._place.zone.nics}
        if reverse:
            found = [address for addresses in self.datacenters.values() for address in addresses]
        else:
            # Case counts here, but not for names of the own datacenter (recorded).
            found = self.datacenters.get(name.removesuffix("." + self._domain).rpartition(".")[2], [])
        return [address for address in dict.fromkeys(found) if address not in own]

    async def answers(self, question: dns.rrset.RRset) -> Answers:
        """TTL and text of each record that another binder has. The first binder with any records wins, whatever the others say."""
        name = question.name.to_text(omit_final_dot=True)
        reverse = question.rdtype == dns.rdatatype.PTR
        asked = [asyncio.ensure_future(self._ask(server, question)) for server in self.servers(name, reverse=reverse)]
        try:
            for done in asyncio.as_completed(asked):
                if found := await done:
                    return found
        finally:
            for future in asked:
                future.cancel()
        return []

    async def _ask(self, server: str, question: dns.rrset.RRset) -> Answers:
        until = asyncio.get_running_loop().time() + LOOKUP_SECONDS
        query = dns.message.make_query(question.name, question.rdtype, use_edns=0, payload=UDP_PAYLOAD)
        query.flags = dns.flags.Flag(0)  # without RD, so that nobody recurses twice
        try:
            answer = await exchange(self._place.dial, server, query, LOOKUP_SECONDS)
        except (OSError, TimeoutError, dns.exception.DNSException):
            await asyncio.sleep(max(0.0, until - asyncio.get_running_loop().time()))
            return []
        if answer.rcode() != dns.rcode.NOERROR or not query.is_response(answer):
            return []
        sets = [rrset for rrset in answer.answer if rrset.rdtype == question.rdtype]
        return [(rrset.ttl, record.to_text()) for rrset in sets for record in rrset]
