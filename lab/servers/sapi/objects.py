"""SAPI's objects: which parts are shown, how they change, and the digest of a configuration made of them."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from lab.servers.moray import Value
from lab.servers.restify import ApiError
from lab.servers.sapi import schema

SHOWN = {
    "services": ("uuid", "name", "application_uuid", "params", "metadata", "manifests", "master", "type"),
    "instances": ("uuid", "service_uuid", "params", "metadata", "manifests", "master", "job_uuid", "type"),
}


def check_schema(value: Value) -> None:
    if "metadata_schema" in value and "metadata" in value:
        wrong = schema.error(value["metadata_schema"], value["metadata"])
        if wrong is not None:
            raise ApiError(409, "SchemaValidationError", wrong)


def as_object(value: object) -> Value:
    return value if isinstance(value, dict) else {}


def properties(value: object) -> Value:
    """What JavaScript's Object.keys sees: the indices of a list or a text."""
    if isinstance(value, list | str):
        return {str(place): each for place, each in enumerate(value)}
    return as_object(value)


def shown(bucket: str, value: Value, version: int) -> Value:
    keys = SHOWN.get(bucket)
    if keys is None:
        return value
    return {key: value[key] for key in keys if key in value and (key != "type" or version >= 2)}


def change(value: Value, field: str, wanted: Any, action: str) -> None:
    """Change a field. A nested object is replaced, not merged (recorded)."""
    if action == "replace":
        value[field] = wanted
        return
    target = as_object(value.get(field))
    for key, given in properties(wanted).items():
        if action == "update":
            target[key] = given
        else:
            target.pop(key, None)
    value[field] = target


def config_etag(config: Value) -> str:
    """A digest of the configuration's leaves *as text* (sdc-sapi:lib/server/endpoints/configs.js).

    Turning "true" into true does not change it, so config-agent does not render again.
    """

    def leaves(value: object, path: str) -> list[str]:
        if isinstance(value, dict):
            return [leaf for key, inner in value.items() for leaf in leaves(inner, f"{path},{key}")]
        if isinstance(value, list):
            return [leaf for inner in value for leaf in leaves(inner, path)]
        return [] if value is None else [f"{path},{value if isinstance(value, str) else json.dumps(value)}"]

    return hashlib.sha1("\n".join(sorted(leaves(config, ""))).encode()).hexdigest()
