"""By which names a datacenter's SAPI calls the datacenter itself, and which of them are wrong."""

from __future__ import annotations

from typing import Any, Final

from evidence.subjects.datacenter import Datacenter

NAME: Final = "datacenter_name"
OWN_SERVICES: Final = {"moray_domain": "moray", "sapi_domain": "sapi", "ufds_domain": "ufds"}
"""The settings that name the datacenter's own services. Others may have public names."""


def foreign_identity(datacenter: Datacenter) -> dict[str, tuple[Any, str]]:
    """The settings that name another datacenter, or none of the own domain's: the value, and the right one.

    A name in another domain is nobody's business: binder knows nothing of it. binder compares the domain as it is spelled, and what stands
    before it without regard to case (binder:lib/server.js).
    """
    values = datacenter.sdc_metadata.values
    found: dict[str, tuple[Any, str]] = {}
    if values.get(NAME) not in (None, "", datacenter.name):
        found[NAME] = values[NAME], datacenter.name
    domain = str(values.get("dns_domain") or "")  # its own: so no other datacenter's evidence is needed
    for key, role in OWN_SERVICES.items():
        told = str(values.get(key) or "").removesuffix(".")
        if not domain or not told.lower().endswith(f".{domain.lower()}"):
            continue
        host = told[: -len(domain)]
        if told != host + domain or host.lower() != f"{role}.{datacenter.name}.".lower():
            found[key] = values[key], f"{role}.{datacenter.suffix}"
    return found
