"""Types one line on a head node, and answers its questions: `TURNS DATACENTER LINE`, as Operator sends it.

TURNS is a JSON list of pairs (the question, and what is then typed). With turns there is a terminal, as at a login.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence

import asyncssh

from tests.login import in_login

PATIENCE = 120.0
CLOSED = 255


async def plainly(link: asyncssh.SSHClientConnection, line: str) -> int:
    done = await link.run(in_login(line), stdin=asyncssh.DEVNULL, errors="replace")
    print(f"{done.stdout!s}{done.stderr!s}", end="")
    return done.exit_status or 0


async def answering(link: asyncssh.SSHClientConnection, line: str, turns: Sequence[tuple[str, str]]) -> int:
    process = await link.create_process(in_login(line), term_type="xterm", stderr=asyncssh.STDOUT, errors="replace")
    said = seen = ""
    for wanted, typed in turns:
        while wanted not in seen:
            part = await _more(process, said)
            if not part:
                print(said, f"\n(it never said {wanted!r})", end="")
                return CLOSED
            said, seen = said + part, seen + part
        seen = seen.partition(wanted)[2]
        if typed == "":
            print(said, end="")
            link.abort()
            return CLOSED
        process.stdin.write(typed)
    while part := await _more(process, said):
        said += part
    await process.wait()
    print(said.replace("\r\n", "\n"), end="")
    return CLOSED if process.exit_status is None else process.exit_status


async def _more(process: asyncssh.SSHClientProcess[str], said: str) -> str:
    """What it says next. Where it says nothing for too long, all that it said is told."""
    try:
        return await asyncio.wait_for(process.stdout.read(4096), PATIENCE)
    except TimeoutError:
        raise SystemExit(f"{said}\n(and then nothing within {PATIENCE:g} s)") from None


async def main(turns: Sequence[tuple[str, str]], datacenter: str, line: str) -> int:
    async with asyncssh.connect(datacenter, connect_timeout=20) as link:
        return await (answering(link, line, turns) if turns else plainly(link, line))


if __name__ == "__main__":
    sys.exit(asyncio.run(main(json.loads(sys.argv[1]), *sys.argv[2:])))
