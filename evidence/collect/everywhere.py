"""Which zones a datacenter has, on whichever server: the head node's own, and those that only VMAPI lists.

VMAPI is asked as Triton's own tools do it (sdcadm:lib/sdcadm.js, listInsts).  Any customer may tag a VM of his as he likes, so a zone
counts only if it belongs to admin or, of Manta's, to the owner of Manta.  And VMAPI's word for an address is not enough to connect to
it: it has to lie in an admin network of the datacenter.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from msgspec.structs import replace

from evidence.collect import parse, services
from evidence.collect.draft import Draft
from evidence.collect.elsewhere import admin_networks, lies_in
from evidence.collect.unanswered import UnansweredError
from evidence.model import Network, Vm
from evidence.subjects.questions import manta_vmadm
from evidence.subjects.triton import ADMIN_UUID, MANTA_ROLES, is_uuid

PATIENCE: Final = 5.0
"""For who owns Manta: a SAPI that cannot reach its master's moray may hang, and NAPI says it too."""
APPLICATION: Final = "/applications?name=manta&include_master=true"
"""The application is kept where the SAPI master is."""


@dataclass
class Everywhere:
    """Finds the zones of one datacenter; `run` runs a command on its head node.

    `located` waits until it is known which server the head node is, and what its services are called. VMAPI is asked meanwhile.
    """

    draft: Draft
    ask: services.Services
    run: Callable[[str], Awaitable[str]]
    located: Callable[[], Awaitable[object]]
    unread: tuple[str, ...] = ()
    _networks: dict[str, Network] | None = field(default=None, repr=False)

    async def zones(self, own: parse.Rows[dict[str, Vm]]) -> parse.Rows[dict[str, Vm]]:
        """`own`: the core zones of the head node.  Whether VMAPI listed the others is a fact of its own."""
        draft = self.draft
        draft.vms, self.unread = own.value, own.unread
        owners = await self._owners() if draft.manta else ()
        for owner in (owners or ("",)) if draft.manta else ():
            self._take(await self.run(manta_vmadm(owner)), "manta_role", owners, elsewhere=False)
        await draft.ask("everywhere", lambda: self._ask_vmapi(owners))
        await self.located()
        await self._refuse_strangers()
        return parse.Rows(draft.vms, self.unread)

    async def _ask_vmapi(self, owners: tuple[str, ...]) -> tuple[str, ...]:
        """The servers that zones are on besides the head node."""
        wanted: list[tuple[str, tuple[str, ...], str]] = [("smartdc_role", (ADMIN_UUID,), f"owner_uuid={ADMIN_UUID}")]
        if self.draft.manta:
            owned = [f"owner_uuid={owner}&" for owner in owners] or [""]
            which = [f"{owner}tag.manta_role={role}" for owner in owned for role in MANTA_ROLES]
            wanted += [("manta_role", owners, each) for each in which]
        where = await self._where("vmapi")
        asked = [self.ask.read(where, f"/vms?state=active&{each}", "VMAPI") for *_, each in wanted]
        answers = await asyncio.gather(*asked, return_exceptions=True)
        await self.located()
        failed: list[BaseException] = []
        for (tag, whose, _), text in zip(wanted, answers, strict=True):
            try:
                if isinstance(text, BaseException):
                    raise text
                self._take(text, tag, whose, elsewhere=True)
            except (UnansweredError, parse.UnreadableError) as error:
                failed.append(error)
        info = self.draft.facts.get("sysinfo")
        here = info.value.uuid if info is not None and info.value is not None else ""
        self.draft.vms = {alias: vm for alias, vm in self.draft.vms.items() if not vm.server or vm.server != here}
        if failed:
            raise failed[0]
        return tuple(sorted({vm.server for vm in self.draft.vms.values()} - {""}))

    def _take(self, text: str, tag: str, owners: tuple[str, ...], *, elsewhere: bool) -> None:
        """Adds the zones that are these owners'.  Of an owner that is not known none is taken, and that is said."""
        rows = parse.vms(text, tag=tag, besides=self.draft.vms, elsewhere=elsewhere, owners=owners)
        if owners:
            self.draft.vms, self.unread = rows.value, self.unread + rows.unread
        elif rows.value.keys() != self.draft.vms.keys() and NOT_TAKEN not in self.unread:
            self.unread += (NOT_TAKEN,)

    async def _where(self, role: str) -> str:
        """The address of the role's zone on the head node, or else the service's name."""
        draft = self.draft
        here = [vm for vm in draft.vms.values() if (vm.role, vm.state, vm.server) == (role, "running", "")]
        if here:
            return services.address(here[0])
        await self.located()
        settings = draft.values("usbkey")
        if not settings.get("dns_domain"):
            raise UnansweredError(f"it is not known where {role.upper()} is")
        return f"{role}.{settings.get('datacenter_name', draft.name)}.{settings['dns_domain']}"

    async def _owners(self) -> tuple[str, ...]:
        """Who owns Manta's zones, as SAPI's application says; else as the network manta does, which is poseidon's."""
        try:
            found = owners(await self.ask.read(await self._where("sapi"), APPLICATION, "SAPI", PATIENCE))
        except (UnansweredError, parse.UnreadableError):
            found = set()
        if not found:
            networks = [net for net in (await self._napis()).values() if net.name == "manta"]
            found = {owner for net in networks for owner in net.owner_uuids if is_uuid(owner)} - {ADMIN_UUID}
        return tuple(sorted(found))

    async def _napis(self) -> Mapping[str, Network]:
        """NAPI's networks, where they are needed before they are a fact; none if it does not answer."""
        if self._networks is None:
            try:
                self._networks = parse.networks(
                    await self.ask.read(await self._where("napi"), "/networks", "NAPI")
                ).value
            except (UnansweredError, parse.UnreadableError):
                self._networks = {}
        return self._networks

    async def _refuse_strangers(self) -> None:
        """Nothing is asked of a zone that only VMAPI knows, at an address that is in none of the admin networks."""
        draft = self.draft
        there = {alias: vm for alias, vm in draft.vms.items() if vm.server and vm.address("admin") and not vm.unread}
        nets = admin_networks(draft, ())
        if not all(lies_in(vm.address("admin"), nets) for vm in there.values()):
            nets = admin_networks(draft, (await self._napis()).values())
        for alias, vm in there.items():
            if not lies_in(vm.address("admin"), nets):
                why = f"VMAPI gives it the address {vm.address('admin')}, which is in none of the datacenter's admin networks"
                draft.vms[alias] = replace(vm, state=parse.UNREADABLE, nics=(), unread=why)


NOT_TAKEN: Final = (
    "VMs with a tag manta_role are not taken for Manta's, and not entered, because neither SAPI's application manta nor NAPI's "
    "network manta says who owns Manta"
)


def owners(text: str) -> set[str]:
    """The owners of SAPI's applications called manta, and what they say poseidon's uuid is."""
    found: set[Any] = set()
    for item in parse.json_list(text, "SAPI's answer"):
        if isinstance(item, dict) and item.get("name") == "manta":
            metadata = item.get("metadata")
            found.add(item.get("owner_uuid"))
            found.add(metadata.get("POSEIDON_UUID") if isinstance(metadata, dict) else None)
    return {each for each in found if isinstance(each, str) and is_uuid(each)}
