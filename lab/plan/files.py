"""The files beside the code: objects and templates as Triton's own repositories keep them."""

from __future__ import annotations

import json
import pathlib
from typing import Any

Json = dict[str, Any]
HERE = pathlib.Path(__file__).parent


def read_text(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")


def read_json(name: str) -> Json:
    found: Json = json.loads(read_text(name))
    return found
