"""A sentence beside the steps of a remedy.  Pure data."""

from __future__ import annotations

from msgspec import Struct


class Note(Struct, frozen=True, forbid_unknown_fields=True):
    """What to watch, what is not known, or what to do if there is no command."""

    text: str
