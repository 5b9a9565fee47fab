"""fuser: who has a file open.  The numbers go to standard output, the name before them to standard error, as illumos has it."""

from __future__ import annotations

import contextlib
import pathlib

from lab.commands.call import NOT_IMITATED, Call, UsageError, command


@command("fuser")
async def fuser(call: Call) -> int:
    match call.arguments:
        case [name] if not name.startswith("-"):
            file = call.path(name)
            if not file.exists():
                call.err(f"{name}: No such file or directory\n")
                return 1
            call.err(f"{name}: ")
            call.out("".join(f" {pid:>7}" for pid in _who_has(file)))
            call.err("\n")
            return 0
    raise UsageError("fuser: the lab imitates `fuser FILE`", NOT_IMITATED)


def _who_has(file: pathlib.Path) -> list[int]:
    """The lab's own processes that have it open."""
    wanted = file.stat()
    found = set()
    for link in pathlib.Path("/proc").glob("[0-9]*/fd/*"):
        with contextlib.suppress(OSError):
            here = link.stat()
            if (here.st_dev, here.st_ino) == (wanted.st_dev, wanted.st_ino):
                found.add(int(link.parts[2]))
    return sorted(found)
