"""Renders a manifest's template with metadata, as config-agent does with hogan.js.

Source: sdc-config-agent:lib/agent/agent.js renderConfigFile, agent.js setNicTag; hogan.js:lib/template.js. Where Mustache leaves room,
JavaScript decides: how numbers, booleans, lists and objects become text, and that {} is true. Templates come from outside, so there are no
partials, and the number of look-ups is limited.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any, Final

from pystache.context import ContextStack, KeyNotFoundError
from pystache.renderengine import RenderEngine

from evidence.model import Vm

MOST_LOOKUPS: Final = 10_000
LARGEST: Final = 4 << 20
LONGEST_TAG: Final = 300
_DELIMITERS: Final = re.compile(r"\{\{\s{0,20}=")
_SPACES: Final = re.compile(r"\s{20}")
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "'": "&#39;", '"': "&quot;"}


class RenderError(Exception):
    """A template cannot be rendered. The message says why."""


class _Object(dict[str, Any]):
    """A JavaScript object: true even if it is empty."""

    def __bool__(self) -> bool:
        return True


def _javascript(value: Any) -> Any:
    if isinstance(value, Mapping):
        return _Object({key: _javascript(item) for key, item in value.items()})
    if isinstance(value, list):
        return [_javascript(item) for item in value]
    return value


def to_text(value: Any) -> str:
    """String(value), or JSON.stringify for an object, like hogan's coerceToString."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, dict):
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    if isinstance(value, list):
        return ",".join(to_text(item) for item in value)
    return str(value)


def _number(value: float) -> str:
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    return str(int(value)) if value.is_integer() and abs(value) < 1e21 else repr(value)


def _escape(text: str) -> str:
    return re.sub("[&<>'\"]", lambda found: _ESCAPES[found[0]], text)


def render(template: str, metadata: Mapping[str, Any], auto: Mapping[str, Any]) -> str:
    """The contents of the file. `auto` is what config-agent knows about its zone: see `auto_metadata`."""
    lookups = size = 0

    def resolve(stack: Any, name: str) -> Any:
        """Return a value, and count what it may add to the file: its text, or the template once per element of a list."""
        nonlocal lookups, size
        try:
            value = stack.get(name)
        except KeyNotFoundError:
            value = ""
        lookups += 1
        if isinstance(value, list):
            size += len(value) * len(template)
        elif isinstance(value, str):
            size += len(value)
        if lookups > MOST_LOOKUPS or size > LARGEST:
            raise RenderError("its template repeats itself too often")
        return value

    def text_of(value: Any) -> str:
        nonlocal size
        text = to_text(value)
        size += len(text)
        if size > LARGEST:
            raise RenderError("its template repeats itself too often")
        return text

    if len(template) > LARGEST:
        raise RenderError("its template is too large")
    _bounded(template)
    engine = RenderEngine(
        literal=str, escape=_escape, resolve_context=resolve, resolve_partial=lambda _: "", to_str=text_of
    )
    try:
        return str(engine.render(template, ContextStack(_javascript({**metadata, "auto": dict(auto)}))))
    except RenderError:
        raise
    except RecursionError:
        raise RenderError("its template or metadata is nested too deeply") from None
    except Exception as error:  # pystache's errors share no base class
        raise RenderError(f"its template is not valid ({type(error).__name__})") from None


def _bounded(template: str) -> None:
    """Refuse tags over which pystache's patterns would take for ever: without an end, long, or full of spaces. Raises RenderError."""
    if _DELIMITERS.search(template):
        raise RenderError("its template sets other delimiters")
    at = template.find("{{")
    while at >= 0:
        end = template.find("}}", at + 2, at + LONGEST_TAG)
        if end < 0 or _SPACES.search(template, at, end):
            raise RenderError("a tag of its template does not end, or is too long")
        at = template.find("{{", at + 2)


_RACK = re.compile(r"([A-Z]+)_RACK_[A-Z0-9_-]+")


UNKNOWN: Final = "\ue000unknown"
"""Takes the place of an unknown value in rendered text. It is a private character, so nobody means it."""


def auto_metadata(vm: Vm, server_uuid: str, datacenter_name: str) -> dict[str, Any]:
    """The `auto` section: zone, server (empty if it is not known), datacenter, and the addresses by NIC tag."""
    auto: dict[str, Any] = {
        "ZONENAME": vm.uuid,
        "INSTANCE_UUID": vm.uuid,
        "SERVER_UUID": server_uuid or UNKNOWN,
        "DATACENTER_NAME": datacenter_name,
    }
    for index, nic in enumerate(vm.nics):
        if index == 0:
            auto["PRIMARY_IP"] = nic.ip
        tag = nic.nic_tag.upper()
        rack = _RACK.fullmatch(tag)
        tag = rack[1] if rack else tag
        auto[f"{tag}_IP"] = nic.ip
        addresses = auto.setdefault(f"{tag}_IPS", [])
        if nic.ip not in addresses:
            addresses.append(nic.ip)
    return auto
