"""A pytest plugin for a watched run: it notes what the suite asks of others, opens, writes and starts.

It sits below the suite's own code: in asyncssh, http.client, ldap3, and in Python's audit events.
"""

from __future__ import annotations

import http.client
import json
import os
import sys
from pathlib import Path
from typing import Any

import asyncssh
import ldap3
import ldap3.strategy.base

SEEN: dict[str, list[Any]] = {
    name: []
    for name in (
        "sessions",
        "forwarded",
        "requests",
        "ldap_connections",
        "ldap_sent",
        "connected",
        "written",
        "started",
    )
}
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_TRUNC


def before(owner: Any, name: str, note: Any) -> None:
    """Call `note` with a method's arguments before the method."""
    method = getattr(owner, name)

    def noted(*args: Any, **kwargs: Any) -> Any:
        note(*args, **kwargs)
        return method(*args, **kwargs)

    setattr(owner, name, noted)


def audit(event: str, args: tuple[Any, ...]) -> None:
    if event == "open" and isinstance(args[2], int) and args[2] & WRITES:
        SEEN["written"].append(os.fsdecode(args[0]) if isinstance(args[0], (str, bytes, os.PathLike)) else "")
    elif event in ("subprocess.Popen", "os.exec", "os.posix_spawn", "os.system"):
        arguments, environment = (args[1], args[3]) if event == "subprocess.Popen" else (args[:2], {})
        told = {"arguments": list(map(str, arguments)), "environment": dict(environment or os.environ)}
        SEEN["started"].append(json.dumps(told))
    elif event == "socket.connect":
        SEEN["connected"].append(args[1] if isinstance(args[1], str) else list(args[1])[:2])


def session(_: Any, factory: Any, command: str | None = None, *, subsystem: str | None = None, **__: Any) -> None:
    SEEN["sessions"].append([command, subsystem])


before(asyncssh.SSHClientConnection, "create_session", session)
before(
    asyncssh.SSHClientConnection,
    "create_connection",
    lambda _, factory, host, port, *a, **k: SEEN["forwarded"].append([host, port]),
)
before(http.client.HTTPConnection, "putrequest", lambda _, method, url, *a, **k: SEEN["requests"].append([method, url]))
before(ldap3.Connection, "__init__", lambda *a, **k: SEEN["ldap_connections"].append(k.get("read_only")))
before(ldap3.strategy.base.BaseStrategy, "send", lambda _, kind, *a, **k: SEEN["ldap_sent"].append(kind))
sys.addaudithook(audit)


def pytest_unconfigure() -> None:
    Path(os.environ["AZ_WATCHED"]).write_text(json.dumps(SEEN))
