"""The entries of a directory as digests by dn, which do not grow with it in memory: what is much goes into a file without a name.

A record is put into one of a few parts by its dn, so two directories are compared part by part.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from typing import IO, Final, NamedTuple

PARTS: Final = 64
IN_MEMORY: Final = 1 << 16
"""So many bytes of a part are kept in memory: 4 MB of a directory."""
DIGEST: Final = 16


class Record(NamedTuple):
    """An entry's digest, and whether it is a public key."""

    digest: bytes
    is_key: bool


class Digests:
    """Add every entry, then ask part by part. Close it, and the file is gone."""

    def __init__(self) -> None:
        self._parts = [bytearray() for _ in range(PARTS)]
        self._blocks: list[list[tuple[int, int]]] = [[] for _ in range(PARTS)]
        self._file: IO[bytes] | None = None
        self.count = 0

    def add(self, dn: str, digest: bytes, *, is_key: bool = False) -> None:
        """Raises OSError if the disk is full."""
        name = dn.encode("utf-8", "surrogatepass")
        number = hashlib.blake2b(name, digest_size=1).digest()[0] % PARTS
        part = self._parts[number]
        part += len(name).to_bytes(4) + name + digest + bytes([is_key])
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
        """The records of one of PARTS parts, by dn; of a dn that came twice, the last one."""
        found: dict[str, Record] = {}
        for block in self._stored(number):
            at = 0
            while at < len(block):
                size = int.from_bytes(block[at : at + 4])
                name = block[at + 4 : at + 4 + size].decode("utf-8", "surrogatepass")
                at += 4 + size
                found[name] = Record(bytes(block[at : at + DIGEST]), bool(block[at + DIGEST]))
                at += DIGEST + 1
        return found

    def _stored(self, number: int) -> Iterator[bytes]:
        for begin, size in self._blocks[number]:
            assert self._file is not None
            self._file.seek(begin)
            yield self._file.read(size)
        yield bytes(self._parts[number])

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
