"""What the tools of the zone manta share: they ask only the APIs of their own datacenter."""

from __future__ import annotations

import getopt
import json
from typing import Any

from lab.commands.call import Call, UsageError
from lab.machine.machines import Machine
from lab.plan import manta_objects
from lab.plan.files import Json
from lab.servers import http

TIMEOUT = 60.0
SERVICES = (  # sdc-manta:lib/services.js
    "nameservice", "postgres", "moray", "electric-moray", "storage", "authcache", "webapi", "loadbalancer", "ops", "madtom",
    "rebalancer", "reshard", "storinfo", "pgstatsmon", "garbage-collector", "prometheus", "buckets-api", "buckets-postgres",
    "buckets-mdplacement", "buckets-mdapi",
)  # fmt: skip


async def ask(call: Call, role: str, method: str, target: str, body: Json | None = None) -> Any:
    """The answer of an API of the own datacenter. Raises UsageError where a tool of Manta would end."""
    host = call.site.datacenter.zone(role).admin_ip
    headers = {"Accept": "application/json", "Content-Type": "application/json", "Accept-Version": "*"}
    content = b"" if body is None else json.dumps(body).encode()
    try:
        answer = await http.fetch(
            call.machine.dial, host, 80, target, method=method, headers=headers, body=content, within=TIMEOUT
        )
    except (OSError, TimeoutError, EOFError, http.BadMessageError) as error:
        raise UsageError(f"Error: {role} at {host}: {error or 'no answer'}", 1) from None
    if answer.status >= 400:
        raise UsageError(f"Error: {role}: {answer.body.decode('utf-8', 'replace')}", 1)
    return json.loads(answer.body or b"null")


async def applications(call: Call, query: str = "&include_master=true") -> list[Json]:
    found: list[Json] = await ask(call, "sapi", "GET", f"/applications?name=manta{query}")
    return found


def read_options(call: Call, short: str, words: list[str] | None = None) -> tuple[dict[str, str], list[str]]:
    try:
        given, free = getopt.gnu_getopt(call.arguments if words is None else words, short)
    except getopt.GetoptError as error:
        raise UsageError(f"{call.name}: the lab does not imitate this: {error}", 127) from None
    return dict(given), free


# ---- manta-init


def manta_zones(call: Call) -> list[Machine]:
    found = [machine for machine in call.site.zones.values() if machine.zone.role in manta_objects.ROLES]
    return sorted(found, key=lambda machine: machine.zone.role)
