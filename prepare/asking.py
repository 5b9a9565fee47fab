"""One question to a head node, by the table of questions."""

from __future__ import annotations

from evidence.collect.ssh import HeadNode
from evidence.collect.unanswered import UnansweredError
from evidence.subjects.questions import OF_DATACENTER


async def answer(head: HeadNode, key: str) -> str:
    """What the command of a question prints.  Raises UnansweredError."""
    output = await head.run(OF_DATACENTER[key].how)
    command = " ".join(OF_DATACENTER[key].how.split()[:2])
    if output.why:
        raise UnansweredError(f"`{command}` {output.why}")
    if output.code:
        said = " ".join(output.stderr.split())[:200]
        raise UnansweredError(f"`{command}` failed with exit status {output.code}{f': {said}' if said else ''}")
    return output.text
