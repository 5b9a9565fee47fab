"""What a directory held at a time, in a file that an operator keeps: dns and keyed digests, and no value (`az-checks compare --keep`).

The seal is keyed with the installation's key. A file of another installation, inventory or datacenter is refused before anybody is asked.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from evidence.collect import apart, sealed
from evidence.collect.covered import Covered
from evidence.collect.digests import Digests
from evidence.collect.how import derived, where
from evidence.collect.lately import Lately
from evidence.collect.opendirectory import OpenDirectory
from evidence.inventory.model import Inventory
from evidence.redact import key_mark
from triton_az_checks.errors import OperatorError

VERSION: Final = 1
_NO_LISTING: Final = "is no file that `az-checks compare --keep` wrote"


class ListingError(OperatorError):
    """A file that is no listing of this installation and inventory, or cannot be used. The message names it."""


class ListingHeader(Struct, frozen=True, forbid_unknown_fields=True):
    """What a file begins with. `begun`: when reading began; `own`, `unread` and `admin` tell which key was the datacenter's own.
    `lately`: what had changed until it was read, where it was listed for a comparison with one that is listed elsewhere.

    `round`: `started` of the evidence that it was written with; empty if with none. `alias`, `uuid`: the zone where it was read.
    """

    listing: int
    key_mark: str
    master: str
    datacenter: str
    region: str
    where: str
    covered: str
    begun: str
    round: str
    alias: str
    uuid: str
    own: str
    unread: str
    admin: str
    count: int
    lately: Lately | None = None


@dataclass(frozen=True)
class Side:
    """Whose directory it is, and which key of admin is its own."""

    name: str
    state: str
    region: str
    admin: str
    own: apart.Own

    @classmethod
    def of(cls, holder: OpenDirectory) -> Side:
        declared = holder.declared
        return cls(declared.name, declared.state, declared.region, holder.admin, holder.own)


@dataclass(frozen=True)
class KeptListing:
    """What was kept of one datacenter."""

    side: Side
    begun: str
    round: str
    zone: tuple[str, str]
    held: Digests
    lately: Lately | None = None

    @property
    def datacenter(self) -> str:
        return self.side.name


def keep(
    path: Path,
    inventory: Inventory,
    key: bytes,
    covered: Covered,
    holder: OpenDirectory,
    begun: str,
    held: Digests,
    started: str = "",
    changes: Lately | None = None,
) -> None:
    """Write what a directory holds. `started`: of the evidence that it lies beside; `changes`: the latest. Raises OSError."""
    declared, own = holder.declared, holder.own
    header = ListingHeader(
        VERSION, key_mark(key), inventory.master, declared.name, declared.region, where(declared), covered.mark(),
        begun, started, *holder.zone, own.fingerprint, own.unread, holder.admin, held.count, changes,
    )  # fmt: skip
    sealed.write(path, _seal(key), msgspec.json.encode(header), held)


def load(path: Path, inventory: Inventory, key: bytes, covered: Covered) -> KeptListing:
    """What was kept. Raises ListingError."""
    held = Digests()
    try:
        with sealed.opened(path, ours=False) as (file, size):
            header = _header(file.readline(sealed.LONGEST_HEADER))
            if header.key_mark != key_mark(key):
                raise sealed.UnsoundError("was kept by another installation, with another key of the fingerprints")
            sealed.prove(file, size, _seal(key))
            if header.listing != VERSION or header.covered != covered.mark():
                raise sealed.UnsoundError("was kept by another version: keep it anew")
            _of_these(header, inventory)
            file.readline(sealed.LONGEST_HEADER)
            for dn, record in sealed.records(file, size):
                held.hold(dn, record)
    except FileNotFoundError:
        raise ListingError(f"{path} is not there") from None
    except sealed.UnsoundError as error:
        held.close()
        raise ListingError(f"{path} {error}") from None
    state = inventory.datacenters[header.datacenter].state
    side = Side(header.datacenter, state, header.region, header.admin, apart.Own(header.own, header.unread))
    return KeptListing(side, header.begun, header.round, (header.alias, header.uuid), held, header.lately)


def _of_these(header: ListingHeader, inventory: Inventory) -> None:
    """Raises UnsoundError unless it is of a datacenter as this inventory declares it."""
    declared = inventory.datacenters.get(header.datacenter)
    if declared is None:
        raise sealed.UnsoundError(f"was kept of {header.datacenter}, which the inventory does not have")
    if header.master != inventory.master:
        raise sealed.UnsoundError(f"was kept with another inventory: there {header.master} was the master")
    if (header.region, header.where) != (declared.region, where(declared)):
        was, now = f"{header.where} in {header.region}", f"{where(declared)} in {declared.region}"
        raise sealed.UnsoundError(f"was kept with another inventory: {declared.name} was {was}, and is {now}")


def _header(line: bytes) -> ListingHeader:
    try:
        return msgspec.json.decode(line, type=ListingHeader)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise sealed.UnsoundError(_NO_LISTING) from None


def _seal(key: bytes) -> bytes:
    return derived(key, "seal of a listing")
