"""The entries of a directory as digests by dn, which do not grow with it in memory: what is much goes into a file without a name.

A record is put into one of a few parts by its dn, so two directories are compared part by part.
"""

from __future__ import annotations

import hashlib
import tempfile
import time
from collections.abc import Iterator
from typing import IO, Final, NamedTuple, Self

PARTS: Final = 64
IN_MEMORY: Final = 1 << 16
"""So many bytes of a part are kept in memory: 4 MB of a directory."""
DIGEST: Final = 16
MOMENT: Final = 8
REST: Final = DIGEST + 1 + MOMENT
"""How long a record is behind its dn."""


class Record(NamedTuple):
    """An entry's digest, whether it is a public key, and when it ends by itself (milliseconds since 1970; 0: never)."""

    digest: bytes
    is_key: bool
    ends: int = 0


def packed(dn: str, record: Record) -> bytes:
    """A record as it is stored: the length of the dn, the dn, and the rest."""
    name = dn.encode("utf-8", "surrogatepass")
    ends = min(max(record.ends, 0), (1 << 63) - 1)
    return len(name).to_bytes(4) + name + record.digest + bytes([record.is_key]) + ends.to_bytes(MOMENT)


def unpacked(name: bytes, rest: bytes) -> tuple[str, Record]:
    """The other way."""
    ends = int.from_bytes(rest[DIGEST + 1 :])
    return name.decode("utf-8", "surrogatepass"), Record(rest[:DIGEST], bool(rest[DIGEST]), ends)


class Digests:
    """Add every entry, then ask part by part. Close it, and the file is gone."""

    def __init__(self) -> None:
        self._parts = [bytearray() for _ in range(PARTS)]
        self._blocks: list[list[tuple[int, int]]] = [[] for _ in range(PARTS)]
        self._file: IO[bytes] | None = None
        self.count = 0

    def add(self, dn: str, digest: bytes, *, is_key: bool = False, ends: int = 0) -> None:
        """Raises OSError if the disk is full."""
        self.hold(dn, Record(digest, is_key, ends))

    def hold(self, dn: str, record: Record) -> None:
        """The same, of a record."""
        name = dn.encode("utf-8", "surrogatepass")
        number = hashlib.blake2b(name, digest_size=1).digest()[0] % PARTS
        part = self._parts[number]
        part += packed(dn, record)
        self.count += 1
        if len(part) > IN_MEMORY:
            self._put_away(number)

    def _put_away(self, number: int) -> None:
        if self._file is None:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115  it lives as long as this
        part = self._parts[number]
        begin = self._file.seek(0, 2)
        self._file.write(part)
        self._blocks[number].append((begin, len(part)))
        part.clear()

    def part(self, number: int) -> dict[str, Record]:
        """The records of one of PARTS parts, by dn; of a dn that came twice, the last one.  What has ended is none."""
        found: dict[str, Record] = {}
        now = int(time.time() * 1000)
        for block in self._stored(number):
            at = 0
            while at < len(block):
                begin = at + 4
                end = begin + int.from_bytes(block[at:begin])
                at = end + REST
                dn, record = unpacked(block[begin:end], block[end:at])
                found[dn] = record
        return {dn: record for dn, record in found.items() if not 0 < record.ends <= now}

    def stored(self) -> Iterator[bytes]:
        """All records as they are stored, some at a time."""
        for number in range(PARTS):
            yield from self._stored(number)

    def _stored(self, number: int) -> Iterator[bytes]:
        for begin, size in self._blocks[number]:
            assert self._file is not None
            self._file.seek(begin)
            yield self._file.read(size)
        yield bytes(self._parts[number])

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

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
