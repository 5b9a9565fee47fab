"""The answers of Triton's internal APIs: health URLs, NAPI's networks, FWAPI's rules, IMGAPI's images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from evidence.collect import elsewhere, parse, services
from evidence.collect.draft import Draft
from evidence.collect.unanswered import UnansweredError
from evidence.headnode import Server
from evidence.model import FirewallRule, HttpAnswer, Network, Vm
from evidence.subjects.questions import PINGS

RING: Final = "manta-hash-ring"
PAGE: Final = 1000
"""The number of networks that NAPI lists at once (sdc-napi:lib/util/constants.js DEFAULT_LIMIT, MAX_LIMIT)."""
MOST_PAGES: Final = 20


async def read(draft: Draft, ask: services.Services, role: str, path: str) -> str:
    """The body of a GET that is sent to a running zone of the role. Raises UnansweredError."""
    return await ask.read(services.address(draft.running(role)), path, role.upper())


@dataclass(frozen=True)
class Apis:
    """Asks the APIs of one datacenter."""

    draft: Draft
    services: services.Services

    async def networks(self) -> parse.Rows[dict[str, Network]]:
        """The networks of all pages. `fabric=false` is not used: NAPI has no such flag on networks that are older than fabrics."""
        pages = [await read(self.draft, self.services, "napi", "/networks")]
        while len(parse.json_list(pages[-1], "NAPI's answer")) == PAGE:
            path = f"/networks?limit={PAGE}&offset={PAGE * len(pages)}"
            pages.append(await read(self.draft, self.services, "napi", path))
            if len(pages) > MOST_PAGES:
                raise UnansweredError(f"NAPI lists more than {PAGE * MOST_PAGES} networks")
        return parse.networks(*pages)

    async def servers(self) -> parse.Rows[dict[str, Server]]:
        """CNAPI's servers, if there are others than the head node."""
        return elsewhere.servers(await read(self.draft, self.services, "cnapi", "/servers?extras=sysinfo"))

    async def ring_images(self) -> parse.Rows[tuple[str, ...]]:
        return images(await read(self.draft, self.services, "imgapi", f"/images?name={RING}"), RING)

    async def ping(self, vm: Vm) -> None:
        scheme, port, path = PINGS[vm.role]

        async def answer() -> HttpAnswer:
            bare = vm.role == "webapi"  # muskie answers 200 without a body (facts, "cloudapi, adminui, muskie")
            return await self.services.ping(scheme, services.address(vm), port, path, bare=bare)

        await self.draft.ask_zone(vm, "ping", answer, scheme=scheme, path=path)

    async def rules(self, vm: Vm) -> None:
        path = f"/firewalls/vms/{vm.uuid}"

        async def answer() -> parse.Rows[tuple[FirewallRule, ...]]:
            return parse.firewall_rules(await read(self.draft, self.services, "fwapi", path))

        await self.draft.ask_zone(vm, "rules", answer, path=path)


def images(text: str, name: str) -> parse.Rows[tuple[str, ...]]:
    """The uuids of the active images with a name, sorted, from IMGAPI's /images."""
    rows = parse.each(parse.json_list(text, "IMGAPI's answer"), lambda item: _image(item, name))
    return parse.Rows(tuple(sorted(uuid for uuid in rows.value if uuid)), rows.unread)


def _image(item: Any, name: str) -> str:
    """The uuid of an active image with this name; empty for any other image."""
    read = parse.an_object(item, "an image")
    named = parse.text_of(read, "name", "an image", "") == name
    active = parse.text_of(read, "state", "an image", "active") == "active"
    return parse.text_of(read, "uuid", "an image") if named and active else ""
