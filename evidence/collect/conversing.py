"""The conversations with the UFDS of one datacenter, as root."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from evidence.collect import endpoints, ldap, services
from evidence.collect.draft import Draft
from evidence.collect.unanswered import UnansweredError
from evidence.model import Vm


@dataclass(frozen=True)
class Conversing:
    """`vouch` raises UnansweredError for a zone on another server that SAPI does not know: no password goes there."""

    draft: Draft
    through: services.Services
    root: services.Root | None
    vouch: Callable[[Vm], Awaitable[None]]

    async def converse(self, vm: Vm, searches: Sequence[ldap.Search], most: int = services.LARGEST_LDAP) -> ldap.Reply:
        """A root bind at this zone, and searches. Raises UnansweredError if it cannot even be asked."""
        host = services.address(vm)
        if self.root is None:
            facts = self.draft.facts
            if self.draft.declared.endpoints:
                raise UnansweredError(f"its root password is not known: {endpoints.told(self.draft.name)}")
            whys = f"SAPI: {facts['applications'].why}; /usbkey/config: {facts['usbkey'].why}"
            raise UnansweredError(f"its root password is not known ({whys})")
        if vm.server:
            await self.vouch(vm)
        return await self.through.ufds(host, self.root, searches, most)


def found_in(reply: ldap.Reply) -> tuple[ldap.Found, ...]:
    """The answers of a conversation. Raises UnansweredError if there was none."""
    if not reply.bound:
        raise UnansweredError(reply.detail if reply.silent else f"the root bind failed: {reply.detail}")
    return reply.found
