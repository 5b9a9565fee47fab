"""Renders templates as config-agent does, with hogan.js: a Mustache with JavaScript's values."""

from __future__ import annotations

import functools
import html
from collections.abc import Mapping
from typing import Any

import pystache
import pystache.parser


class _JsFalse(str):
    """`false` as JavaScript's Mustache sees it: it prints as "false", and opens no section."""

    def __bool__(self) -> bool:
        return False


def _as_js(value: Any) -> Any:
    if value is True:
        return "true"
    if value is False:
        return _JsFalse("false")
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, dict):
        return {key: _as_js(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_as_js(inner) for inner in value]
    return value


@functools.lru_cache(maxsize=256)
def _parsed(template: str) -> Any:
    return pystache.parser.parse(template)


def render(template: str, metadata: Mapping[str, Any]) -> str:
    """Render a template as config-agent's hogan.js does."""
    renderer = pystache.Renderer(escape=html.escape, missing_tags="ignore")
    return str(renderer.render(_parsed(template), _as_js(dict(metadata))))
