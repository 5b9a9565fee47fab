"""/usbkey/config as it is written, and the lines of it that config.sh cannot take.

config.sh has root's bash evaluate the lines, and prints the result as JSON without any escapes. Most versions evaluate all lines as one
command, so one bad line spoils the others too. Sources: smartos-live:src/lib/sdc/config.sh; facts "Head node configuration".
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from evidence.headnode import (
    BACKSLASH,
    BLANK,
    COMMAND,
    COMMENT,
    EXPANSION,
    NO_JSON,
    NO_SETTING,
    QUOTE,
    RETURN,
    BadLines,
)
from evidence.redact import cut

MOST: Final = 200
"""So many lines of one kind are kept."""
_SETTING = re.compile(r"([A-Za-z][A-Za-z0-9_]*)=(.*)", re.DOTALL)
_CLOSED = re.compile(r"""(?:[^'"\\]|\\.|'[^']*'|"(?:[^"\\]|\\.)*")*\\?""", re.DOTALL)
_OWN = re.compile(r"\$(CONFIG_\w+|\{CONFIG_\w+\})")
_EXPANDS = re.compile(r"`|\$[A-Za-z0-9_{(?*@#$!'\"-]")
_ALWAYS: Final = (QUOTE, BLANK, COMMAND, RETURN, NO_SETTING)
"""These do harm with every version of config.sh. The others count only if its answer shows the harm."""


@dataclass(frozen=True)
class Setting:
    """One line that config.sh evaluates. `value` is the value that it is meant to set; `kind` is the mistake, if there is one."""

    number: int
    key: str
    value: str = ""
    kind: str = ""


@dataclass(frozen=True)
class Written:
    """The file's settings as they are meant, the mistakes in its lines, and what config.sh then makes of the file."""

    settings: dict[str, str]
    bad: tuple[BadLines, ...] = ()
    effect: str = ""


def written(text: str, printed: Mapping[str, Any] | None) -> Written:
    """`text` is the file. `printed` is what config.sh printed for it, None if that was not JSON."""
    lines = list(_lines(text))
    settings = {line.key: line.value for line in lines if line.key}
    lost = [key for key, value in settings.items() if value and printed is not None and not printed.get(key)]
    bad = [line for line in lines if line.kind in _ALWAYS or (line.kind and _harms(line, printed, lost))]
    if printed is None and not bad:
        bad = [line for line in lines if line.kind]
    return Written(settings, tuple(_grouped(bad)), _effect(printed, lost))


def _harms(line: Setting, printed: Mapping[str, Any] | None, lost: list[str]) -> bool:
    if line.kind == COMMENT:
        return bool(lost)
    return line.kind == NO_JSON if printed is None else printed.get(line.key) != line.value


def _grouped(bad: list[Setting]) -> Iterator[BadLines]:
    for kind in dict.fromkeys(line.kind for line in bad):
        same = [line for line in bad if line.kind == kind][:MOST]
        keys = tuple(cut(line.key) for line in same if line.key)
        unfit = tuple(cut(line.key) for line in same if not _fits(line.value))
        yield BadLines(kind, tuple(line.number for line in same), keys, unfit)


def _effect(printed: Mapping[str, Any] | None, lost: list[str]) -> str:
    if printed is None:
        return "config.sh -json then prints no JSON"
    if not lost:
        return ""
    more = f" and {len(lost) - 3} more" if len(lost) > 3 else ""
    return f"config.sh -json then gives nothing for {', '.join(lost[:3])}{more}"


def _lines(text: str) -> Iterator[Setting]:
    """The lines that config.sh chooses: blanks in front are removed; comments and lines that do not begin with a letter are left out."""
    for number, whole in enumerate(text.split("\n"), 1):
        line = whole.lstrip(" ")
        if not re.match("[A-Za-z]", line):
            continue
        found = _SETTING.fullmatch(line)
        yield Setting(number, "", kind=NO_SETTING) if found is None else _line(number, found[1], found[2])


def _line(number: int, key: str, text: str) -> Setting:
    if text.endswith("\r"):
        return Setting(number, key, _line(number, key, text.rstrip("\r")).value, RETURN)
    value, kind = _word(text)
    if kind == COMMENT:
        return Setting(number, key, value, kind)
    if kind:
        return Setting(number, key, _meant(text), kind)
    return Setting(number, key, value, "" if _fits(value) else NO_JSON)


def _fits(value: str) -> bool:
    """Whether the value stays the same between the quotes of JSON."""
    return json.dumps(value, ensure_ascii=False)[1:-1] == value


def _meant(text: str) -> str:
    """The intended value, where the shell cannot take the text or would change it."""
    text = text.strip()
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"" else text


def _word(text: str) -> tuple[str, str]:
    """What bash makes of a value, and the mistake in it, if there is one."""
    value, rest = "", text
    while rest:
        first = rest[0]
        if first in " \t":
            behind = rest.strip()
            if behind.startswith("#") or not behind:
                return value, COMMENT if behind else ""
            return value, BLANK if _CLOSED.fullmatch(rest) else QUOTE
        if first in ";&|<>()":
            return value, COMMAND if _CLOSED.fullmatch(rest) else QUOTE
        if first in "'\"":
            inside, closing, rest = _quoted(rest)
            if not closing:
                return value, QUOTE
            if first == '"' and _EXPANDS.search(_OWN.sub("", re.sub(r"\\.", "", inside))):
                return value, EXPANSION
            value += inside if first == "'" else re.sub(r'\\([$`"\\])', r"\1", inside)
            continue
        own = _OWN.match(rest)
        if own:
            value, rest = value + own[0], rest[own.end() :]
            continue
        if _EXPANDS.match(rest):
            return value, EXPANSION
        if first == "\\" and (len(rest) < 2 or rest[1].isalnum()):
            return value, BACKSLASH
        literal = rest[:2][-1] if first == "\\" else first
        value, rest = value + literal, rest[2 if first == "\\" else 1 :]
    return value, ""


def _quoted(text: str) -> tuple[str, str, str]:
    """The contents of the quotes at the beginning of a text, the closing quote ("" if there is none), and the rest."""
    if text[0] == "'":
        inside, closing, rest = text[1:].partition("'")
        return inside, closing, rest
    found = re.match(r'"((?:[^"\\]|\\.)*)"', text, re.DOTALL)
    return (found[1], '"', text[found.end() :]) if found else (text[1:], "", "")
