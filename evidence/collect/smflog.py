"""What the end of an SMF log tells of why a service does not run.

A log may hold anything, passwords too. So nothing of it is kept but words of a few known forms: names of errors, error codes, exit
statuses, signals, addresses.  Forms: illumos-gate:usr/src/cmd/svc/startd/method.c; node's errors; facts "SMF".
"""

from __future__ import annotations

import re
from typing import Final

MOST: Final = 6
_CODES: Final = "|".join(
    [
        "EACCES",
        "EADDRINUSE",
        "EADDRNOTAVAIL",
        "ECONNREFUSED",
        "ECONNRESET",
        "EHOSTUNREACH",
        "EMFILE",
        "ENETUNREACH",
        "ENOENT",
        "ENOSPC",
        "ENOTFOUND",
        "EPIPE",
        "EROFS",
        "ETIMEDOUT",
    ]
)
_TOLD: Final = re.compile(
    r"\b(?P<error>[A-Z][A-Za-z]{1,40}Error)\b"
    rf"|\b(?P<code>{_CODES})\b(?:[: ]+(?P<address>(?:\d{{1,3}}\.){{3}}\d{{1,3}}(?::\d{{1,5}})?)\b)?"
    r"|(?:exited|failed) with (?:exit )?status (?P<status>[1-9]\d{0,2})\b"
    r"|due to signal (?P<signal>[A-Z]{2,7}\d{0,2})\b"
    r"|(?P<quick>Restarting too quickly)"
)


def said(text: str) -> tuple[str, ...]:
    """The last few things that a log tells, each once, in their order."""
    found: dict[str, None] = {}
    for match in _TOLD.finditer(text):
        told = _words(match)
        found.pop(told, None)
        found[told] = None
    return tuple(found)[-MOST:]


def _words(match: re.Match[str]) -> str:
    if match["status"]:
        return f"exit status {match['status']}"
    if match["signal"]:
        return f"signal {match['signal']}"
    if match["quick"]:
        return "it ended too often"
    if match["code"]:
        return f"{match['code']} {match['address']}" if match["address"] else match["code"]
    return match["error"]
