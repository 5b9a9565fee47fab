"""What the terminal bears, or the file: its width, colour, and whether signs beyond ASCII can be shown."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from typing import TextIO

from reports.page import Look

_PLAIN_TERMINALS = ("dumb", "linux", "vt")
"""Terminals, as their names begin, whose letters are few."""


def look_of(stream: TextIO, environment: Mapping[str, str] = os.environ) -> Look:
    """How to write on a stream."""
    live = stream.isatty()
    colour = live and not environment.get("NO_COLOR") and environment.get("TERM") != "dumb"
    width = shutil.get_terminal_size().columns if live or environment.get("COLUMNS") else 80
    return Look(max(40, min(width, 120)), colour, only_ascii(stream.encoding or "", environment))


def only_ascii(encoding: str, environment: Mapping[str, str] = os.environ) -> bool:
    """Whether the terminal or the locale wants ASCII.

    Python itself sets LC_CTYPE to C.UTF-8 where the locale is C (PEP 538), so that alone says nothing about the terminal.
    """
    if environment.get("TERM", "").startswith(_PLAIN_TERMINALS):
        return True
    named = (environment.get(name, "") for name in ("LC_ALL", "LC_CTYPE", "LANG"))
    locale = next((each for each in named if each), "")
    if locale == "C.UTF-8" and not environment.get("LC_ALL") and environment.get("LANG", "C") in ("", "C", "POSIX"):
        return True
    return "utf" not in locale.lower() or "utf" not in encoding.lower()
