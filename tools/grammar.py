"""What can be typed behind `az-checks`: the commands, their options, and the commands below them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct


class Option(Struct, frozen=True):
    """One option: its names, what its value is called (empty: it has none), what can be given, and what it does."""

    names: tuple[str, ...]
    value: str = ""
    choices: tuple[str, ...] = ()
    told: str = ""


class Grammar(Struct, frozen=True):
    """One command: its options, what else it takes by its name, and the commands below it."""

    name: str
    told: str
    options: tuple[Option, ...] = ()
    words: tuple[Option, ...] = ()
    below: tuple[Grammar, ...] = ()


def every(commands: Iterable[Grammar], above: str = "") -> Iterator[tuple[str, Grammar]]:
    """Each command by its name; one below another as `report:list`."""
    for each in commands:
        yield f"{above}{each.name}", each
        yield from every(each.below, f"{each.name}:")
