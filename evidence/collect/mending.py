"""What the remedy's sed makes of a line of /usbkey/config, told beforehand.

Only a line that comes out with exactly the value that is meant gets a step: a value may be a password, which nobody sees.  The
scripts stand in remediate/access.py; tests/remediate/test_usbkey.py runs both on the same lines.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from typing import Final

from evidence.collect.word import OWN, Word, word
from evidence.headnode import BACKSLASH, BLANK, COMMAND, COMMENT, EXPANSION, NO_JSON, QUOTE, RETURN

QUOTED: Final = frozenset({QUOTE, BLANK, COMMAND, EXPANSION, BACKSLASH, NO_JSON})
"""For these the value is put into quotes."""
_COMMENT = re.compile(r"(?<![ \t])[ \t]++#.*", re.DOTALL)


def fits(value: str) -> bool:
    """Whether it is the same between the quotes of JSON."""
    return json.dumps(value, ensure_ascii=False)[1:-1] == value


def carried(value: str) -> str:
    """What config.sh can carry of a value: it escapes nothing, and its `echo` makes one blank of several."""
    return re.sub("[ \t]+", " ", re.sub(r'["\\]', "", value))


def meant(text: str) -> str:
    """What a value that the shell cannot take, or would change, was to be."""
    text = text.strip(" \t")
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"" else text


def names(text: str) -> int:
    """How many other settings such a value names."""
    return 0 if text.startswith("'") else len(OWN.findall(text))


def exact(text: str, value: Word, kinds: Collection[str]) -> bool:
    """Whether the scripts for these kinds leave a line that has exactly this value, as far as config.sh can carry it.

    Not where nobody can say what was meant, because quotes stand within the value; and not where sed may see other
    characters than Python does.
    """
    if not text.rstrip("\r").replace("\t", " ").isprintable() or "\ufffd" in text:
        return False
    rewritten, quoted = _rewritten(text, kinds), bool(QUOTED & set(kinds))
    if quoted and value.kind not in ("", QUOTE) and re.search("['\"]", value.text):
        return False
    wanted = carried(value.text) if quoted else value.text
    return word(rewritten) == Word(wanted, "", value.own) and fits(wanted) and wanted == wanted.strip(" ")


def _rewritten(text: str, kinds: Collection[str]) -> str:
    text = text.rstrip("\r") if RETURN in kinds else text
    text = _COMMENT.sub("", text, count=1) if COMMENT in kinds else text
    if not QUOTED & set(kinds):
        return text
    text = _bare("=" + text.rstrip(" \t"))
    return '"' + re.sub("([$`])", r"\\\1", carried(text)) + '"'


def _bare(line: str) -> str:
    """Without the single quotes that begin behind the first `='` and end the line, and without the `=` in front."""
    begins = line.find("='")
    if 0 <= begins < len(line) - 2 and line.endswith("'"):
        line = line[: begins + 1] + line[begins + 2 : -1]
    return line[1:]
