"""Accounts of a UFDS, as far as comparing needs them. Frozen, like all evidence. E-mail addresses are not kept."""

from __future__ import annotations

from msgspec import Struct


class Account(Struct, frozen=True, forbid_unknown_fields=True):
    """An account of a UFDS, as far as comparing needs it. `disabled` is None where nobody asked (older evidence, a candidate's)."""

    uuid: str
    login: str
    disabled: bool | None = None


class Accounts(Struct, frozen=True, forbid_unknown_fields=True):
    """The accounts of a UFDS other than admin: how many, and the first by login."""

    count: int
    first: tuple[Account, ...] = ()


class Collision(Struct, frozen=True, forbid_unknown_fields=True):
    """An account of a candidate, and which of its values (login, email, uuid) an account of the master already has."""

    account: Account
    taken: tuple[str, ...]


class Collisions(Struct, frozen=True, forbid_unknown_fields=True):
    """How many accounts of a candidate collide with the master's, and the first by login."""

    count: int
    first: tuple[Collision, ...] = ()
