"""/usbkey/config as it is written, and the lines of it that config.sh cannot take or gives otherwise.

config.sh has root's bash evaluate the lines, those of /usbkey/config.inc/generic first, and prints what comes of it as JSON without
any escape.  Most versions evaluate all lines as one command, so that one bad line takes the others with it.  Sources:
smartos-live:src/lib/sdc/config.sh; facts "Head node configuration".
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from evidence.collect import mending
from evidence.collect.word import OWN, Word, word
from evidence.headnode import (
    BLANK,
    COMMAND,
    COMMENT,
    LONG,
    NO_JSON,
    NO_SETTING,
    OTHER,
    QUOTE,
    RETURN,
    BadLines,
)
from evidence.redact import cut

NOTHING: Final = Word("")
MOST: Final = 200
"""Lines of one kind that are told."""
LONGEST: Final = 64 << 10
"""Characters of a line that is read; a real one has some hundred."""
_SETTING = re.compile(r"([A-Za-z][A-Za-z0-9_]*)=(.*)", re.DOTALL)
_TAKING: Final = (QUOTE, BLANK, COMMAND, RETURN, NO_SETTING)
"""These do harm with every version of config.sh, to other lines too; the others only where its answer shows it."""


@dataclass(frozen=True)
class Setting:
    """One line that config.sh evaluates: what stands behind `key=`, what is meant by it, and all that is wrong with it."""

    number: int
    key: str = ""
    text: str = ""
    value: Word = NOTHING
    kinds: tuple[str, ...] = ()

    @property
    def says(self) -> bool:
        """Whether it says more than what other settings are."""
        return OWN.sub("", self.value.text) != "" if self.value.own else self.value.text != ""


@dataclass(frozen=True)
class Written:
    """The file's settings as they are meant, what is wrong with its lines, and what config.sh then makes of it.

    `doubtful` are the keys of all lines with which something is wrong, `given` the settings as the tools have them: as config.sh
    gives them, and as they are meant where it gives nothing.
    """

    settings: dict[str, str]
    bad: tuple[BadLines, ...] = ()
    effect: str = ""
    doubtful: tuple[str, ...] = ()
    given: dict[str, Any] = field(default_factory=dict)


def written(text: str, printed: Mapping[str, Any] | None) -> Written:
    """`text` is the file, `printed` what config.sh printed of it; None where that was no JSON."""
    lines = list(lines_of(text))
    last = {line.key: line for line in lines if line.key}
    lost = [key for key, line in last.items() if line.says and printed is not None and not printed.get(key)]
    bad = [(line, kind) for line in lines for kind in line.kinds if _harms(line, kind, printed, last, lost)]
    if printed is not None and not any(kind in (*_TAKING, COMMENT) for _, kind in bad):
        bad += [(line, OTHER) for line in last.values() if _otherwise(line, printed, lost)]
    settings = {key: line.value.text for key, line in last.items()}
    return Written(
        settings,
        tuple(_grouped(bad, lines, printed)) or (() if printed is not None else (BadLines(OTHER, ()),)),
        _effect(printed, lost),
        tuple(dict.fromkeys(line.key for line, _ in bad if line.key)),
        {**(printed or {}), **{key: (printed or {}).get(key) or value for key, value in settings.items()}},
    )


def _harms(
    line: Setting, kind: str, printed: Mapping[str, Any] | None, last: Mapping[str, Setting], lost: Collection[str]
) -> bool:
    if kind in (*_TAKING, LONG):
        return True
    if kind == COMMENT:  # a newer config.sh takes it, so something behind it must be lost
        return printed is None or any(last[key].number > line.number for key in lost)
    return last[line.key] is line and (printed is None or printed.get(line.key) != line.value.text)


def _otherwise(line: Setting, printed: Mapping[str, Any], lost: Collection[str]) -> bool:
    """Whether config.sh gives something else for a line with which nothing is wrong."""
    if line.kinds and line.kinds != (COMMENT,):
        return False
    return line.key in lost or (not line.value.own and (printed.get(line.key) or "") != line.value.text)


def _grouped(
    bad: list[tuple[Setting, str]], lines: list[Setting], printed: Mapping[str, Any] | None
) -> Iterator[BadLines]:
    """The bad lines of each kind, and which of them a command can write."""
    everywhere = {RETURN} & {kind for _, kind in bad}
    kinds: dict[str, set[str]] = {}
    for line, kind in bad:
        kinds.setdefault(line.key, set(everywhere)).add(kind)
    inexact = {line.key for line in lines if line.key in kinds and not _exact(line, kinds[line.key])}
    for kind in dict.fromkeys(kind for _, kind in bad):
        same = [line for line, each in bad if each == kind][:MOST]
        keyed = {line.key: line for line in same if line.key}
        yield BadLines(
            kind,
            tuple(line.number for line in same),
            tuple(map(cut, keyed)),
            tuple(cut(key) for key, line in keyed.items() if mending.carried(line.value.text) != line.value.text),
            tuple(cut(key) for key in keyed if key in inexact),
            tuple(cut(key) for key, line in keyed.items() if _differs(line, printed or {})),
        )


def _exact(line: Setting, kinds: Collection[str]) -> bool:
    return LONG not in line.kinds and mending.exact(line.text, line.value, kinds)


def _differs(line: Setting, printed: Mapping[str, Any]) -> bool:
    """Whether config.sh gives something, and something else than is meant."""
    given = printed.get(line.key) or ""
    return bool(given) and given != line.value.text and not (line.value.own and not line.value.kind)


def _effect(printed: Mapping[str, Any] | None, lost: list[str]) -> str:
    if printed is None:
        return "config.sh -json then prints no JSON"
    if not lost:
        return ""
    more = f" and {len(lost) - 3} more" if len(lost) > 3 else ""
    return f"config.sh -json then gives nothing for {', '.join(map(cut, lost[:3]))}{more}"


def lines_of(text: str) -> Iterator[Setting]:
    """As config.sh chooses them: less blanks in front; comments and what begins with no letter left out."""
    for number, whole in enumerate(text.split("\n"), 1):
        line = whole.lstrip(" ")
        if not re.match("[A-Za-z]", line):
            continue
        found = _SETTING.fullmatch(line)
        yield Setting(number, kinds=(NO_SETTING,)) if found is None else _line(number, found[1], found[2])


def _line(number: int, key: str, text: str) -> Setting:
    if len(text) > LONGEST:
        return Setting(number, key, kinds=(LONG,))
    rest = text.rstrip("\r")
    value = word(rest)
    kinds = (RETURN,) * (rest != text) + (value.kind,) * bool(value.kind)
    if value.kind not in ("", COMMENT):
        return Setting(number, key, text, Word(mending.meant(rest), value.kind, mending.names(rest)), kinds)
    kinds += () if mending.fits(value.text) else (NO_JSON,)
    return Setting(number, key, text, Word(value.text, "", value.own), kinds)
