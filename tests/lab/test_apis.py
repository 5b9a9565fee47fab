"""imgapi, cnapi, vmapi and mahi answer their health checks, and find what is asked for."""

from __future__ import annotations

import asyncio
import pathlib

from lab.machine import kinds
from lab.plan import cnapi
from lab.plan.making import make_plan
from lab.servers import apis, http

DATACENTER = make_plan(2).datacenters[0]
VMS = [
    {"uuid": "u1", "alias": "a", "tags": {"manta_role": "webapi"}, "owner_uuid": "o", "firewall_enabled": True},
    {"uuid": "u2", "alias": "b", "tags": {"smartdc_role": "sapi"}, "owner_uuid": "o", "firewall_enabled": False},
]


def asked(root: pathlib.Path, role: str, *targets: str) -> list[http.Response]:
    """What the server of a role answers to each target."""
    place = kinds.LoopbackPlace(DATACENTER.zone(role), root)
    made = {
        "imgapi": lambda: apis.imgapi(place, {"i1": {"uuid": "i1", "name": "manta-hash-ring"}}),
        "cnapi": lambda: apis.cnapi(place, cnapi.servers(DATACENTER)),
        "vmapi": lambda: apis.vmapi(place, lambda: VMS, lambda _uuid: False),
        "mahi": lambda: apis.mahi(place),
    }[role]()

    async def ask() -> list[http.Response]:
        await made.start()
        try:
            where = DATACENTER.zone(role).admin_ip
            return [await http.fetch(place.dial, where, apis.PORT, target) for target in targets]
        finally:
            await made.stop()

    return asyncio.run(ask())


def test_health_checks_pass(tmp_path: pathlib.Path) -> None:
    found = {role: asked(tmp_path, role, "/ping")[0].status for role in ("imgapi", "cnapi", "vmapi", "mahi")}
    assert found == {"imgapi": 200, "cnapi": 200, "vmapi": 200, "mahi": 204}


def test_vms_are_found_by_field_and_by_tag(tmp_path: pathlib.Path) -> None:
    targets = ("/vms?owner_uuid=o&state=active", "/vms?tag.manta_role=webapi", "/vms?firewall_enabled=false", "/vms/u3")
    every, tagged, open_, none = asked(tmp_path, "vmapi", *targets)
    assert [vm["uuid"] for vm in every.json()] == ["u1", "u2"]  # type: ignore[attr-defined]
    assert [vm["uuid"] for vm in tagged.json()] == ["u1"]  # type: ignore[attr-defined]
    assert [vm["uuid"] for vm in open_.json()] == ["u2"]  # type: ignore[attr-defined]
    assert none.status == 404


def test_images_and_servers_are_found(tmp_path: pathlib.Path) -> None:
    image, no_image = asked(tmp_path, "imgapi", "/images/i1", "/images/i2")
    servers, server = asked(tmp_path, "cnapi", "/servers", f"/servers/{DATACENTER.server_uuid}")
    assert (image.status, no_image.status) == (200, 404)
    assert servers.json() == [{key: value for key, value in server.json().items() if key != "sysinfo"}]
