"""Reads evidence of schema 1. There a fact named its subject in its first words, and more was kept than anybody read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec

from evidence.model import Evidence

GONE: Final = {
    "sysinfo": ("hostname", "live_image", "sdc_version"),
    "applications": ("type",),
    "services": ("type",),
    "manta_applications": ("type",),
    "check_health": ("alias", "service", "type"),
    "healthcheck": ("agent",),
    "instances": ("alias", "image"),
}
"""The fields of a datacenter's facts that schema 2 does not have."""
BY_NAME: Final = ("applications", "services")
"""Facts whose answer is an object, keyed by the names that were asked for."""


def read(data: bytes) -> Evidence:
    """Return the same evidence as schema 2. Raises msgspec.DecodeError, as reading any evidence does."""
    told = msgspec.json.decode(data)
    try:
        for seen in told["datacenters"].values():
            _change(seen)
    except (AttributeError, KeyError, TypeError) as error:
        raise msgspec.ValidationError(f"{type(error).__name__}: {error}") from None
    return msgspec.convert(told | {"schema": 2}, type=Evidence)


def _change(seen: dict[str, Any]) -> None:
    """One datacenter's evidence."""
    zones = list((seen["zones"].get("value") or {}).values())
    for fact in [fact for holder in (seen, seen["links"], *zones) for fact in _facts(holder)]:
        fact["subject"], _, fact["asked"] = fact["asked"].partition(": ")
    for key, fields in GONE.items():
        value = (seen.get(key) or {}).get("value") or {}
        _drop(value.values() if key in BY_NAME else value if isinstance(value, list) else [value], fields)
    for zone in zones:
        _drop(zone["vm"].get("nics") or (), ("interface",))
        _drop(zone["services"].get("value") or (), ("stime",))


def _facts(holder: dict[str, Any]) -> Iterator[dict[str, Any]]:
    return (each for key, each in holder.items() if key not in ("links", "vm") and each is not None)


def _drop(rows: Iterable[dict[str, Any]], fields: Iterable[str]) -> None:
    for row in rows:
        for name in fields:
            row.pop(name, None)
