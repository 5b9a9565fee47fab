"""What stands above what, in an order: names that are above each other come together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar

T = TypeVar("T")


def circles(above: Mapping[T, Iterable[T]]) -> Iterator[tuple[T, ...]]:
    """The names in such an order that those above come first; names that are above each other come together (Tarjan's algorithm)."""
    index: dict[T, int] = {}
    low: dict[T, int] = {}
    waiting: list[T] = []
    for start in above:
        walk = [(start, iter(above[start]))] if start not in index else []
        while walk:
            name, rest = walk[-1]
            if name not in index:
                index[name] = low[name] = len(index)
                waiting.append(name)
            following = next((each for each in rest if each not in index or each in waiting), None)
            if following is None:
                walk.pop()
                if walk:
                    low[walk[-1][0]] = min(low[walk[-1][0]], low[name])
                if low[name] == index[name]:
                    at = waiting.index(name)
                    yield tuple(waiting[at:])
                    del waiting[at:]
            elif following in index:
                low[name] = min(low[name], index[following])
            else:
                walk.append((following, iter(above[following])))
