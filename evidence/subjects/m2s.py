"""sdc-ufds-m2s, step by step."""

from __future__ import annotations

from typing import Final

ROOM: Final = 16 << 10
"""kB that /var/tmp must have free: what is below admin, twice, is some hundred kB even of a thousand probes."""
LIMIT: Final = 1000
"""So many entries UFDS lists if it is asked for no more, as sdc-ldap does: facts, "How a real UFDS answers"."""
