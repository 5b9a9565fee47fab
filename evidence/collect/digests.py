"""The entries of a directory as digests by dn, which do not grow with it in memory: what is much goes into a file without a name.

A record is put into one of many parts by its dn, so two directories are compared part by part, and most parts as they are stored. Where a
directory was kept, its parts stay in that file, until something in them changes.
"""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Collection, Iterator
from typing import IO, Final, NamedTuple, Self
from zlib import crc32

PARTS: Final = 1024
ODD: Final = 0
"""The part of what some replicators alone copy, what ends by itself, and what is oddly spelled: its records are always looked at."""
IN_MEMORY: Final = 1 << 12
"""So many bytes of a part are kept in memory: 4 MB of a directory."""
DIGEST: Final = 16
MOMENT: Final = 8
REST: Final = DIGEST + 1 + MOMENT
"""How long a record is behind its dn."""
_PLAIN: Final = re.compile(r"[a-z]+=(?:[^,\\]|\\.)*(?:, [a-z]+=(?:[^,\\]|\\.)*)*", re.DOTALL)
"""A dn in UFDS's own spelling."""
_OF_SOME: Final = ("datacenter=", "ou=", "accesskeyid=")


class Record(NamedTuple):
    """An entry's digest, whether it is a public key, and when it ends by itself (milliseconds since 1970; 0: never)."""

    digest: bytes
    is_key: bool
    ends: int = 0


class Block(NamedTuple):
    """A stretch of a file."""

    file: IO[bytes]
    begin: int
    size: int

    def read(self) -> bytes:
        self.file.seek(self.begin)
        return self.file.read(self.size)


def part_of(dn: str) -> int:
    """The part of an entry's record, whatever the record says."""
    if ", region=" in dn or dn.startswith(_OF_SOME) or not _PLAIN.fullmatch(dn):
        return ODD
    return 1 + crc32(dn.encode("utf-8", "surrogatepass")) % (PARTS - 1)


def packed(dn: str, record: Record) -> bytes:
    """A record as it is stored: the length of the dn, the dn, and the rest."""
    name = dn.encode("utf-8", "surrogatepass")
    ends = min(max(record.ends, 0), (1 << 63) - 1)
    return len(name).to_bytes(4) + name + record.digest + bytes([record.is_key]) + ends.to_bytes(MOMENT)


def unpacked(name: bytes, rest: bytes) -> tuple[str, Record]:
    """The other way."""
    ends = int.from_bytes(rest[DIGEST + 1 :])
    return name.decode("utf-8", "surrogatepass"), Record(rest[:DIGEST], bool(rest[DIGEST]), ends)


def records_of(stored: bytes) -> Iterator[tuple[str, Record]]:
    """The records of a part as it is stored."""
    for begin, end in _names(stored):
        yield unpacked(stored[begin:end], stored[end : end + REST])


def _names(stored: bytes) -> Iterator[tuple[int, int]]:
    """Where the name of each record begins and ends."""
    at = 0
    while at < len(stored):
        begin = at + 4
        end = begin + int.from_bytes(stored[at:begin])
        at = end + REST
        yield begin, end


class Digests:
    """Add every entry, then ask part by part. Close it, and the file is gone."""

    def __init__(self) -> None:
        self._parts = [bytearray() for _ in range(PARTS)]
        self._blocks: list[list[Block]] = [[] for _ in range(PARTS)]
        self._settled: dict[int, int] = {}
        self._file: IO[bytes] | None = None
        self._kept: IO[bytes] | None = None
        self.count = 0

    def add(self, dn: str, digest: bytes, *, is_key: bool = False, ends: int = 0) -> None:
        """Raises OSError if the disk is full."""
        self.hold(dn, Record(digest, is_key, ends))

    def hold(self, dn: str, record: Record) -> None:
        """The same, of a record."""
        number = part_of(dn)
        part = self._parts[number]
        part += packed(dn, record)
        self.count += 1
        self._settled.pop(number, None)
        if len(part) > IN_MEMORY:
            self._put_away(number)

    def stand_on(self, file: IO[bytes]) -> None:
        """Take over a file that is kept, of which parts are adopted."""
        self._kept = file

    def adopt(self, number: int, begin: int, size: int, count: int) -> None:
        """A part is this stretch of the kept file, and settled there."""
        assert self._kept is not None
        self._blocks[number] = [Block(self._kept, begin, size)]
        self._settled[number] = count
        self.count += count

    def take_over(self, number: int, stored: bytes, but: Collection[bytes]) -> None:
        """Add the records of a part as it is stored, except those with these names. Raises OSError if the disk is full."""
        part = self._parts[number]
        for begin, end in _names(stored):
            if stored[begin:end] not in but:
                part += stored[begin - 4 : end + REST]
                self.count += 1
        if len(part) > IN_MEMORY:
            self._put_away(number)

    def _put_away(self, number: int) -> None:
        if self._file is None:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115  it lives as long as this
        part = self._parts[number]
        begin = self._file.seek(0, 2)
        self._file.write(part)
        self._blocks[number].append(Block(self._file, begin, len(part)))
        part.clear()

    def part(self, number: int) -> dict[str, Record]:
        """The records of one of PARTS parts, by dn; of a dn that came twice, the last one.  What has ended is none."""
        now = int(time.time() * 1000)
        return {
            dn: record for dn, record in dict(records_of(self._stored(number))).items() if not 0 < record.ends <= now
        }

    def settled(self, number: int) -> tuple[bytes, int]:
        """A part as it is stored, in order and each record once, and how many it has. Raises OSError if the disk is full."""
        stored = self._stored(number)
        if number in self._settled:
            return stored, self._settled[number]
        found = {stored[begin:end]: stored[begin - 4 : end + REST] for begin, end in _names(stored)}
        told = b"".join(record for _, record in sorted(found.items()))
        self._parts[number] = bytearray(told)
        if self._blocks[number]:
            self._blocks[number] = []
            self._put_away(number)
        self._settled[number] = len(found)
        return told, len(found)

    def _stored(self, number: int) -> bytes:
        return b"".join((*(block.read() for block in self._blocks[number]), self._parts[number]))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def clear(self) -> None:
        """Forget all records."""
        self.close()
        self.count = 0
        for part, blocks in zip(self._parts, self._blocks, strict=True):
            part.clear()
            blocks.clear()
        self._settled.clear()

    def close(self) -> None:
        for file in (self._file, self._kept):
            if file is not None:
                file.close()
        self._file = self._kept = None
