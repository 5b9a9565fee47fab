"""Rules of policies, with the parts of their grammar that can be violated (node-aperture:lib/language.jison).

[who] CAN actions [what] [WHEN conditions]. The contents of conditions are not checked.
"""

from __future__ import annotations

import re

_TOKEN = re.compile(
    r'\s*(/[^\s/]*(?:/[^\s/]*)*/[a-z]*::regexp?|"(?:\\.|[^"\\])*"|::|[,()]|[^\s,():](?::(?!:)|[^\s,():])*)',
    re.IGNORECASE,
)
_WHEN = ("when", "if", "where")
_RESERVED = frozenset({"and", "or", "not", "can", "to", "in", "::", ",", "(", ")", *_WHEN})


def error(rule: str) -> str | None:
    """The mistake in a rule; None if there is none."""
    tokens = _tokens(rule)
    if tokens is None:
        return "Lexical error on line 1. Unrecognized text."
    if tokens.count("can") < 1:
        return "Parse error on line 1: Expecting 'CAN'"
    at = tokens.index("can")
    who, rest = tokens[:at], tokens[at + 1 :]
    until = next((place for place, token in enumerate(rest) if token in _WHEN), len(rest))
    conditions = rest[until + 1 :]
    if who and _lists(who) != 1:
        return "Parse error on line 1: who"
    if _lists(rest[:until]) not in (1, 2):
        return "Parse error on line 1: what"
    if until < len(rest) and not conditions:
        return "Parse error on line 1: Unexpected 'EOF'"
    return None


def _tokens(rule: str) -> list[str] | None:
    found: list[str] = []
    pos, end = 0, len(rule.rstrip())
    while pos < end:
        match = _TOKEN.match(rule, pos)
        if match is None:
            return None
        found.append(match[1] if match[1].startswith('"') else match[1].lower())
        pos = match.end()
    return found


def _lists(tokens: list[str]) -> int:
    """The number of lists: a | a and b | a, b and c | a, b, and c; 0 if they are not lists."""
    count, place = 0, 0
    while place < len(tokens):
        if tokens[place] in _RESERVED:
            return 0
        place, count = place + 1, count + 1
        commas = 0
        while tokens[place : place + 1] == [","] and tokens[place + 1 : place + 2] != ["and"]:
            if place + 1 >= len(tokens) or tokens[place + 1] in _RESERVED:
                return 0
            place, commas = place + 2, commas + 1
        last = place
        if tokens[place : place + 2] == [",", "and"] and commas:
            last += 1
        if tokens[last : last + 1] == ["and"]:
            if last + 1 >= len(tokens) or tokens[last + 1] in _RESERVED:
                return 0
            place = last + 2
        elif commas or last != place:
            return 0
    return count
