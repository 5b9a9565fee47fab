"""The digests of a directory, kept beside the runs for the next comparison: one file for each directory, which only its owner may read.

A file holds dns, keyed digests, which entries are public keys, and when temporary access keys end. Its seal is keyed too. One that does
not fit is as good as none, and the reason is told.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import IO, Final

import msgspec
from msgspec import Struct

from evidence.collect import sealed
from evidence.collect.changelog import Mark, MisfitError
from evidence.collect.digests import ODD, PARTS, Digests, part_of, records_of
from evidence.collect.ldap import spelled

FOLDER: Final = ".directories"
VERSION: Final = 2
_OTHER: Final = {"headnode": "head node", "uuid": "zone", "covered": "version"}


class Whose(Struct, frozen=True, forbid_unknown_fields=True):
    """Which directory it is, of which coupling, read where; and what is compared of it."""

    inventory: str
    master: str
    datacenter: str
    region: str
    headnode: str
    zone: str
    uuid: str
    covered: str


class Header(Struct, frozen=True, forbid_unknown_fields=True):
    """What a file begins with. `full_at`: when all of the directory was read; `parts`: size and count of each part that follows."""

    version: int
    whose: Whose
    number: int
    known_by: str
    full_at: float
    count: int
    parts: tuple[tuple[int, int], ...]

    @property
    def mark(self) -> Mark:
        return Mark(self.number, self.known_by)


class Shelf:
    """Where one directory is kept. Blocking: files are read and written."""

    def __init__(self, folder: Path, whose: Whose, key: bytes) -> None:
        place = f"{whose.inventory}\n{whose.datacenter}\n{whose.zone}".encode("utf-8", "surrogatepass")
        self.path = folder / FOLDER / f"{whose.datacenter}.{hashlib.sha256(place).hexdigest()[:16]}"
        self._whose, self._key = whose, key

    def look(self, every: float, now: float) -> Header:
        """What is kept, if all of it is sound and no older than `every` seconds. Raises MisfitError."""
        if not every:
            raise MisfitError("")
        with self._opened() as (file, size):
            sealed.prove(file, size, self._key)
            header = _header(file)
        return self._fitting(header, every, now)

    def _fitting(self, header: Header, every: float, now: float) -> Header:
        if header.whose != self._whose:
            other = next(
                name for name in Whose.__struct_fields__ if getattr(header.whose, name) != getattr(self._whose, name)
            )
            raise MisfitError(f"what is kept is of another {_OTHER.get(other, other)}")
        age = now - header.full_at
        if not 0 <= age < every:
            raise MisfitError(
                f"it was read in full {age / 3600:.0f} hours ago" if age > 0 else "it is kept with a time to come"
            )
        return header

    def fetch(self, header: Header, into: Digests, but: Collection[str]) -> None:
        """Take over what is kept, except the records of the dns in `but`. Raises MisfitError, and OSError if the disk is full.

        Only parts with such dns are taken apart; the others stay in the file.
        """
        with self._opened() as (file, size):
            sealed.prove(file, size, self._key)
            if _header(file) != header:
                raise MisfitError("it was written meanwhile")
            into.stand_on(os.fdopen(os.dup(file.fileno()), "rb"))
            begin, touched = file.tell(), {*map(part_of, but)}
            names = {dn.encode("utf-8", "surrogatepass") for dn in but}
            for number, (length, count) in enumerate(header.parts):
                file.seek(begin)
                if number == ODD:
                    for dn, record in records_of(file.read(length)):
                        if spelled(dn) not in but:
                            into.hold(dn, record)
                elif number in touched:
                    into.take_over(number, file.read(length), names)
                else:
                    into.adopt(number, begin, length, count)
                begin += length

    def keep(self, mark: Mark, full_at: float, held: Digests) -> None:
        """Keep it, in one step. Raises OSError."""
        parts = [(len(stored), count) for stored, count in map(held.settled, range(PARTS))]
        count = sum(count for _, count in parts)
        header = Header(VERSION, self._whose, mark.number, mark.known_by, full_at, count, tuple(parts))
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        sealed.write(self.path, self._key, msgspec.json.encode(header), held)

    @contextlib.contextmanager
    def _opened(self) -> Iterator[tuple[IO[bytes], int]]:
        """The file and its size. Raises MisfitError."""
        try:
            with sealed.opened(self.path, ours=True) as found:
                yield found
        except FileNotFoundError:
            raise MisfitError("") from None
        except sealed.UnsoundError as error:
            raise MisfitError(f"what is kept of it {error}") from None


def _header(file: IO[bytes]) -> Header:
    line = file.readline(sealed.LONGEST_HEADER)
    try:
        header = msgspec.json.decode(line, type=Header)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise MisfitError("what is kept of it was written by another version") from None
    if header.version != VERSION or header.number < 0 or len(header.parts) != PARTS:
        raise MisfitError("what is kept of it was written by another version")
    return header
