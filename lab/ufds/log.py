"""Logs in bunyan's form: one JSON object per line."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from lab.ufds.errors import LdapError

LEVELS = {20: "DEBUG", 30: "INFO", 40: "WARN", 50: "ERROR", 60: "FATAL"}


def error_field(error: Exception) -> dict[str, str]:
    """An exception as bunyan's `err`."""
    name = error.name if isinstance(error, LdapError) else "Error"
    return {"message": str(error), "name": name, "stack": f"{name}: {error}"}


class BunyanLog:
    """Writes each record to `sink`, as (level name, message, whole line)."""

    def __init__(self, name: str, hostname: str, sink: Callable[[str, str, str], None]) -> None:
        self._fixed = {"name": name, "hostname": hostname, "pid": os.getpid()}
        self._sink = sink

    def _write(self, level: int, message: str, fields: dict[str, Any]) -> None:
        time = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line = json.dumps({**self._fixed, "level": level, **fields, "msg": message, "time": time, "v": 0})
        self._sink(LEVELS[level], message, line)

    def debug(self, message: str, **fields: Any) -> None:
        self._write(20, message, fields)

    def info(self, message: str, **fields: Any) -> None:
        self._write(30, message, fields)

    def warn(self, message: str, **fields: Any) -> None:
        self._write(40, message, fields)

    def error(self, message: str, **fields: Any) -> None:
        self._write(50, message, fields)

    def fatal(self, message: str, **fields: Any) -> None:
        self._write(60, message, fields)
