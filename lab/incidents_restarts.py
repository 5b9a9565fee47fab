"""Faults of programs that run with a file of before: it was written again since, and nobody restarted them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.faults import Target, fault
from lab.incidents import restart, service_metadata
from lab.sapi import MASTER_CONFIG

if TYPE_CHECKING:
    from lab.daemon import Lab


@fault("binder-not-restarted", "binder", "my-dc-1.binder0")
async def binder_not_restarted(lab: Lab, target: Target) -> None:
    """Service `binder` had a region_name of its own in SAPI; it was taken out and config.json is right again, but binder
    runs with the one of before, since rendering does not restart it (hazard 7): it finds no other datacenter."""
    metadata = service_metadata(lab, target, "binder")
    metadata["region_name"] = f"{target.site.datacenter.region}-old"
    await lab.settle_now()
    await restart(target.machine, "binder")
    del metadata["region_name"]
    await lab.settle_now()


@fault("sapi-not-restarted", "sapi", "my-dc-3.sapi0", ("replica",))
async def sapi_not_restarted(lab: Lab, target: Target) -> None:
    """sapi-master.config.json names the master's moray, but SAPI was started before it did, and the restart that goes with
    rendering failed: with include_master it answers its own objects only, without a word."""
    path = target.machine.root / MASTER_CONFIG
    await lab.settle_now()  # so that config-agent has its ETag, and leaves the file alone
    right = path.read_text(encoding="utf-8")
    path.write_text('{"moray": {"master_host": "", "master_port": ""}}\n', encoding="utf-8")
    await restart(target.machine, "sapi")
    path.write_text(right, encoding="utf-8")
