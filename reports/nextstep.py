"""One thing to do next, where nothing is wrong."""

from __future__ import annotations

from msgspec import Struct


class NextStep(Struct, frozen=True):
    """One thing to do: where, what to type (nothing: something to know, or to do by other means), and what there is to know."""

    title: str
    on: str = ""
    run: str = ""
    told: tuple[str, ...] = ()
