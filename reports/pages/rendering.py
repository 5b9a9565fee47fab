"""Fills the templates.  All that is filled in is escaped: for HTML, and what would hide or reorder text is spelt out."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from reports.page import safe
from reports.pages.compiled import CompiledTemplates

TEMPLATES = Path(__file__).parent / "templates"


@cache
def environment() -> Environment:
    """The one environment: autoescape is on, and a name that is not there is a mistake."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=shown,
        trim_blocks=True,
        lstrip_blocks=True,
        cache_size=20,
        auto_reload=False,
        bytecode_cache=CompiledTemplates(TEMPLATES, Path(__file__).read_bytes()),
    )
    made.filters["typed"] = typed
    return made


def shown(value: object) -> object:
    """What a template prints of a value: control characters are spelt out; jinja2 escapes the rest."""
    if isinstance(value, (Markup, int, float)):
        return value
    return safe(str(value)) if value is not None else ""


def typed(text: str) -> Markup:
    """Commands, with their own lines and tabs."""
    return Markup(escape(safe(text, keep="\n\t")))  # noqa: S704  it was escaped just now


def render(template: str, **values: object) -> bytes:
    """A whole page, with its style and script, and the policy that lets in these two and nothing else."""
    style, script = _text("page.css"), _text("page.js")
    told = environment().get_template(template)
    text = told.render(values, style=Markup(style), script=Markup(script), policy=policy(style, script))  # noqa: S704  files of ours
    return text.encode("utf-8", "replace")


def policy(style: str, script: str) -> str:
    """The Content-Security-Policy: nothing is loaded, and only our own style and script count, by their hashes."""
    return (
        f"default-src 'none'; style-src '{hashed(style)}'; script-src '{hashed(script)}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def hashed(text: str) -> str:
    """The hash of an inline text, as a policy names it."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


@cache
def _text(name: str) -> str:
    return (TEMPLATES / name).read_text(encoding="utf-8")
