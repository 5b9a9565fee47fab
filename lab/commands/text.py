"""json (github.com/trentm/json), the part of it that Triton's operators type."""

from __future__ import annotations

import json
import re
from typing import Any

from lab.commands.call import Call, UsageError, command

_MISSING = object()
_STEP = re.compile(r"\[(\d+)\]|\[\"([^\"]*)\"\]|([^.\[]+)")


@command("json")
async def json_tool(call: Call) -> int:
    """`json [-H] [-a] [-q] [-j] [-f FILE] [KEY…]`; -c, -e and editing (-I, -E) are not imitated."""
    options, keys, file, delimiter = set(), [], None, " "
    words = iter(call.arguments)
    for word in words:
        if word == "-f":
            file = next(words, "")
        elif word == "-d":
            delimiter = next(words, "")
        elif word.startswith("-") and len(word) > 1 and not set(word[1:]) - set("Hajqgn"):
            options |= set(word[1:])
        elif word.startswith("-"):
            raise UsageError(f"json: the lab does not imitate {word}", 127)
        else:
            keys.append(word)
    text = (call.path(file).read_bytes() if file else await call.stdin()).decode("utf-8", "replace")
    if "H" in options or re.match(r"HTTP/\d", text):
        head, _, body = text.replace("\r\n", "\n").partition("\n\n")
        if "H" not in options:
            call.out(head.replace("\n", "\r\n") + "\r\n\r\n")
        text = body
    try:
        values = _documents(text)
    except ValueError as error:
        if "q" not in options:
            call.err(f"json: error: input is not JSON: {error}\n")
        call.out(text if "q" in options else "")
        return 1
    for value in values:
        _show(call, value, keys, options, delimiter)
    return 0


def _documents(text: str) -> list[Any]:
    decoder = json.JSONDecoder()
    found, position = [], 0
    while text[position:].strip():
        position += len(text[position:]) - len(text[position:].lstrip())
        value, position = decoder.raw_decode(text, position)
        found.append(value)
    return found


def _show(call: Call, value: Any, keys: list[str], options: set[str], delimiter: str) -> None:
    if "a" in options:
        for item in value if isinstance(value, list) else [value]:
            if not keys:
                call.out(_text(item) + "\n")
            else:
                cells = [_look(item, key) for key in keys]
                call.out(delimiter.join("" if cell is _MISSING else _text(cell, None) for cell in cells) + "\n")
    elif not keys:
        call.out(json.dumps(value, indent=2, ensure_ascii=False) + "\n" if not isinstance(value, str) else value + "\n")
    else:
        for key in keys:
            found = _look(value, key)
            if found is not _MISSING:
                call.out((json.dumps(found, indent=2, ensure_ascii=False) if "j" in options else _text(found)) + "\n")


def _look(value: Any, path: str) -> Any:
    if isinstance(value, dict) and path in value:
        return value[path]  # a key with dots in it
    for index, quoted, name in _STEP.findall(path):
        step = index or quoted or name
        if isinstance(value, dict) and step in value:
            value = value[step]
        elif isinstance(value, list) and step.isdigit() and int(step) < len(value):
            value = value[int(step)]
        elif isinstance(value, list | str) and step == "length":
            value = len(value)
        else:
            return _MISSING
    return value


def _text(value: Any, indent: int | None = 2) -> str:
    if isinstance(value, str):
        return value
    separators = (",", ":") if indent is None else None
    return json.dumps(value, indent=indent, separators=separators, ensure_ascii=False)
