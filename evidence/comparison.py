"""How a replica's directory differs from its master's.  Frozen, as all of evidence; values are not kept."""

from __future__ import annotations

from msgspec import Struct

MISSING, EXTRA, DIFFERENT = "missing", "extra", "different"


class EntryDifference(Struct, frozen=True, forbid_unknown_fields=True):
    """An entry that a replica lacks, has besides the master's, or has otherwise (then: in which attributes).

    `login` helps people to know whose it is, where it is an account.
    """

    dn: str
    kind: str
    attributes: tuple[str, ...] = ()
    login: str = ""


class Comparison(Struct, frozen=True, forbid_unknown_fields=True):
    """How many entries of the master's were compared, how many differ, and the first of those, parents first."""

    compared: int
    missing: int = 0
    extra: int = 0
    different: int = 0
    first: tuple[EntryDifference, ...] = ()
