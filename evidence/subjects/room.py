"""How much room sdc-ufds-m2s needs for what it saves (m2s.py, steps 11 and 12)."""

from __future__ import annotations

from typing import Final

ROOM: Final = 16 << 10
"""kB that /var/tmp must have free where nobody knows how much is saved: a thousand probes, twice, are a few thousand."""
SPARE: Final = 1 << 10
"""kB that it must have free besides what is saved: for sapi.out, and for what others write meanwhile."""
_COMMAND: Final = 256
"""Bytes of a line of cleanup.ufds: sdc-ldap delete, and the name of an entry."""


def room_for(size: int, count: int) -> int:
    """kB that it writes in /var/tmp: backup.ldif, restore.ldif, which may be as long, and a line of cleanup.ufds for each entry."""
    return ((2 * size + _COMMAND * count) >> 10) + SPARE
