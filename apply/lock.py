"""One apply a coupling: a lock of this machine, and a directory on every head node that is touched.

`mkdir` is atomic on a head node as here.  The directory says whose it is; it lies where a boot of the head node takes it away,
as sdcadm's own lock does.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from apply.door import Door
from apply.journal import now, who
from remediate.shell import quote
from triton_az_checks.errors import OperatorError

PLACE: Final = "/var/run/az-checks.lock"
SDCADM: Final = "/var/run/sdcadm.lock"
"""A file that stays; who holds the lock has it open (sdcadm:lib/locker.js)."""
WITHIN: Final = 30.0
TAKEN: Final = "taken"


class LockedError(OperatorError):
    """Somebody else has the lock, or it cannot be had.  Its text says who, since when, for which run."""


class Owner(Struct, frozen=True, forbid_unknown_fields=True):
    """Whose a lock is."""

    who: str
    since: str
    run: str
    token: str
    pid: int = 0

    def __str__(self) -> str:
        return f"{self.who} (process {self.pid}) has it since {self.since}, for run {self.run}"


def owner(run: str, token: str) -> Owner:
    """We, now."""
    return Owner(who(), now(), run, token, os.getpid())


class LocalLock:
    """The lock of this machine for the coupling of a master: the kernel gives it back when the process is gone, however it went."""

    def __init__(self, runs: Path, master: str, ours: Owner) -> None:
        path = runs / f".apply-{master}.lock"
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise LockedError(f"{path} cannot be written ({error.strerror})") from None
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            told = _read(os.pread(self._file, 4096, 0).decode("utf-8", "replace"))
            os.close(self._file)
            raise LockedError(
                f"az-checks apply runs on this machine already: {told or 'it does not say whose'}"
            ) from None
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, msgspec.json.encode(ours), 0)

    def release(self) -> None:
        os.close(self._file)


class RemoteLocks:
    """The locks on head nodes, taken in the order of their names.

    `known` are the tokens of those who wrote into our journal: a lock with one of them was left by a process of ours that is gone.
    `note` puts it into the journal before a lock is taken.
    """

    def __init__(self, door: Door, ours: Owner, known: Iterable[str], note: Callable[[str], None]) -> None:
        self._door, self._ours, self._known, self._note = door, ours, {*known, ours.token}, note
        self.held: list[str] = []

    def take(self, datacenters: Iterable[str]) -> None:
        """Takes those that are not held yet.  Raises LockedError; then none of the new ones is held."""
        new = sorted({*datacenters} - {*self.held})
        for name in new:
            try:
                self._sdcadm_is_idle(name)
                self._note(name)
                self._take(name)
            except LockedError:
                self.release(only=new)
                raise

    def _take(self, name: str) -> None:
        said = self._run(name, taking(self._ours))
        if said.strip() == TAKEN:
            self.held.append(name)
            return
        other = _read(said)
        if other is not None and other.token in self._known:
            self.held.append(name)  # a killed one's of ours
            return
        told = other or "it does not say whose it is"
        raise LockedError(f"{name} is locked: {told}. If nobody works there any more: az-checks apply --break-lock")

    def _sdcadm_is_idle(self, name: str) -> None:
        said = self._run(name, f"[[ -e {SDCADM} ]] && fuser {SDCADM} 2> /dev/null; true").split()
        if said:
            raise LockedError(f"sdcadm works on {name} (process {', '.join(said)}): wait until it has ended")

    def release(self, only: Iterable[str] | None = None) -> tuple[str, ...]:
        """Gives them back; the names of those where that did not succeed."""
        left = []
        for name in list(self.held) if only is None else [name for name in only if name in self.held]:
            answer = self._door.run(name, releasing(self._known), WITHIN)
            left += [name] if answer.code != 0 else []
            self.held.remove(name)
        return tuple(left)

    def _run(self, name: str, command: str) -> str:
        answer = self._door.run(name, command, WITHIN)
        if answer.code is None and answer.sent:
            answer = self._door.run(name, command, WITHIN)  # if it was taken, it says that it is ours
        if answer.code is None:
            raise LockedError(f"{name} cannot be locked: {answer.why}")
        return answer.out


def taking(ours: Owner) -> str:
    """Makes the directory, or says whose it is."""
    text = quote(msgspec.json.encode(ours).decode())
    return (
        f"umask 077; if mkdir {PLACE} 2> /dev/null; then printf '%s\\n' {text} > {PLACE}/owner && echo {TAKEN}\n"
        f"else cat {PLACE}/owner; fi"
    )


def releasing(known: Iterable[str]) -> str:
    """Takes the directory away if it is one of ours; one that is gone already is well, too."""
    ours = " || ".join(f"$held == *{quote(token)}*" for token in sorted(known))
    return f"[[ -d {PLACE} ]] || exit 0; held=$(cat {PLACE}/owner) && [[ {ours} ]] && rm {PLACE}/owner && rmdir {PLACE}"


def broken(door: Door, datacenters: Iterable[str]) -> list[str]:
    """Breaks the locks, whosever they are; a sentence for each that was there, or could not be broken."""
    told = []
    for name in sorted(datacenters):
        answer = door.run(name, f"[[ -d {PLACE} ]] || exit 0; cat {PLACE}/owner; rm -r {PLACE}", WITHIN)
        if answer.code != 0:
            told.append(f"the lock of {name} was not broken: {answer.why or answer.err.strip()}")
        elif answer.out.strip():
            told.append(f"the lock of {name} is broken: {_read(answer.out) or 'it did not say whose it was'}")
    return told


def _read(text: str) -> Owner | None:
    try:
        return msgspec.json.decode(text.strip(), type=Owner)
    except (msgspec.DecodeError, UnicodeEncodeError):
        return None
