"""The dimensions in which a healthy region can look odd. Each is a function that changes a draft, and says why Triton allows it."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable

from tests.odd.draft import Draft

Change = Callable[[Draft], bool]
CHAPTERS = ("zones", "network", "firewall", "settings", "health", "directory", "regions", "names")
"""The modules with dimensions, in the order in which they change a draft: names last, for they go everywhere."""
_FOUND: dict[str, Change] = {}


def odd(change: Change) -> Change:
    """Declares a dimension. It returns whether it could be drawn in this region."""
    told = inspect.getdoc(change) or ""
    assert "Source: " in told, f"{change.__name__} does not say why Triton allows it"
    _FOUND[change.__name__.replace("_", "-")] = change
    return change


def oddities() -> dict[str, Change]:
    """Every dimension by its name, in their order."""
    for chapter in CHAPTERS:
        importlib.import_module(f"tests.odd.{chapter}")
    return dict(_FOUND)


def what(change: Change) -> str:
    """A dimension in one sentence."""
    return " ".join((inspect.getdoc(change) or "").split("Source: ")[0].split())
