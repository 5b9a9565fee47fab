"""How a replica's directory differs from its master's. Frozen, like all evidence. Values are not kept."""

from __future__ import annotations

from typing import Final, Literal

from msgspec import Struct

MISSING, EXTRA, DIFFERENT = "missing", "extra", "different"
FULL: Final = "full"
KEYS: Final = "keys"
OFF: Final = "off"
"""How much of the directories is compared: all that the replicator copies, accounts and their keys alone, or nothing."""
NOT_COMPARED = "directories were not compared (--compare off)"
PASSWORD = "userpassword"  # noqa: S105  the name of an attribute
"""Names a difference in an account's hashed password or its salt."""
WHICH: Final = {FULL: "entries", KEYS: "accounts and keys"}


class EntryDifference(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """An entry that the replica lacks, has in addition, or has with other values (then `attributes` names which).

    For an account, `login` tells people whose it is. `own`: UFDS says that no replicator brought it; false where it does not say.
    """

    dn: str
    kind: str
    attributes: tuple[str, ...] = ()
    login: str = ""
    own: bool = False


class Comparison(Struct, frozen=True, forbid_unknown_fields=True):
    """How many of the master's entries were compared, how many differ, and the first of these, parents first.

    `unread` says why the directories were not compared to their ends; then only entries that both were seen to have are compared.
    `extent` is FULL or KEYS.  `full_at`: when all of a directory was read of which now only what changed was, `reread` entries of both;
    `anew`: why what was kept of one was not used.
    """

    compared: int
    missing: int = 0
    extra: int = 0
    different: int = 0
    first: tuple[EntryDifference, ...] = ()
    unread: str = ""
    extent: Literal["full", "keys"] = FULL
    full_at: str = ""
    reread: int = 0
    anew: str = ""
