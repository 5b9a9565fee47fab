"""A file of digests with a keyed seal: a line of JSON, the records, and the seal over both. Nothing counts before the seal is proven."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import itertools
import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

from evidence.collect.digests import PARTS, REST, Digests, Record, unpacked

LARGEST: Final = 1 << 30
LONGEST_HEADER: Final = 1 << 20
LONGEST_NAME: Final = 1 << 16
SEAL: Final = 32
DAMAGED: Final = "is damaged, or was kept with another key"
_CHUNK: Final = 1 << 20


class UnsoundError(Exception):
    """A file that cannot be used. The text says why, as what is said of the file."""


def write(path: Path, key: bytes, header: bytes, held: Digests) -> None:
    """Write it in one step, for its owner alone. Raises OSError."""
    aside = path.with_name(f"{path.name}.{os.getpid()}.{time.monotonic_ns()}")
    try:
        with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            seal = hashlib.blake2b(key=key, digest_size=SEAL)
            for piece in itertools.chain((header + b"\n",), (held.settled(number)[0] for number in range(PARTS))):
                seal.update(piece)
                file.write(piece)
            file.write(seal.digest())
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


@contextlib.contextmanager
def opened(path: Path, *, ours: bool) -> Iterator[tuple[IO[bytes], int]]:
    """The file and its size. `ours`: only one that nobody else may read. Raises UnsoundError, and FileNotFoundError."""
    links = os.O_NOFOLLOW if ours else 0
    try:
        handle = os.open(path, os.O_RDONLY | links | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as file:
            about = os.fstat(file.fileno())
            if not stat.S_ISREG(about.st_mode):
                raise UnsoundError("is not a file of ours alone" if ours else "is no file")
            if ours and (about.st_uid != os.geteuid() or about.st_mode & 0o077):
                raise UnsoundError("is not a file of ours alone")
            if not SEAL < about.st_size <= LARGEST:
                raise UnsoundError(f"has {about.st_size} bytes")
            yield file, about.st_size
    except FileNotFoundError:
        raise
    except OSError as error:
        raise UnsoundError(f"cannot be read ({error.strerror or error})") from None


def prove(file: IO[bytes], size: int, key: bytes) -> None:
    """Read all of it, and go back to its beginning. Raises UnsoundError if the seal does not fit."""
    file.seek(0)
    seal = hashlib.blake2b(key=key, digest_size=SEAL)
    left = size - SEAL
    while left > 0 and (chunk := file.read(min(left, _CHUNK))):
        seal.update(chunk)
        left -= len(chunk)
    if left or not hmac.compare_digest(seal.digest(), file.read(SEAL)):
        raise UnsoundError(DAMAGED)
    file.seek(0)


def records(file: IO[bytes], size: int) -> Iterator[tuple[str, Record]]:
    """The records behind the header, which was read. Raises UnsoundError."""
    left = size - SEAL - file.tell()
    while left > 0:
        length = int.from_bytes(file.read(4))
        left -= 4 + length + REST
        if length > LONGEST_NAME or left < 0:
            raise UnsoundError("is damaged")
        yield unpacked(file.read(length), file.read(REST))
