"""What a run of the suite reads, each with its answer: so others can be told to read the same, and be held to it."""

from __future__ import annotations

import shlex
from pathlib import Path

import msgspec

from evidence.collect import ldap
from evidence.collect.fetching import RawAnswer
from evidence.collect.marked import BASH
from evidence.subjects.triton import EXPORT_PATH


class TypedRead(msgspec.Struct, frozen=True):
    """A command on a head node, and what it printed; `at` is when, in seconds of the clock."""

    host: str
    command: str
    stdin: str = ""
    code: int | None = None
    stdout: bytes = b""
    stderr: bytes = b""
    at: float = 0.0

    @property
    def sent(self) -> str:
        """The command line for whatever login shell, as the suite sends it, without its marker."""
        return f"{BASH} --norc -c {shlex.quote(EXPORT_PATH + self.command)}"


class Fetched(msgspec.Struct, frozen=True):
    """An HTTP GET through a head node; `host` is empty if it was asked from here, by its whole URL in `address`."""

    host: str
    scheme: str
    address: str
    port: int
    path: str
    headers: dict[str, str]
    answer: RawAnswer


class Searched(msgspec.Struct, frozen=True):
    """A conversation with a UFDS through a head node."""

    host: str
    address: str
    dn: str
    password: str
    searches: tuple[ldap.Search, ...]
    reply: ldap.Reply


class Resolved(msgspec.Struct, frozen=True):
    """A DNS question to a binder through a head node, and its answer, both without the message's number."""

    host: str
    address: str
    query: bytes
    wire: bytes


class Reads(msgspec.Struct):
    """All of it. A kind that nobody could read is None."""

    typed: list[TypedRead] | None = None
    fetched: list[Fetched] | None = None
    searched: list[Searched] | None = None
    resolved: list[Resolved] | None = None

    @property
    def hosts(self) -> list[str]:
        """The head nodes, in the order of their names."""
        return sorted({each.host for each in self.typed or ()})

    @property
    def tunnelled(self) -> int:
        """How many reads are not commands."""
        return len(self.fetched or ()) + len(self.searched or ()) + len(self.resolved or ())


def directories(reads: Reads) -> list[Searched]:
    """One conversation with each UFDS."""
    return list({each.address: each for each in reads.searched or ()}.values())


def load(path: Path) -> Reads:
    """Read what `save` wrote."""
    return msgspec.json.decode(path.read_bytes(), type=Reads)


def save(reads: Reads, path: Path) -> None:
    """Write it for its owner alone: it holds passwords, if only the lab's."""
    path.touch(mode=0o600)
    path.write_bytes(msgspec.json.encode(reads))


def whole(wanted: TypedRead, got: TypedRead) -> bool:
    """Whether a command was answered as the suite was answered: with the same exit status, and with something if that was something."""
    return got.code == wanted.code and bool(got.stdout) == bool(wanted.stdout)
