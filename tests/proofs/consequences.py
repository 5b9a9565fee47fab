"""The exact consequences of each fault, apart from its causes. `make record` writes them, and its diff must be read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import groupby
from pathlib import Path

DECLARED = Path(__file__).with_name("consequences.txt")
Finding = tuple[str, str]
"""A check's id, and its subject."""


def read() -> dict[str, tuple[Finding, ...]]:
    """The consequences by the name of a case, sorted."""
    found: dict[str, tuple[Finding, ...]] = {}
    name = ""
    for line in DECLARED.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            name = line.strip("[]")
            found[name] = ()
        elif line:
            check, *subjects = line.split()
            found[name] += tuple((check, subject) for subject in subjects)
    return found


def write(declared: Mapping[str, Iterable[Finding]]) -> None:
    """One line for each check, with the subjects at which it has a finding."""
    blocks = []
    for name, findings in sorted(declared.items()):
        rows = groupby(sorted(findings), key=lambda finding: finding[0])
        lines = (f"{check} {' '.join(subject for _, subject in found)}" for check, found in rows)
        blocks.append("\n".join((f"[{name}]", *lines)))
    DECLARED.write_text("\n\n".join(blocks) + "\n", encoding="utf-8")
