"""Reading files that somebody named: a pipe or a device would keep us waiting for ever, so only regular files are read."""

from __future__ import annotations

import os
import stat

_KINDS = {stat.S_IFDIR: "a directory", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}


class NotRegularError(Exception):
    """What was named is no regular file.  Its text says what it is."""


def read_regular(path: str | os.PathLike[str], most: int) -> bytes:
    """At most so many bytes of a regular file.  Raises OSError as open does, or NotRegularError."""
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        mode = os.fstat(handle).st_mode
        if not stat.S_ISREG(mode):
            raise NotRegularError(_KINDS.get(stat.S_IFMT(mode), "a device"))
        with os.fdopen(handle, "rb", closefd=False) as file:
            return file.read(most)
    finally:
        os.close(handle)
