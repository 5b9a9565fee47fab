"""Sends the recorded requests in order, and compares the answers with the recorded ones."""

from __future__ import annotations

import json
import pathlib
import re
import time
from collections.abc import Awaitable, Callable
from typing import Any

from lab.conformance.bench import bench
from lab.plan.files import Json

COMPARED = {
    "sapi": ("status", "outcome", "response_headers", "json"),
    "binder": ("rcode", "outcome", "flags", "answers", "authority", "additional"),
}
ATTEMPTS = 3
Ask = Callable[[Json], Awaitable[Json]]
Enter = Callable[[str], Awaitable[None]]


class Variables(dict[str, str]):
    """What the server made, and a later exchange names: ${made1}."""

    def fill(self, value: Any) -> Any:
        if isinstance(value, str):
            return re.sub(r"\$\{(\w+)\}", lambda match: self.get(match.group(1), match.group(0)), value)
        if isinstance(value, list):
            return [self.fill(item) for item in value]
        return {key: self.fill(item) for key, item in value.items()} if isinstance(value, dict) else value

    def capture(self, wanted: Json, got: Json) -> None:
        for name, where in wanted.items():
            kind, _, header = where.partition(":")
            self[name] = got["response_headers"].get(header, "") if kind == "header" else str(got["json"][where])


def differences(path: str, want: Any, got: Any) -> list[str]:
    """Where `got` differs from what is wanted; "*" stands for any value."""
    if isinstance(want, dict) and isinstance(got, dict):
        found = []
        for key in sorted(want.keys() | got.keys()):
            if key not in got or key not in want:
                found.append(f"{path}.{key}: {'missing' if key in want else f'unexpected {got[key]!r}'}")
            else:
                found += differences(f"{path}.{key}", want[key], got[key])
        return found
    if isinstance(want, list) and isinstance(got, list) and len(want) == len(got):
        return [
            line for i, pair in enumerate(zip(want, got, strict=True)) for line in differences(f"{path}[{i}]", *pair)
        ]
    # True is not 1: the type of metadata is part of the answer.
    if want == "*" or (want == got and type(want) is type(got)):
        return []
    return [f"{path}: want {str(want)[:200]}, got {str(got)[:200]}"]


def compare(kind: str, exchange: Json, got: Json, milliseconds: float) -> list[str]:
    if exchange.get("unstable"):
        return []
    found = []
    for key in COMPARED[kind]:
        want, have = exchange.get(key), got.get(key)
        if key == "json" and isinstance(want, dict) and "message" in want and not exchange.get("message_exact"):
            want = want | {"message": "*"}
        if want is not None or have is not None:
            found += differences(key, want, have)
    least, most = exchange.get("check_ms", (0, float("inf")))
    if not least <= milliseconds <= most:
        found.append(f"ms: want {least}..{most}, got {milliseconds:.0f}")
    return found


async def replay(
    kind: str, document: Json, ask: Ask, enter: Enter, *, slow: bool = False
) -> tuple[int, dict[str, list[str]]]:
    """Send all requests in order. Returns how many were sent, and the differences by exchange."""
    variables, state, total = Variables(), "normal", 0
    found: dict[str, list[str]] = {}
    for recorded in document["requests"]:
        if recorded.get("slow") and not slow:
            continue
        if recorded.get("state", "normal") != state:
            state = recorded.get("state", "normal")
            await enter(state)
        captured = recorded.get("capture", {})
        asked = {key: variables.fill(recorded[key]) for key in recorded if key not in ("json", "response_headers")}
        for _ in range(ATTEMPTS):
            began = time.monotonic()
            got = await ask(asked)
            spent = (time.monotonic() - began) * 1000
            variables.capture(captured, got)
            wrong = compare(kind, variables.fill(recorded), got, spent)
            # A busy machine may have been late. Only asking again tells that from a server that is late.
            if asked.get("method", "GET") != "GET" or not wrong or not all(each.startswith("ms: ") for each in wrong):
                break
        total += 1
        if wrong:
            found[recorded["id"]] = wrong
    return total, found


async def run(folder: pathlib.Path, kind: str, *, slow: bool = False) -> tuple[int, dict[str, list[str]]]:
    """Replay sapi.json or binder.json of the folder against freshly loaded servers."""
    document = json.loads((folder / f"{kind}.json").read_text("utf-8"))
    async with bench(folder, sapi=kind == "sapi") as servers:
        ask = servers.ask_sapi if kind == "sapi" else servers.ask_binder
        return await replay(kind, document, ask, servers.enter, slow=slow)
