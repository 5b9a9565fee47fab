"""The journal: what was about to be done, and what became of it, one JSON line each, on disk before anything is sent.

Nothing in it is ever changed.  A line that is not whole was being written when the process was killed: then nothing had been
sent for it.  What has an intent and no result is unknown, until its value is read again.
"""

from __future__ import annotations

import getpass
import os
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from remediate.actions import Action, digest
from triton_az_checks.errors import OperatorError

FILE = "journal.jsonl"


class JournalError(OperatorError):
    """The journal cannot be read or written.  Its text says why, and what that means for what was sent."""


class Effect(StrEnum):
    """What became of an intent."""

    VERIFIED = "verified"
    FAILED = "failed"
    UNKNOWN = "unknown"
    NOTHING = "nothing was changed"


class Opened(Struct, frozen=True, forbid_unknown_fields=True, tag="opened"):
    """Somebody began, with this token in the locks that he takes."""

    at: str
    who: str
    pid: int
    what: str
    token: str


class Locking(Struct, frozen=True, forbid_unknown_fields=True, tag="locking"):
    """The lock of a datacenter's head node is about to be taken."""

    at: str
    datacenter: str


class Intent(Struct, frozen=True, forbid_unknown_fields=True, tag="intent"):
    """What is about to be sent, and the value that was read just before.  `undoes` is the number of an earlier intent."""

    at: str
    number: int
    on: str
    cause: str
    action: Action
    hash: str
    value: Any
    undoes: int = 0

    @property
    def causes(self) -> tuple[str, ...]:
        """A step may be there for several causes: their names, with commas between them."""
        return tuple(self.cause.split(", "))


class Resulted(Struct, frozen=True, forbid_unknown_fields=True, tag="result"):
    """What became of it: exit status, what was said (redacted), and the value that was read afterwards."""

    at: str
    number: int
    outcome: Effect
    exit: int | None = None
    said: str = ""
    value: Any = None


class Closed(Struct, frozen=True, forbid_unknown_fields=True, tag="closed"):
    """He ended, and gave his locks back."""

    at: str
    why: str


Entry = Opened | Locking | Intent | Resulted | Closed


class Journal:
    """An open journal.  Whoever opens it holds the local lock."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.entries = read(path)
        try:
            self._file = _opened(path)
            whole = not path.stat().st_size or path.read_bytes().endswith(b"\n")
        except OSError as error:
            raise JournalError(f"{path} cannot be written ({error.strerror}), so nothing was sent") from None
        self._torn = not whole

    def append(self, entry: Entry) -> None:
        """Writes an entry and waits until it is on the disk.  Raises JournalError."""
        line = (b"\n" if self._torn else b"") + msgspec.json.encode(entry) + b"\n"
        self._torn = True
        try:
            if os.write(self._file, line) != len(line):
                raise OSError(0, "the disk is full")
            os.fsync(self._file)
        except OSError as error:
            raise JournalError(f"{self.path} cannot be written ({error.strerror}); {_then(entry)}") from None
        self._torn = False
        self.entries.append(entry)

    def open(self, what: str, token: str) -> None:
        self.append(Opened(now(), who(), os.getpid(), what, token))

    def intend(self, on: str, cause: str, action: Action, value: Any, undoes: int = 0) -> Intent:
        """Notes what is about to be sent."""
        number = 1 + max((entry.number for entry in self.entries if isinstance(entry, Intent)), default=0)
        intent = Intent(now(), number, on, cause, action, digest(action), value, undoes)
        self.append(intent)
        return intent

    def lock(self, datacenter: str) -> None:
        self.append(Locking(now(), datacenter))

    def result(self, number: int, outcome: Effect, code: int | None = None, said: str = "", value: Any = None) -> None:
        self.append(Resulted(now(), number, outcome, code, said, value))

    def end(self, why: str) -> None:
        self.append(Closed(now(), why))

    def close(self) -> None:
        os.close(self._file)


def read(path: Path) -> list[Entry]:
    """The entries of a journal; none if there is no file.  Raises JournalError."""
    try:
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return []
    except OSError as error:
        raise JournalError(f"{path} cannot be read ({error.strerror})") from None
    decoder = msgspec.json.Decoder(Entry)
    found: list[Entry] = []
    torn = 0
    for number, line in enumerate(lines, 1):
        if not line:
            continue
        try:
            entry = decoder.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError):
            torn = number
            continue
        if torn and not isinstance(entry, Opened):
            raise JournalError(f"{path}:{torn} is no entry of a journal of this version: nothing is done with it")
        torn = 0
        found.append(entry)
    return found


def _opened(path: Path) -> int:
    new = not path.exists()
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    if new:
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    return file


def _then(entry: Entry) -> str:
    match entry:
        case Intent():
            return "nothing was sent"
        case Resulted():
            return "what was sent last is not noted: make room, and type az-checks apply --resume, which reads it again"
    return "nothing more is done"


def pending(entries: list[Entry]) -> list[Intent]:
    """The intents of which nobody knows what became of them."""
    known = {entry.number: entry.outcome for entry in entries if isinstance(entry, Resulted)}
    return [
        entry
        for entry in entries
        if isinstance(entry, Intent) and known.get(entry.number, Effect.UNKNOWN) == Effect.UNKNOWN
    ]


def effects(entries: list[Entry]) -> Iterator[Intent]:
    """What was done and not taken back, the latest first."""
    known = {entry.number: entry.outcome for entry in entries if isinstance(entry, Resulted)}
    intents = [entry for entry in entries if isinstance(entry, Intent)]
    done = [entry for entry in intents if known.get(entry.number) == Effect.VERIFIED]
    undone = {entry.undoes for entry in done}
    return (entry for entry in reversed(done) if not entry.undoes and entry.number not in undone)


def undone(entries: list[Entry]) -> list[Intent]:
    """What was done to take something back."""
    known = {entry.number: entry.outcome for entry in entries if isinstance(entry, Resulted)}
    intents = [entry for entry in entries if isinstance(entry, Intent) and entry.undoes]
    return [entry for entry in intents if known.get(entry.number) == Effect.VERIFIED]


def tokens(entries: list[Entry]) -> set[str]:
    """The tokens of all who wrote into this journal: a lock with one of them is a killed one's of ours."""
    return {entry.token for entry in entries if isinstance(entry, Opened)}


def locked(entries: list[Entry]) -> set[str]:
    """The datacenters whose locks a killed one may have left."""
    found: set[str] = set()
    for entry in entries:
        match entry:
            case Locking(datacenter=name):
                found.add(name)
            case Closed():
                found.clear()
    return found


def begun(entries: list[Entry]) -> str:
    """What was begun last: apply or undo.  Whoever resumes goes on with that."""
    return next((e.what for e in reversed(entries) if isinstance(e, Opened) and e.what != "resume"), "apply")


def is_open(entries: list[Entry]) -> bool:
    """Whether the last who began has not ended."""
    ends = [entry for entry in entries if isinstance(entry, Opened | Closed)]
    return bool(ends) and isinstance(ends[-1], Opened)


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def who() -> str:
    try:
        return f"{getpass.getuser()}@{socket.gethostname()}"
    except (KeyError, OSError):
        return f"uid {os.getuid()}@{socket.gethostname()}"
