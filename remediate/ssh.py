"""Commands that the operator types on his own machine, for a head node: `ssh HOST COMMAND`.

Two shells read such a command, the operator's and root's at the head node, and the second has SmartOS's short PATH.
"""

from __future__ import annotations

from evidence.subjects.triton import EXPORT_PATH
from remediate import typed
from remediate.shell import quote


def over_ssh(headnode: str, command: str, *, stdin: bool = False) -> str:
    """`command`, whose values are quoted for the head node's shell, as one word for the operator's shell.

    `stdin` says whether it reads what is piped into it. Otherwise ssh reads nothing, so that it does not swallow pasted lines.
    """
    words = ["ssh", *([] if stdin else ["-n"]), quote(typed.host(headnode)), quote(EXPORT_PATH + command)]
    return " ".join(words)
