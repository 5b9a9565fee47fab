"""The chain of a setting in SAPI: application, service, instance.  config-agent renders the last one that has it.

Source: sdc-sapi:lib/server/endpoints/configs.js; facts "SAPI".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from evidence.model import Configuration, SapiObject
from evidence.subjects.network.routes import address_in
from evidence.subjects.triton import MORAY_PORT, SAPI_MASTER_CONFIG
from evidence.subjects.zone import Zone

SERVICE: Final = "service"
INSTANCE: Final = "instance"
JUDGED: Final = {
    "binder": ("datacenter_name", "dns_domain", "region_name"),
    "cloudapi": ("ufds_domain", "ufds_remote_ip"),
}
"""Settings of the application whose value at a service has a check of its own."""

FLAGS: Final = ("CLOUDAPI_READONLY", "MUSKIE_MULTI_DC", "ufds_is_master")
"""Flags that templates put into a file as they are. In a section ({{#X}}) the text "false" would be true (facts, hazard 11)."""


def renders_alike(key: str, one: Any, other: Any) -> bool:
    """Whether two values of a setting make the same file: true and "true" do, 2020 and "2020", and nothing and an empty text."""
    if isinstance(one, dict | list) or isinstance(other, dict | list):
        return bool(one == other)
    texts = {_text(one), _text(other)}
    return len(texts) == 1 and (texts != {"false"} or key in FLAGS or type(one) is type(other))


def _text(value: Any) -> str:
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


@dataclass(frozen=True)
class Override:
    """A value that hides another one: at which level of SAPI, in which object, and what stands above it (None: nothing)."""

    level: str
    target: SapiObject
    key: str
    value: Any
    above: Any


def overrides(zone: Zone) -> tuple[Override, ...]:
    """The settings of the coupling that a service or an instance sets otherwise than the level above.  Raises Missing."""
    datacenter = zone.datacenter
    top, effective = _flat(datacenter.sdc_metadata), _flat(zone.settings)
    service = datacenter.evidence.services.get().get(zone.role) or SapiObject("", zone.role)
    middle = _flat(service.metadata)
    instance = SapiObject(zone.vm.uuid, zone.alias, zone.settings)
    found = [
        Override(SERVICE, service, key, value, top[key])
        for key, value in middle.items()
        if key in top and not renders_alike(key, value, top[key]) and key not in JUDGED.get(zone.role, ())
    ]
    above = top | middle
    found += [
        Override(INSTANCE, instance, key, value, above.get(key))
        for key, value in effective.items()
        if not renders_alike(key, value, above.get(key))
    ]
    return tuple(sorted(found, key=lambda each: (each.level, each.key)))


def unasserted_port(zone: Zone) -> str:
    """The port of the master's moray in SAPI's file, if SAPI would not start with it; empty if it would, or if there is none."""
    file = zone.files.get(SAPI_MASTER_CONFIG)
    told = file.settings if file else {}
    host, port = str(told.get("moray.master_host") or ""), str(told.get("moray.master_port") or "")
    return "" if not host or port == MORAY_PORT or address_in(host) is not None else port


def _flat(of: Configuration) -> dict[str, Any]:
    """Values, and fingerprints of secrets: two passwords can be compared."""
    return {**of.values, **{key: f"fingerprint {print_}" for key, print_ in of.fingerprints.items()}}
