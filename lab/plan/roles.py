"""The roles of core zones and of Manta's, as roles.json has them: host number, most instances, networks, services, manifests.

Host numbers of a role's instances are 100 apart, and end at 254. There is one ufds and one sdc: sdc-ufds-m2s wants exactly one ufds zone on
the head node, and the sdc-* wrappers take the first zone tagged sdc. Firewalled roles: Triton itself does it for sapi, imgapi and sdc;
operators have done it for ufds, which has an external NIC. Manta's own zones are deployed by manta-adm: their owner is poseidon, and they
have manta_role instead of smartdc_role.
"""

from __future__ import annotations

from lab.plan import files

_ROLES = files.read_json("roles.json")
_CORE = {role: row for role, row in _ROLES.items() if not row.get("manta")}

HOST_NUMBERS: dict[str, int] = {role: row["host"] for role, row in _CORE.items()}
MANTA_HOST_NUMBERS: dict[str, int] = {role: row["host"] for role, row in _ROLES.items() if row.get("manta")}
MOST_INSTANCES: dict[str, int] = {role: row["instances"] for role, row in _CORE.items()}
EXTERNAL_ROLES = frozenset(role for role, row in _ROLES.items() if row.get("external"))
FIREWALLED_ROLES = frozenset(role for role, row in _ROLES.items() if row.get("firewalled"))
SERVICES: dict[str, tuple[str, ...]] = {role: tuple(row["services"]) for role, row in _ROLES.items()}
MANIFESTS: dict[str, tuple[str, ...]] = {role: tuple(row.get("manifests", ())) for role, row in _ROLES.items()}
COMMON_SERVICES = ("svc:/smartdc/application/config-agent:default",)
REPLICATOR = "svc:/smartdc/application/ufds-replicator:default"
