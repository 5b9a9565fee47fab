"""Groups of numbers in an order: what must come before something does, and otherwise the smallest comes first.  Pure."""

from __future__ import annotations

from collections.abc import Sequence

Group = tuple[int, ...]


def in_order(
    groups: Sequence[Group], after: Sequence[tuple[int, int]], places: Sequence[str] = ()
) -> list[Group] | None:
    """The groups so that of each pair (one, two) the group of one comes before that of two; None if there is a circle.

    With `places`, one for each number, what can be done at the same place comes first.
    """
    of = {number: place for place, group in enumerate(groups) for number in group}
    before: dict[int, set[int]] = {place: set() for place in range(len(groups))}
    for one, two in after:
        if of[one] != of[two]:
            before[of[two]].add(of[one])
    found: list[int] = []
    left = sorted(before, key=lambda place: groups[place])
    while left:
        can = [place for place in left if before[place] <= {*found}]
        if not can:
            return None
        here = [place for place in can if found and places and places[groups[place][0]] == places[groups[found[-1]][0]]]
        ready = (here or can)[0]
        found.append(ready)
        left.remove(ready)
    return [groups[place] for place in found]
