"""What bash makes of the value of one assignment, and what is wrong with it.

Each value is gone over once, whatever it holds: a head node may print a long line, and everything waits meanwhile.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from evidence.headnode import BACKSLASH, BLANK, COMMAND, COMMENT, EXPANSION, QUOTE

_REFERENCE = r"\$(?:CONFIG_[A-Za-z0-9_]+|\{CONFIG_[A-Za-z0-9_]+\})"
OWN: Final = re.compile(_REFERENCE)
"""A value may name another setting."""
_TOKEN = re.compile(
    r"""(?P<plain>[^ \t;&|<>()'"$`\\]++)"""
    r"""|'(?P<single>[^']*+)'"""
    r'''|"(?P<double>(?:[^"\\]|\\.)*+)"'''
    rf"""|(?P<own>{_REFERENCE})"""
    r"""|(?P<expands>`|\$[A-Za-z0-9_{(\[?*@#$!'"-])"""
    r"""|(?P<dollar>\$)"""
    r"""|\\(?P<escaped>[\W_])"""
    r"""|(?P<ends>.)""",
    re.DOTALL,
)
_IN_DOUBLE = re.compile(
    r"""(?P<plain>[^$`\\]++)"""
    rf"""|(?P<own>{_REFERENCE})"""
    r"""|(?P<expands>`|\$[A-Za-z0-9_{(\[?*@#$!-])"""
    r"""|\\(?P<escaped>[$`"\\])"""
    r"""|(?P<other>.)""",
    re.DOTALL,
)
_CLOSED = re.compile(r"""(?:[^'"\\]|\\.|'[^']*+'|"(?:[^"\\]|\\.)*+")*+\\?""", re.DOTALL)


@dataclass(frozen=True)
class Word:
    """`text` up to where something is wrong (`kind`); `own` counts the other settings that it names."""

    text: str
    kind: str = ""
    own: int = 0


def word(text: str) -> Word:
    """What bash makes of what stands behind `key=`."""
    found: list[str] = []
    own = 0
    for token in _TOKEN.finditer(text):
        group = str(token.lastgroup)
        if group == "ends":
            return Word("".join(found), _ended(text, token.start()), own)
        inner = _in_double(token["double"]) if group == "double" else Word(token[group])
        if group == "expands" or inner.kind:
            return Word("".join(found), EXPANSION, own)
        found.append(token[0] if group == "own" else inner.text)
        own += (group == "own") + inner.own
    return Word("".join(found), "", own)


def _in_double(text: str) -> Word:
    """What bash makes of what stands between double quotes."""
    tokens = list(_IN_DOUBLE.finditer(text))
    if any(token.lastgroup == "expands" for token in tokens):
        return Word("", EXPANSION)
    own = sum(token.lastgroup == "own" for token in tokens)
    return Word("".join(token[str(token.lastgroup)] for token in tokens), "", own)


def _ended(text: str, at: int) -> str:
    """What is wrong where a value ends before its line does."""
    if text[at] in "'\"":
        return QUOTE
    if text[at] == "\\":
        return BACKSLASH
    rest = text[at:].strip(" \t")
    if text[at] in " \t" and (not rest or rest[0] == "#"):
        return COMMENT if rest else ""
    if not _CLOSED.fullmatch(text, at):
        return QUOTE
    return BLANK if text[at] in " \t" else COMMAND
