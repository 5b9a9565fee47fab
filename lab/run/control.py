"""How a command inside talks to the running lab: one JSON object over the unix socket that AZ_LAB_SOCKET names."""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Sequence

SOCKET = "AZ_LAB_SOCKET"
PATIENCE = 120.0
WANT_NAMES = ("fault", "heal")
OPERATIONS = (*WANT_NAMES, "settle", "state")


def ask(operation: str, arguments: Sequence[str]) -> int:
    """Send one operation and print the lab's answer; returns its exit status."""
    path = os.environ.get(SOCKET)
    if not path:
        print(f"lab: `{operation}` works inside a running lab only: python -m lab -- COMMAND", file=sys.stderr)
        return 4
    try:
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(PATIENCE)
            link.connect(path)
            link.sendall(json.dumps({"op": operation, "arguments": list(arguments)}).encode() + b"\n")
            with link.makefile("rb") as file:
                answer = json.loads(file.readline() or b'{"code": 3, "text": "the lab is gone"}')
    except TimeoutError:
        print(f"lab: `{operation} {' '.join(arguments)}` is not done after {PATIENCE:g} s", file=sys.stderr)
        return 3
    except OSError as error:
        print(f"lab: the lab does not answer at {path} ({error.strerror or error})", file=sys.stderr)
        return 3
    text = answer.get("text", "")
    if text:
        print(text, file=sys.stdout if answer["code"] == 0 else sys.stderr)
    return int(answer["code"])
