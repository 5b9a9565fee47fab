"""What is really sent for a command, and which part of the output is its answer.

Any login shell is possible, and it may print whatever its files say before it runs anything: a banner, a greeting, a trace. So each command
goes to bash as one quoted word, and prints a marker first. What stands before the marker is not answer. (--norc: a bash that notices that
it runs over the network reads .bashrc, even this one.) Each connection has its own marker, which nobody can guess.
"""

from __future__ import annotations

import secrets
import shlex

from evidence.redact import cut
from evidence.subjects.triton import EXPORT_PATH

BASH = "/usr/bin/bash"
LONGEST_NOISE = 4 << 20
"""So many bytes are read while the marker has not come."""
SHOWN = 120


class Marker:
    """The marker of one connection."""

    def __init__(self) -> None:
        self._text = f"az-checks-{secrets.token_hex(16)}"
        self._line = f"{self._text}\n".encode()

    def sent(self, command: str) -> str:
        """The command line that is really sent. The login shell (sh, csh or fish) reads no word of it except the quoted one."""
        marks = f"echo {self._text}; echo {self._text} >&2; "
        return f"{BASH} --norc -c {shlex.quote(marks + EXPORT_PATH + command)}"

    def stream(self) -> Stream:
        return Stream(self._line)


class Stream:
    """One stream of a command's output: it returns what follows the marker, as it comes."""

    def __init__(self, line: bytes) -> None:
        self._line, self._before, self.begun = line, b"", False

    def answer(self, part: bytes) -> bytes:
        """The part of this piece that belongs to the answer."""
        if self.begun:
            return part
        before, found, after = (self._before + part).partition(self._line)
        self.begun = bool(found)
        # The marker may come in two pieces, so the end is kept; of the rest, as much as can be shown.
        room = LONGEST_NOISE if len(before) <= LONGEST_NOISE else SHOWN
        self._before = before if len(before) <= room else before[:room] + before[-len(self._line) :]
        return after if found else b""

    @property
    def instead(self) -> str:
        """What came before the marker, for a sentence: one line, escaped, short."""
        text = " ".join(self._before.decode("utf-8", "replace").split())
        return ascii(cut(text if len(text) <= SHOWN else f"{text[:SHOWN]}…"))
