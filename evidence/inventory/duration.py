"""Durations as an operator writes them: 90s, 5m, 2h. Apart from what reads YAML, because options are durations, too."""

from __future__ import annotations

import re
from typing import Final

DURATION: Final = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,6})?)\s*(ms|s|m|h|d)?")
SECONDS: Final = {None: 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def seconds_in(text: str) -> float | None:
    """The seconds of a duration that was typed, such as 5m; None if it is none."""
    found = DURATION.fullmatch(text)
    return float(found[1]) * SECONDS[found[2]] if found is not None else None
