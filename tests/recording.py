"""Recorded evidence: whole for a healthy lab; for a fault, only the differences from the healthy lab in which it was planted.

So each file shows what its fault changes, and nothing is repeated a hundred times.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from evidence.model import Evidence
from evidence.store import load, normalised, save

RECORDED = Path(__file__).parent / "recorded"
AGAIN = "record it: make record"


def recorded(name: str) -> Evidence:
    """The evidence that was recorded under a name: of a healthy lab, or of a fault (Case.name)."""
    path = RECORDED / f"{name}.json"
    assert path.exists(), f"no recorded evidence of {name}: {AGAIN}"
    told = json.loads(path.read_bytes())
    if "against" not in told:
        return load(path)
    whole = msgspec.to_builtins(recorded(told["against"]))
    return msgspec.convert(patched(whole, told["changes"]), type=Evidence)


def record(evidence: Evidence, name: str, against: str | None) -> None:
    """Keep evidence without its times: whole for a healthy lab, else the differences from the healthy lab `against`."""
    new, target = normalised(evidence), RECORDED / f"{name}.json"
    if against is None:
        save(new, target)
        return
    changes = delta(msgspec.to_builtins(recorded(against)), msgspec.to_builtins(new))
    rows = ",\n".join(json.dumps(change, sort_keys=True) for change in changes)
    target.write_text(f'{{"against": {json.dumps(against)}, "changes": [\n{rows}\n]}}\n', encoding="utf-8")


def delta(old: Any, new: Any, at: tuple[str | int, ...] = ()) -> Iterator[dict[str, Any]]:
    """The changes that turn `old` into `new`, both of JSON's types: {at, now}, {at, gone}, or for a list {at, from, to, now}."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            if key not in new:
                yield {"at": [*at, key], "gone": True}
            elif key not in old:
                yield {"at": [*at, key], "now": new[key]}
            else:
                yield from delta(old[key], new[key], (*at, key))
    elif isinstance(old, (list, tuple)) and isinstance(new, (list, tuple)):
        if len(old) == len(new):
            for index, pair in enumerate(zip(old, new, strict=True)):
                yield from delta(*pair, (*at, index))
        else:
            first, last = _shared(old, new), _shared(old[::-1], new[::-1])
            last = min(last, len(old) - first, len(new) - first)
            yield {"at": [*at], "from": first, "to": len(old) - last, "now": list(new[first : len(new) - last])}
    elif old != new or type(old) is not type(new):
        yield {"at": [*at], "now": new}


def _shared(one: Any, other: Any) -> int:
    """How many items two lists have in common at their beginning."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((index for index, (here, there) in pairs if here != there), min(len(one), len(other)))


def patched(old: Any, changes: list[dict[str, Any]]) -> Any:
    """`old` with the changes made."""
    whole = {"": json.loads(json.dumps(old))}
    for change in changes:
        at: list[str | int] = ["", *change["at"]]
        *way, last = at
        place: Any = whole
        for step in way:
            place = place[step]
        if "gone" in change:
            del place[last]
        elif "from" in change:
            place[last][change["from"] : change["to"]] = change["now"]
        else:
            place[last] = change["now"]
    return whole[""]
