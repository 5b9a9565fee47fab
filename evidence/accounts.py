"""Accounts of a UFDS, and what is below admin, as far as comparing needs them. Frozen, like all evidence. E-mail addresses are not kept."""

from __future__ import annotations

from msgspec import Struct


class Account(Struct, frozen=True, forbid_unknown_fields=True):
    """An account of a UFDS, as far as comparing needs it. `disabled` is None where nobody asked (older evidence, a candidate's)."""

    uuid: str
    login: str
    disabled: bool | None = None


class Accounts(Struct, frozen=True, forbid_unknown_fields=True):
    """The accounts of a UFDS other than admin: how many, and the first by login.

    `besides`: the first of its other entries of kinds that replication brings (groups, a blacklist of e-mail addresses, regions), by dn,
    without the two groups that sdc-ufds-m2s deletes.  None: earlier versions did not ask.
    """

    count: int
    first: tuple[Account, ...] = ()
    besides: tuple[str, ...] | None = None


class Collision(Struct, frozen=True, forbid_unknown_fields=True):
    """An account of a candidate, and which of its values (login, email, uuid) an account of the master already has."""

    account: Account
    taken: tuple[str, ...]


class Collisions(Struct, frozen=True, forbid_unknown_fields=True):
    """How many accounts of a candidate collide with the master's, and the first by login."""

    count: int
    first: tuple[Collision, ...] = ()


KEY, ACCESS_KEY, SUB_USER, ROLE, POLICY, OTHER = "key", "access key", "sub-user", "role", "policy", "entry"
"""What an account can have below it, of what sdc-ufds-m2s deletes."""


class Belonging(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """An entry below admin: its kind and name, and of a key the fingerprint and the public key."""

    kind: str
    name: str
    dn: str
    fingerprint: str = ""
    public: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.name!r}" + (f" ({self.fingerprint})" if self.fingerprint else "")


class Belongings(Struct, frozen=True, forbid_unknown_fields=True):
    """What is below a candidate's admin: how many entries, and those that are not loaded again after the deletion.

    `named` are the first of these, `counts` says how many there are of each kind.  The others are probes and the like, a datacenter's own.
    `size` is how many bytes all of it has as LDIF, with admin (None: not asked of a replica, nor by earlier versions).
    """

    count: int
    counts: dict[str, int]
    named: tuple[Belonging, ...] = ()
    size: int | None = None
