"""What a datacenter's SAPI says: its metadata, the zones it knows, how it would render them, whether it reaches the master's."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import Final

from msgspec.structs import replace

from evidence.collect import apis, files, parse, services
from evidence.collect.draft import Draft, doubtful
from evidence.collect.unanswered import UnansweredError
from evidence.model import Configuration, HttpAnswer, MantaService, SapiObject, Vm
from evidence.subjects.questions import OF_ZONE
from evidence.subjects.triton import MANTA_ROLES, SHARDED, UUID

JUDGED: Final = frozenset({*MANTA_ROLES, *SHARDED.values()})
"""Manta's services whose instances are asked for. Others have hundreds of them."""


@dataclass(frozen=True)
class Sapi:
    """Asks the SAPI of one datacenter."""

    draft: Draft
    services: services.Services

    async def _read(self, path: str) -> str:
        return await apis.read(self.draft, self.services, "sapi", path)

    async def ask(self) -> None:
        """Ask for its metadata, and then whether it knows the zones that do not run."""
        await self.draft.ask("applications", self._applications)
        await self.draft.ask("services", self._services)
        await asyncio.gather(*(self.instance(vm) for vm in self.draft.vms.values() if doubtful(vm)))

    async def _applications(self) -> parse.Rows[dict[str, SapiObject]]:
        text = await self._read("/applications?name=sdc")
        found = services.sapi_objects(text, self.draft.vault, application=True)
        sdc = found.value.get("sdc")
        for item in parse.json_list(text):
            if (
                sdc
                and isinstance(item, dict)
                and item.get("uuid") == sdc.uuid
                and isinstance(item.get("metadata"), dict)
            ):
                self.draft.secrets["sapi"] = item["metadata"]
        return found

    async def _services(self) -> parse.Rows[dict[str, SapiObject]]:
        applications = self.draft.facts["applications"]
        if applications.value is None:
            raise UnansweredError(self.draft.why("applications"))
        sdc = applications.value.get("sdc")
        if sdc is None or not UUID.fullmatch(sdc.uuid):
            raise UnansweredError("SAPI lists no application named sdc")
        text = await self._read(f"/services?application_uuid={sdc.uuid}")
        return services.sapi_objects(text, self.draft.vault, application=False)

    async def instance(self, vm: Vm) -> None:
        """Ask whether it has an instance of the zone. If it lists no instance of the service at all, it has lost more than that."""

        async def answer() -> bool:
            known = await self._instances(vm.role)
            if not known:
                raise UnansweredError(f"SAPI lists no instance of {vm.role}")
            if None in known and vm.uuid not in known:  # it may be the one that cannot be read
                raise UnansweredError(f"SAPI lists an instance of {vm.role} that cannot be read")
            return vm.uuid in known

        await self.draft.ask_zone(vm, "instance", answer)

    async def vouch(self, vm: Vm) -> None:
        """Raises UnansweredError unless it has an instance of the zone: for VMAPI's word alone no password goes anywhere."""
        if vm.uuid not in await self._instances(vm.role):
            raise UnansweredError(f"SAPI has no such instance of {vm.role}, so the root password is not sent there")

    async def _instances(self, role: str) -> set[object]:
        """The uuids of a service's instances; None for an instance that cannot be read."""
        service = (self.draft.facts["services"].value or {}).get(role)
        if service is None or not UUID.fullmatch(service.uuid):
            raise UnansweredError(f"SAPI lists no service {role}: {self.draft.why('services')}")
        text = await self._read(f"/instances?service_uuid={service.uuid}")
        found = parse.json_list(text, "SAPI's answer")
        return {item.get("uuid") if isinstance(item, dict) else None for item in found}

    async def _manta_applications(self) -> parse.Rows[tuple[SapiObject, ...]]:
        """The applications in this datacenter's own moray, because it is asked without include_master."""
        text = await self._read("/applications?name=manta")
        found = services.sapi_list(text, self.draft.vault, services.MANTA_SETTINGS)
        return parse.Rows(tuple(each for each in found.value if each.name == "manta"), found.unread)

    async def manta(self) -> None:
        """Ask for Manta's applications. Only the SAPI of Manta's master has any."""
        await self.draft.ask("manta_applications", self._manta_applications)

    async def manta_services(self, applications: asyncio.Task[None]) -> None:
        """Ask for the services of Manta's applications, once these are known."""
        if "manta_services" in self.draft.questions:
            await asyncio.wait([applications])
            await self.draft.ask("manta_services", self._manta_services)

    async def _manta_services(self) -> parse.Rows[tuple[MantaService, ...]]:
        known = self.draft.facts["manta_applications"]
        if known.value is None:
            raise UnansweredError(self.draft.why("manta_applications"))
        uuids = [each.uuid for each in known.value if UUID.fullmatch(each.uuid)]
        rows = [await self._of_manta(uuid) for uuid in uuids]
        return parse.Rows(
            tuple(each for one in rows for each in one.value), tuple(why for one in rows for why in one.unread)
        )

    async def _of_manta(self, application: str) -> parse.Rows[tuple[MantaService, ...]]:
        """The services of one application, with the instances of those that are judged."""
        text = await self._read(f"/services?application_uuid={application}")
        rows = services.manta_services(text, application, self.draft.vault)
        found, unread = [], [*rows.unread]
        for each in rows.value:
            known = parse.Rows[tuple[SapiObject, ...]](())
            if each.name in JUDGED and UUID.fullmatch(each.uuid):
                answer = await self._read(f"/instances?service_uuid={each.uuid}")
                known = services.manta_instances(answer, each.name, self.draft.vault)
            found.append(replace(each, instances=known.value))
            unread += known.unread
        return parse.Rows(tuple(found), tuple(unread))

    async def asks_master(self, vm: Vm) -> None:
        async def answer() -> HttpAnswer:
            return await self.services.asks_master(services.address(vm))

        known = {"seconds": services.PATIENCE_WITH_MASTER, "path": services.NO_SERVICE}
        await self.draft.ask_zone(vm, "asks_master", answer, **known)

    async def config(self, vm: Vm) -> None:
        """Ask for the zone's /configs. It holds secrets and stays in memory. Why it is missing is told with the files.

        When asked by uuid, SAPI always asks its master's moray too, and hangs as long as that does. Then the lists of SAPI's own objects
        say the same about this datacenter's zones.
        """
        draft = self.draft
        try:
            try:
                wanted = files.wanted(await self._read(f"/configs/{vm.uuid}"))
            except UnansweredError:
                wanted = await self._listed_config(vm)
            draft.vault.learn_all(wanted.metadata)
            draft.configs[vm.alias] = wanted
        except (UnansweredError, parse.UnreadableError) as error:
            draft.configs[vm.alias] = draft.vault.scrub(f"what would be rendered is not known: {error}")
        if vm.role in OF_ZONE["settings"].roles:
            await draft.ask_zone(vm, "settings", partial(self._settings, draft.configs[vm.alias]), uuid=vm.uuid)

    async def _settings(self, wanted: files.Wanted | str) -> Configuration:
        if isinstance(wanted, str):
            raise UnansweredError(wanted)
        return self.draft.vault.configuration(wanted.metadata, services.SAPI_SETTINGS, services.SECRETS)

    async def _listed_config(self, vm: Vm) -> files.Wanted:
        kinds = ("applications", "services", "instances", "manifests")
        lists = await asyncio.gather(*(self._read(f"/{kind}") for kind in kinds))
        return files.merged(vm.uuid, *lists)
