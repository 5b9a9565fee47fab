"""How long packets of full size are away between datacenters, for the page and for metrics.prom."""

from __future__ import annotations

import re
from collections.abc import Collection

from msgspec import Struct

from evidence.subjects.spec import is_link
from reports.conclusion import Conclusion


class Ends(Struct, frozen=True):
    """What a link's id says: from which zone of a datacenter, to which role and port of another one."""

    source: str
    alias: str
    target: str
    role: str
    port: str


def ends_of(subject: str, names: Collection[str]) -> Ends | None:
    """The ends of a link; None if it is none, or leads to a datacenter that is not among `names`.  A name may have two dashes itself."""
    if not is_link(subject):
        return None
    source, middle, role, port = subject.split(".")
    target = max((name for name in names if middle.endswith(f"--{name}")), key=len, default="")
    return Ends(source, middle.removesuffix(f"--{target}"), target, role, port) if target else None


def trips_of(conclusion: Conclusion) -> dict[tuple[str, str], float]:
    """The round trip from one datacenter to another in milliseconds, where it was measured: the shortest that was seen.

    A pair is missing if its packets did not come back, or nobody could ask.  Source: illumos, ping(8) (`ping -s HOST SIZE COUNT`).
    """
    evidence, names = conclusion.world.evidence, conclusion.world.inventory.datacenters
    found: dict[tuple[str, str], float] = {}
    for seen in (evidence.datacenters if evidence is not None else {}).values():
        for link, fact in seen.links.items():
            ends = ends_of(link, names)
            for probe in (fact.value or ()) if ends is not None else ():
                away = _milliseconds(probe.detail) if probe.protocol == "size" and probe.result == "open" else None
                if ends is not None and away is not None:
                    pair = ends.source, ends.target
                    found[pair] = min(away, found.get(pair, away))
    return found


def _milliseconds(detail: str) -> float | None:
    """ "1.234 ms" as a number; None for anything else."""
    found = re.fullmatch(r"([0-9]{1,6}(?:\.[0-9]{1,6})?) ms", detail)
    return float(found[1]) if found else None
