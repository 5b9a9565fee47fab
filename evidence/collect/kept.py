"""The digests of a directory, kept beside the runs for the next comparison: one file for each directory, which only its owner may read.

A file holds dns, keyed digests, which entries are public keys, and when temporary access keys end. Its seal is keyed too. One that does
not fit is as good as none, and the reason is told.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Final

import msgspec
from msgspec import Struct

from evidence.collect.changelog import Mark, MisfitError
from evidence.collect.digests import REST, Digests, unpacked

FOLDER: Final = ".directories"
VERSION: Final = 1
LARGEST: Final = 1 << 30
LONGEST_HEADER: Final = 1 << 16
LONGEST_NAME: Final = 1 << 16
SEAL: Final = 32
_OTHER: Final = {"headnode": "head node", "uuid": "zone", "covered": "version"}
_CHUNK: Final = 1 << 20


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
    """What a file begins with. `full_at`: when all of the directory was read."""

    version: int
    whose: Whose
    number: int
    known_by: str
    full_at: float
    count: int

    @property
    def mark(self) -> Mark:
        return Mark(self.number, self.known_by)


Taken = Callable[[str], bool]


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
            seal = hashlib.blake2b(key=self._key, digest_size=SEAL)
            left = size - SEAL
            while left > 0 and (chunk := file.read(min(left, _CHUNK))):
                seal.update(chunk)
                left -= len(chunk)
            if left or not hmac.compare_digest(seal.digest(), file.read(SEAL)):
                raise MisfitError("what is kept of it is damaged, or was kept with another key")
            file.seek(0)
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

    def fetch(self, header: Header, into: Digests, but: Taken) -> None:
        """Add the kept records, except those of the dns in `but`. Raises MisfitError, and OSError if the disk is full."""
        with self._opened() as (file, size):
            if _header(file) != header:
                raise MisfitError("it was written meanwhile")
            left = size - SEAL - file.tell()
            while left > 0:
                length = int.from_bytes(file.read(4))
                left -= 4 + length + REST
                if length > LONGEST_NAME or left < 0:
                    raise MisfitError("what is kept of it is damaged")
                dn, record = unpacked(file.read(length), file.read(REST))
                if not but(dn):
                    into.hold(dn, record)

    def keep(self, mark: Mark, full_at: float, held: Digests) -> None:
        """Keep it, in one step. Raises OSError."""
        header = Header(VERSION, self._whose, mark.number, mark.known_by, full_at, held.count)
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        aside = self.path.with_name(f"{self.path.name}.{os.getpid()}.{time.monotonic_ns()}")
        try:
            with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                seal = hashlib.blake2b(key=self._key, digest_size=SEAL)
                for piece in (msgspec.json.encode(header) + b"\n", *held.stored()):
                    seal.update(piece)
                    file.write(piece)
                file.write(seal.digest())
            aside.replace(self.path)
        finally:
            aside.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _opened(self) -> Iterator[tuple[IO[bytes], int]]:
        """The file and its size. Raises MisfitError."""
        try:
            handle = os.open(self.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            with os.fdopen(handle, "rb") as file:
                about = os.fstat(file.fileno())
                if not stat.S_ISREG(about.st_mode) or about.st_uid != os.geteuid() or about.st_mode & 0o077:
                    raise MisfitError("what is kept of it is not a file of ours alone")
                if not SEAL < about.st_size <= LARGEST:
                    raise MisfitError(f"what is kept of it has {about.st_size} bytes")
                yield file, about.st_size
        except FileNotFoundError:
            raise MisfitError("") from None
        except OSError as error:
            raise MisfitError(f"what is kept of it cannot be read ({error.strerror or error})") from None


def _header(file: IO[bytes]) -> Header:
    line = file.readline(LONGEST_HEADER)
    try:
        header = msgspec.json.decode(line, type=Header)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise MisfitError("what is kept of it was written by another version") from None
    if header.version != VERSION or header.number < 0:
        raise MisfitError("what is kept of it was written by another version")
    return header
