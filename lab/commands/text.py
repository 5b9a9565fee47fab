"""json 5.1.1, the platform's /usr/bin/json (github.com/trentm/json, lib/jsontool.js): the part that Triton's operators type."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

from lab.commands.call import NOT_IMITATED, Call, UsageError, command

_MISSING = object()
_BIT = re.compile(r"\[(?:\"[^\"]*\"|'[^']*'|[^\]])*\]|[^.\[]+")
WITH_VALUE = "doD"
NOT_HERE = {"-c", "-e", "-i", "-D", "-A", "--merge", "--deep-merge", "-h", "--help", "--version"}
LONG = {"--quiet": "q", "--array": "a", "--group": "g", "--keys": "k", "--validate": "v", "--output": "o"}


@dataclass
class _Options:
    """The command line; `indent` is the N of -o json-N, or None for a plain -o jsony."""

    flags: set[str] = field(default_factory=set)
    keys: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    delimiter: str = " "
    indent: int = 2


@command("json")
async def json_tool(call: Call) -> int:
    """`json [-HaqjgkdA] [-o json[-N]] [-f FILE] [LOOKUP…]`; -c, -e and -D are not imitated."""
    options = _parsed(call.arguments)
    text = await _input(call, options)
    while text.startswith("HTTP/") and (head := re.match(r".*?\r\n\r\n|.*?\n\n", text, re.DOTALL)):
        if "H" not in options.flags:
            call.out(head[0])
        text = text[head.end() :]
        if not head[0].startswith("HTTP/1.1 100 Continue"):
            break
    if not text:
        return 0
    try:
        value = _grouped(text) if "g" in options.flags else _decoded(text)
    except ValueError as error:
        if "q" not in options.flags:
            call.err(f"json: error: input is not JSON: {error}\n")
        if "v" not in options.flags:
            call.out(text if text.endswith("\n") else f"{text}\n")  # passed on as it is
        return 1
    if "v" not in options.flags:
        call.out(_shown(value, options))
    return 0


def _apart(words: list[str]) -> list[str]:
    """Split -iH into -i -H. An option with a value takes the rest of its word."""
    found: list[str] = []
    for word in words:
        if len(word) < 3 or word[0] != "-" or word[1] == "-":
            found.append(word)
            continue
        for index, letter in enumerate(word[1:], 2):
            found.append(f"-{letter}")
            if letter in WITH_VALUE:
                found += [word[index:]] * bool(word[index:])
                break
    return found


def _parsed(words: list[str]) -> _Options:
    options, rest = _Options(), iter(_apart(words))
    for word in rest:
        if word in NOT_HERE:
            raise UsageError(f"json: the lab does not imitate {word}", NOT_IMITATED)
        letter = LONG.get(word) or (word[1:] if len(word) == 2 else "")
        if word == "--":
            options.keys += rest
        elif not word.startswith("-") or word == "-":
            options.keys.append(word)
        elif letter == "f":
            options.files.append(next(rest, ""))
        elif letter == "d":
            options.delimiter = next(rest, "").replace("\\t", "\t").replace("\\n", "\n")
        elif letter == "o":
            _mode(options, next(rest, ""))
        elif letter and letter in "Haqjgkv" and word != "-v":
            options.flags.add(letter)
        else:
            raise UsageError(f"json: error: unknown option '{word}'", 1)
    return options


def _mode(options: _Options, name: str) -> None:
    kind, _, indent = name.partition("-")
    if kind not in ("json", "jsony") or (indent and not indent.isdigit()):
        raise UsageError(f"json: the lab does not imitate -o {name}", NOT_IMITATED)
    options.flags |= {"j"} if kind == "json" else set()
    options.indent = int(indent or options.indent)


async def _input(call: Call, options: _Options) -> str:
    if not options.files:
        return (await call.stdin()).decode("utf-8", "replace")
    parts = []
    for name in options.files:
        try:
            parts.append(call.path(name).read_bytes().decode("utf-8", "replace"))
        except OSError:
            text = f"json: error: could not read \"{name}\": Error: ENOENT, no such file or directory '{name}'"
            raise UsageError(text, 1) from None
    return "".join(parts)


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _decoded(text: str) -> Any:
    return json.loads(text, parse_constant=_no_number)


def _grouped(text: str) -> Any:
    """Adjacent objects become one list, and adjacent lists are joined. Between them is a line end, or nothing."""
    text = re.sub(r"(})\s*\n\s*({)|(})({\")", r"\1\3,\2\4", text)
    text = re.sub(r"\]\s*\n\s*\[|\]\[", ",", text).strip()
    return _decoded(text if text.startswith("[") else f"[{text}]")


def _shown(value: Any, options: _Options) -> str:
    flags, keys = options.flags, options.keys
    if "k" in flags:
        value = list(value) if isinstance(value, dict) else [str(index) for index in range(len(value))]
    items = value if isinstance(value, list) else [value]
    if "j" in flags:
        return _line(_table(value, items, options), options)
    if "a" not in flags:
        return "".join(_line(_look(value, key), options) for key in keys) if keys else _line(value, options)
    if not keys:
        return "".join(_line(item, options) for item in items)
    rows = ([_cell(_look(item, key), options) for key in keys] for item in items)
    return "".join(f"{options.delimiter.join(row)}\n" for row in rows)


def _table(value: Any, items: list[Any], options: _Options) -> Any:
    """What -j prints for lookups: one value alone, several as an object, indices of a list as a list, and with -a a list of objects."""
    keys = options.keys
    if not keys:
        return value
    if "a" in options.flags:
        return [_row(item, keys) for item in items]
    if len(keys) == 1:
        return _look(value, keys[0])
    row = _row(value, keys)
    return list(row.values()) if isinstance(value, list) and all(key.isdigit() for key in keys) else row


def _row(value: Any, keys: list[str]) -> dict[str, Any]:
    found = {".".join(_BIT.findall(key)): _look(value, key) for key in keys}
    return {key: each for key, each in found.items() if each is not _MISSING}


def _look(value: Any, path: str) -> Any:
    """One lookup: names and indices, separated by dots or in brackets, as in JavaScript. A key with a dot needs brackets."""
    for bit in _BIT.findall(path):
        step = bit[1:-1].strip("\"'") if bit.startswith("[") else bit
        if isinstance(value, dict) and step in value:
            value = value[step]
        elif isinstance(value, list | str) and re.fullmatch(r"-?\d+", step) and -len(value) <= int(step) < len(value):
            value = value[int(step)]
        elif isinstance(value, list | str) and step == "length":
            value = len(value)
        else:
            return _MISSING
    return value


def _line(value: Any, options: _Options) -> str:
    """A value with a line end; nothing at all if it is absent or empty."""
    text = _cell(value, options)
    return f"{text}\n" if text else ""


def _cell(value: Any, options: _Options) -> str:
    """A text without its quotes, unless -j wants them. Everything else is indented, even in a table."""
    if value is _MISSING:
        return ""
    if isinstance(value, str) and "j" not in options.flags:
        return value
    separators = (",", ":") if options.indent == 0 else None
    return json.dumps(value, indent=options.indent or None, separators=separators, ensure_ascii=False)
