"""One nightly at a time for an inventory.  The lock is the kernel's: it goes with the process, however that ends."""

from __future__ import annotations

import datetime
import fcntl
import getpass
import hashlib
import os
import platform
from contextlib import suppress
from pathlib import Path

import msgspec
from msgspec import Struct

from triton_az_checks.errors import OperatorError

LARGEST = 4096


class Holder(Struct, frozen=True):
    """Who holds the lock: user and machine, process, and since when."""

    who: str
    pid: int
    since: str

    def __str__(self) -> str:
        return f"{self.who} (process {self.pid}) since {self.since}"


class HeldError(OperatorError):
    """Another nightly of this inventory is at work.  The message says whose, and since when."""


class LockError(OperatorError):
    """There is no place for the lock.  The message says why."""


def lock_of(runs: Path, inventory: Path) -> Path:
    """The lock's file: inventories that share a folder of runs have one each."""
    name = hashlib.sha256(os.fsencode(inventory.resolve())).hexdigest()[:12]
    return runs / f".nightly-{name}.lock"


def hold(runs: Path, inventory: Path) -> int:
    """Take the lock until this process ends; returns its handle.  What a killed process wrote into the file does not matter."""
    path = lock_of(runs, inventory)
    try:
        runs.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o640)
    except OSError as error:
        raise LockError(
            f"{path} cannot be written ({error.strerror}), and without it two nightlies could meet"
        ) from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        told = _holder(handle)
        os.close(handle)
        raise HeldError(
            f"another nightly of {inventory} is at work: {told}. Nothing was asked. Wait for it, or end that process"
        ) from None
    except OSError as error:
        os.close(handle)
        raise LockError(
            f"{path} cannot be locked ({error.strerror}): keep runs on a file system that can (--runs DIR)"
        ) from None
    _sign(handle)
    return handle


def _holder(handle: int) -> str:
    try:
        return str(msgspec.json.decode(os.pread(handle, LARGEST, 0), type=Holder))
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return "it has not said yet whose it is"


def _sign(handle: int) -> None:
    """Write whose it is.  A full disk costs only that."""
    since = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    told = msgspec.json.encode(Holder(f"{_user()}@{platform.node() or 'unknown'}", os.getpid(), since))
    with suppress(OSError):
        os.ftruncate(handle, 0)
        os.pwrite(handle, told, 0)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return str(os.getuid())
