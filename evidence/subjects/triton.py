"""Triton's names in one place: roles, services, files, uuids, and where root finds its commands.

Source: facts, "Zones", "Exact forms", "The way in".
"""

from __future__ import annotations

import re
from typing import Final, Literal, get_args

CoreRole = Literal[
    "adminui", "binder", "cloudapi", "cnapi", "fwapi", "imgapi", "mahi", "moray", "napi", "sapi", "sdc", "ufds", "vmapi",
]  # fmt: skip
MantaRole = Literal["electric-moray", "webapi"]
Role = CoreRole | MantaRole
AnyRole = Role | Literal["global"]
"""The role of any zone, including a head node's global zone."""

ROLES: Final[tuple[CoreRole, ...]] = get_args(CoreRole)
"""Core roles that every datacenter has."""

MANTA_ROLES: Final[tuple[MantaRole, ...]] = get_args(MantaRole)
"""Roles of Manta's own zones, where the inventory expects Manta: tagged manta_role, and owned by poseidon."""

SHARDED: Final = {
    "INDEX_MORAY_SHARDS": "moray",
    "STORAGE_MORAY_SHARD": "moray",
    "BUCKETS_MORAY_SHARDS": "buckets-mdapi",
}
"""The settings of Manta that name shards, and the service whose instances serve them (sdc-manta:lib/deploy.js createInstance)."""

MANTA_PEERS: Final[tuple[CoreRole, ...]] = ("cnapi", "imgapi", "moray", "sapi", "vmapi")
"""Roles that Manta's zones, its deployment and SAPI in other datacenters ask: they need routes back."""

GLOBAL: Final = "global"
"""The role and alias of a head node's global zone: the source of a link, and no subject of its own."""

INTERNAL_APIS: Final[tuple[CoreRole, ...]] = ("cnapi", "fwapi", "imgapi", "napi", "vmapi")
"""Roles whose health URL is http `/ping`, and that nobody outside asks.  As a check's subject: `api`."""


def role_of(text: str) -> Role | None:
    """The role that a text names, or None."""
    return next((role for role in (*ROLES, *MANTA_ROLES) if role == text), None)


UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
ADMIN_UUID: Final = "930896af-bf8c-48d4-885c-6573a94b1853"
"""The uuid of admin in every datacenter: facts, "Zones"."""


def is_uuid(text: str) -> bool:
    """Whether a text is exactly a uuid."""
    return bool(UUID.fullmatch(text))


# SMF's names of services

ADMINUI: Final = "svc:/smartdc/application/adminui:default"
BINDER: Final = "svc:/manta/application/binder:default"
CONFIG_AGENT: Final = "svc:/smartdc/application/config-agent:default"
NET_AGENT: Final = "svc:/smartdc/agent/net-agent:default"
NEEDED_AGENTS: Final = frozenset({"cn-agent", "config-agent", "firewaller", "net-agent", "ur", "vm-agent"})
"""Agents that nobody disables on purpose.  Others may be disabled."""
ABSENT: Final = "absent"
"""The state of an agent that a server does not have."""
REGISTRAR: Final = "svc:/manta/application/registrar:default"
REPLICATOR: Final = "svc:/smartdc/application/ufds-replicator:default"
SAPI: Final = "svc:/smartdc/application/sapi:default"

MORAY_PORT: Final = "2020"
"""The port of moray's haproxy. SAPI asserts it if MASTER_MORAY_IP is a name."""

# Files that config-agent renders

ADMINUI_CONFIG: Final = "/opt/smartdc/adminui/etc/config.json"
BINDER_CONFIG: Final = "/opt/smartdc/binder/etc/config.json"
CLOUDAPI_CONFIG: Final = "/opt/smartdc/cloudapi/etc/cloudapi.cfg"
MUSKIE_CONFIG: Final = "/opt/smartdc/muskie/etc/config.json"
SAPI_MASTER_CONFIG: Final = "/opt/smartdc/sapi/etc/sapi-master.config.json"
UFDS_CONFIG: Final = "/opt/smartdc/ufds/etc/config.json"
REPLICATOR_CONFIG: Final = "/opt/smartdc/ufds/etc/replicator.json"
RENDERED: Final = {
    "adminui": (ADMINUI_CONFIG,),
    "binder": (BINDER_CONFIG,),
    "cloudapi": (CLOUDAPI_CONFIG,),
    "sapi": (SAPI_MASTER_CONFIG,),
    "ufds": (UFDS_CONFIG, REPLICATOR_CONFIG),
    "webapi": (MUSKIE_CONFIG,),
}
"""The files that are read in the zones of each role."""
CONFIGURED: Final[tuple[Role, ...]] = ("adminui", "binder", "cloudapi", "sapi", "ufds")
"""Roles into whose zones settings of the coupling are rendered."""
RESTARTED: Final[tuple[Role, ...]] = ("adminui", "cloudapi", "ufds")
"""Those whose services config-agent restarts when it writes their files."""
READERS: Final = {
    ADMINUI_CONFIG: "svc:/smartdc/application/adminui",
    BINDER_CONFIG: "svc:/manta/application/binder",
    CLOUDAPI_CONFIG: "svc:/smartdc/application/cloudapi",
    MUSKIE_CONFIG: "svc:/manta/application/muskie",
    SAPI_MASTER_CONFIG: "svc:/smartdc/application/sapi",
    UFDS_CONFIG: "svc:/smartdc/application/ufds-master",
    REPLICATOR_CONFIG: "svc:/smartdc/application/ufds-replicator",
}
"""The service that reads each file, at its start only; without the name of an instance."""

# Root's commands on a head node

SYSTEM_PATH: Final = "/usr/bin:/bin:/usr/sbin:/sbin"
"""The whole PATH that SmartOS gives to commands over SSH, without a login shell."""
TRITON_PATH: Final = "/smartdc/bin:/opt/smartdc/bin:/opt/local/bin:/opt/local/sbin"
EXPORT_PATH: Final = f"export PATH={SYSTEM_PATH}:{TRITON_PATH}; "
"""Goes before each command. The system's directories come first, as on SmartOS."""

IN_TIME_MS: Final = 3000
"""Another binder waits this long for an answer before it says REFUSED. Source: facts "How a real binder answers"."""
