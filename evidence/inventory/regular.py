"""Reads files that somebody named. Only regular files are read: a pipe or a device could block for ever."""

from __future__ import annotations

import os
import stat

_KINDS = {stat.S_IFDIR: "a directory", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}


class NotRegularError(Exception):
    """The path is not a regular file. The message says what it is."""


def read_regular(path: str | os.PathLike[str], most: int) -> bytes:
    """Return at most `most` bytes of a regular file. Raises OSError as open does, or NotRegularError."""
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        mode = os.fstat(handle).st_mode
        if not stat.S_ISREG(mode):
            raise NotRegularError(_KINDS.get(stat.S_IFMT(mode), "a device"))
        with os.fdopen(handle, "rb", closefd=False) as file:
            return file.read(most)
    finally:
        os.close(handle)
