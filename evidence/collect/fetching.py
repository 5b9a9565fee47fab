"""What one HTTP GET brought. What gets it is web.py, which takes long to load: that is done in a thread, while head nodes are dialled."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class RawAnswer:
    """A whole answer, or `error`. `datacenter`: who answers, if it is a cloudapi. `certificate`: the SHA-256 of the one it showed.

    `expired`: the day on which that one has expired.
    """

    status: int
    text: str
    ms: int
    error: str = ""
    datacenter: str = ""
    certificate: str = ""
    expired: str = ""


def fetch(url: str, host: str, headers: Mapping[str, str], timeout: float, name: str = "") -> RawAnswer:
    """See web.get. In a thread."""
    answer: RawAnswer = importlib.import_module("evidence.collect.web").get(url, host, headers, timeout, name)
    return answer
