"""Renders templates as config-agent does, with hogan.js: a Mustache with JavaScript's values."""

from __future__ import annotations

import functools
import html
import json
from collections.abc import Mapping
from typing import Any

import pystache
import pystache.parser


class _JsFalse(str):
    """`false` as JavaScript's Mustache sees it: it prints as "false", and opens no section."""

    def __bool__(self) -> bool:
        return False


class _JsList(list[Any]):
    """A list prints as its items with commas between them, without brackets."""

    def __str__(self) -> str:
        return ",".join("" if each is None else str(each) for each in self)


class _JsObject(dict[str, Any]):
    """An object prints as JSON (hogan.js:lib/template.js), which its values are no longer."""

    text = ""

    def __str__(self) -> str:
        return self.text


def _as_js(value: Any) -> Any:
    if value is True:
        return "true"
    if value is False:
        return _JsFalse("false")
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, dict):
        found = _JsObject({key: _as_js(inner) for key, inner in value.items()})
        found.text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
        return found
    if isinstance(value, list):
        return _JsList(map(_as_js, value))
    return value


@functools.lru_cache(maxsize=256)
def _parsed(template: str) -> Any:
    return pystache.parser.parse(template)


def render(template: str, metadata: Mapping[str, Any]) -> str:
    """Render a template as config-agent's hogan.js does."""
    renderer = pystache.Renderer(escape=html.escape, missing_tags="ignore")
    return str(renderer.render(_parsed(template), _as_js(dict(metadata))))
