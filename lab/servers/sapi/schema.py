"""metadata_schema of a SAPI object: JSON schema of its third draft, as far as anybody uses it.

Source: sdc-sapi:lib/common/util.js; node-jsprim validateJsonObject.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

_TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str, "object": dict, "array": list, "boolean": bool, "number": (int, float), "null": type(None),
}  # fmt: skip
_JS = {str: "string", bool: "boolean", int: "number", float: "number"}
Schema = dict[str, Any]


def error(schema: object, value: object) -> str | None:
    """The first mistake, in SAPI's words."""
    for path, reason in _errors(schema, value, ""):
        return f'property "{path}": {reason.lower()}'
    return None


def _errors(schema: object, value: object, path: str, *, missing: bool = False) -> Iterator[tuple[str, str]]:
    if not isinstance(schema, dict):
        if schema:  # even `additionalProperties: true`, whatever its author meant
            yield path, f"Invalid schema/property definition {json.dumps(schema)}"
        return
    if missing:
        if schema.get("required") is True:
            yield path, "is missing and it is required"
        return
    kinds = schema.get("type")
    wanted = kinds if isinstance(kinds, list) else [kinds]
    if kinds is not None and not any(_is(each, value) for each in wanted):
        named = ", ".join(map(str, wanted))
        yield path, f"{_JS.get(type(value), 'object')} value found, but a {named} is required"
    elif isinstance(value, list):
        for place, item in enumerate(value):
            yield from _errors(schema.get("items"), item, f"{path}[{place}]")
    elif isinstance(value, dict) and ("properties" in schema or "additionalProperties" in schema):
        yield from _object(schema, value, path)
    yield from _scalar(schema, value, path)


def _is(kind: object, value: object) -> bool:
    if kind == "integer":
        return isinstance(value, int) and not isinstance(value, bool)
    if not isinstance(kind, str) or kind not in _TYPES:
        return True
    return isinstance(value, _TYPES[kind]) and (kind != "number" or not isinstance(value, bool))


def _object(schema: Schema, value: Schema, path: str) -> Iterator[tuple[str, str]]:
    properties = schema.get("properties") or {}
    for name, inner in properties.items():
        yield from _errors(inner, value.get(name), f"{path}.{name}".lstrip("."), missing=name not in value)
    more = schema.get("additionalProperties")
    for name in value.keys() - properties.keys():
        where = f"{path}.{name}".lstrip(".")
        if more is False:
            yield where, "unsupported property"
        yield from _errors(more, value[name], where)


def _scalar(schema: Schema, value: object, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        if "pattern" in schema and not re.search(schema["pattern"], value):
            yield path, f"does not match the regex pattern {schema['pattern']}"
        if len(value) > schema.get("maxLength", len(value)):
            yield path, f"may only be {schema['maxLength']} characters long"
        if len(value) < schema.get("minLength", 0):
            yield path, f"must be at least {schema['minLength']} characters long"
    if isinstance(value, int | float) and not isinstance(value, bool):
        if value < schema.get("minimum", value):
            yield path, f"must have a minimum value of {schema['minimum']}"
        if value > schema.get("maximum", value):
            yield path, f"must have a maximum value of {schema['maximum']}"
    if "enum" in schema and value not in schema["enum"]:
        yield path, f"does not have a value in the enumeration {', '.join(map(str, schema['enum']))}"
