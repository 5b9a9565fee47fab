"""One datacenter's directory, with as little asked as finding it takes: who the head node is, its zones, and what SAPI says.

Source of the order: evidence/collect/datacenter.py, which asks all of a datacenter.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace

from evidence.collect import apart, endpoints, services
from evidence.collect.comparison import LARGEST, NO_ZONE
from evidence.collect.conversing import Conversing, found_in
from evidence.collect.draft import Draft
from evidence.collect.headnode import Asking
from evidence.collect.ldap import Found, Search
from evidence.collect.login import connect
from evidence.collect.parse import UnreadableError
from evidence.collect.reading import Ask
from evidence.collect.sapi import Sapi
from evidence.collect.unanswered import UnansweredError
from evidence.inventory.model import Declared, Timeouts
from evidence.redact import Vault
from evidence.subjects.triton import ADMIN_UUID, UUID


@dataclass(frozen=True)
class OpenDirectory:
    """A directory that can be asked. `own`: which key below `admin` no other datacenter has."""

    declared: Declared
    admin: str
    own: apart.Own
    ask: Ask
    zone: tuple[str, str] = NO_ZONE
    """The alias and the uuid of the zone where it is asked."""

    @property
    def name(self) -> str:
        return self.declared.name


@contextlib.asynccontextmanager
async def opened(declared: Declared, timeouts: Timeouts, threads: Executor, key: bytes) -> AsyncIterator[OpenDirectory]:
    """The directory of a datacenter, for as long as the connection to its head node is open. Raises UnansweredError."""
    draft = Draft(declared, Vault(key))
    if declared.endpoints:
        draft.secrets["endpoints"] = endpoints.root_of(draft.name)
        draft.vault.learn_all(draft.secrets["endpoints"])
        draft.vms = endpoints.zones(declared)
        direct = services.Services(endpoints.Direct(declared.endpoints, timeouts), timeouts, threads, draft.vault)
        async with contextlib.AsyncExitStack() as stack:
            stack.push_async_callback(direct.end)
            async with _in_time(draft, timeouts):
                holder = await _at_endpoints(draft, direct)
            yield holder
        return
    async with contextlib.AsyncExitStack() as stack:
        async with _in_time(draft, timeouts):
            head = await connect(declared, timeouts)
            stack.push_async_callback(head.close)
            through = services.Services(head, timeouts, threads, draft.vault)
            stack.push_async_callback(through.end)
            sapi = await _find(draft, Asking(draft, head), through)
            holder = _holder(draft, through, sapi)
        yield holder


@contextlib.asynccontextmanager
async def _in_time(draft: Draft, timeouts: Timeouts) -> AsyncIterator[None]:
    """Whatever goes wrong is the datacenter's, and has no secret in it."""
    try:
        async with asyncio.timeout(timeouts.run):
            yield
    except TimeoutError:
        raise UnansweredError(f"{draft.name}: its directory was not found within {timeouts.run:g} s") from None
    except UnansweredError as error:
        raise UnansweredError(f"{draft.name}: {draft.vault.scrub(str(error))}") from None


async def _find(draft: Draft, asking: Asking, through: services.Services) -> Sapi:
    """Which machine it is, its zones, and what SAPI says of them."""
    sapi = Sapi(draft, through)
    async with asyncio.TaskGroup() as tasks:
        first = [tasks.create_task(draft.ask(key, getattr(asking, key))) for key in ("sysinfo", "usbkey")]
        await draft.ask("zones", lambda: asking.zones(through, lambda: asyncio.wait(first)))
    _right(draft)
    await sapi.ask()
    return sapi


def _right(draft: Draft) -> None:
    """Raises UnansweredError unless it is the head node that is meant: another directory would be taken for its."""
    seen = draft.facts["sysinfo"].value
    if seen is None:
        raise UnansweredError(f"whose head node this is is not known: {draft.why('sysinfo')}")
    if not seen.headnode or seen.datacenter_name != draft.name:
        kind = "head node" if seen.headnode else "compute node"
        raise UnansweredError(f"{draft.declared.headnode} is a {kind} of {seen.datacenter_name}")


async def _at_endpoints(draft: Draft, through: services.Services) -> OpenDirectory:
    sapi = Sapi(draft, through)
    if "sapi" in draft.declared.endpoints:
        await sapi.ask()
    return _holder(draft, through, sapi)


def _holder(draft: Draft, through: services.Services, sapi: Sapi) -> OpenDirectory:
    """Raises UnansweredError if there is no UFDS to ask."""
    if draft.declared.endpoints and "ufds" not in draft.declared.endpoints:
        raise UnansweredError("the inventory names no endpoint of its ufds")
    vm = draft.vms["ufds0"] if draft.declared.endpoints else draft.running("ufds")
    root = services.root_of(*(draft.secrets.get(source, {}) for source in ("endpoints", "sapi", "usbkey")))
    conversing, vault = Conversing(draft, through, root, sapi.vouch), draft.vault

    async def ask(searches: Sequence[Search]) -> tuple[Found, ...]:
        try:
            answers = found_in(await conversing.converse(vm, searches, LARGEST))
        except (UnansweredError, UnreadableError) as error:
            raise UnansweredError(vault.scrub(str(error))) from None
        return tuple(replace(each, why=vault.scrub(each.why)) if each.why else each for each in answers)

    admin = draft.values("applications").get("ufds_admin_uuid")
    admin = admin if isinstance(admin, str) and UUID.fullmatch(admin) else ADMIN_UUID
    unread = "" if draft.values("applications") else f"SAPI: {draft.why('applications')}"
    return OpenDirectory(
        draft.declared, admin, apart.own(draft.secrets.get("sapi", {}), unread), ask, (vm.alias, vm.uuid)
    )
