"""Turns the output of illumos' own tools in a zone (svcs, netstat) into the model. Pure, like parse.py."""

from __future__ import annotations

import ipaddress
import re

from evidence.collect.parse import MOST, Rows, UnreadableError, each, shown
from evidence.model import Service
from evidence.redact import cut

_NETSTAT = ["Destination", "Mask", "Gateway"]


def svcs(text: str) -> Rows[tuple[Service, ...]]:
    """Read `svcs -aH -o state,stime,fmri`. A "*" after a state says that it changes. Legacy services are left out."""
    rows = each((line for line in text.splitlines()[:MOST] if line.strip()), _service)
    found = [service for service in rows.value if service.fmri.startswith("svc:/")]
    if not found:
        raise UnreadableError("svcs printed nothing")
    return Rows(tuple(sorted(found, key=lambda service: service.fmri)), rows.unread)


def _service(line: str) -> Service:
    words = line.split()  # not a pattern: one that allows for spaces takes for ever on a line with nothing else
    stime = " ".join(words[1:-1])
    if len(words) < 3 or len(stime) > 20 or not words[-1].startswith(("svc:/", "lrc:/")):
        raise UnreadableError(f"svcs printed {shown(line)}, which is not state, time and FMRI")
    return Service(cut(words[-1]), cut(words[0].rstrip("*")), changing=words[0].endswith("*"))


def kernel_routes(text: str) -> tuple[tuple[str, str], ...]:
    """Read `netstat -rnv -f inet`: destination and gateway of each route with a gateway, except the default one.

    The columns are destination, mask, gateway, perhaps a device, numbers, flags (a G: by a gateway), numbers
    (illumos-gate:usr/src/cmd/cmd-inet/usr.bin/netstat/netstat.c, ire_report_item_v4).
    """
    lines = text.splitlines()[:MOST]
    header = next((index for index, line in enumerate(lines) if line.split()[:3] == _NETSTAT), None)
    if header is None:
        raise UnreadableError("netstat printed no table of routes")
    found = set()
    for line in lines[header + 1 :]:
        words = line.split()
        if not words or set(line) <= {"-", " "}:
            continue
        flags = next((word for word in words[3:] if re.fullmatch(r"U[A-Za-z]*", word)), None)
        if flags is None:
            raise UnreadableError(f"netstat printed {shown(line)}, which is no route")
        if "G" in flags and words[0] != "default":
            found.add(_kernel_route(line, *words[:3]))
    return tuple(sorted(found))


def _kernel_route(line: str, to: str, mask: str, via: str) -> tuple[str, str]:
    try:
        return str(ipaddress.IPv4Network(f"{to}/{mask}")), str(ipaddress.IPv4Address(via))
    except ValueError:
        raise UnreadableError(f"netstat printed {shown(line)}, which is no route") from None
