"""Write lines of /usbkey/config so that config.sh takes them, and so that no value in use changes.

No value is printed, for it may be a secret: sed puts what stands there into quotes.  evidence/collect/mending.py says beforehand
which lines come out exactly as they are meant; only these get a step.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from evidence.fact import Missing
from evidence.headnode import BACKSLASH, COMMAND, COMMENT, EXPANSION, LONG, NO_SETTING, OTHER, RETURN, BadLines
from evidence.model import Configuration
from evidence.redact import SECRET_NAME
from evidence.subjects.datacenter import Datacenter
from remediate import typed
from remediate.lookup import headnode
from remediate.shell import usbkey_mended
from remediate.steps import OVERWRITES, Note, Step

_EDIT = "in both files, between `sdc-usbkey mount` and `sdc-usbkey unmount`: /mnt/usbkey/config and /usbkey/config."
_UNFIT = 'a secret holds what config.sh cannot carry (" or \\ or several blanks). Give it another value, of letters and digits.'
_UNTIL = " Until then no sapiadm, sdcadm or sdc-* command works there."
_IN_USE = (
    "the shell makes another value of this secret than is written, and that one may be in use. Find out which one is, and write it in "
    f"single quotes {_EDIT}"
)
_BY_HAND = f'none would write exactly what is meant. Write it in single quotes, without " and \\, {_EDIT}'
_OTHERWISE = (
    f"SAPI's metadata of `sdc` has another value. Find out which one holds, and write it in single quotes {_EDIT}"
)
_TOLD_BY_SHELL = frozenset({EXPANSION, BACKSLASH, COMMAND})
"""The shell has something else for such a value even where config.sh prints no JSON."""


def mended(datacenter: Datacenter) -> Iterator[Step | Note]:
    """The step that writes what is safe to write, and for each other setting why there is none."""
    bad = datacenter.usbkey.bad
    kept = {key: why for lines in bad for key in lines.keys if (why := _kept(datacenter, lines, key))}
    if scripts := _scripts(bad, kept):
        yield Step(
            on=headnode(datacenter),
            run=usbkey_mended(*scripts),
            risk=OVERWRITES,
            why="writes what the shell can take into both copies of the head node's configuration; it needs nothing that reads them",
            undo_note="each file as it was lies beside it, with date and time behind its name; it holds passwords, so remove it in the end",
        )
    if dropped := sorted({key for lines in bad for key in lines.unfit if key not in kept and lines.kind != OTHER}):
        yield Note(
            f'config.sh can carry no " or \\, and of several blanks only one, so they are taken out of {", ".join(dropped)}. '
            "Look at what is left."
        )
    for why in dict.fromkeys(kept.values()):
        keys = sorted(key for key in kept if kept[key] == why)
        yield Note(f"{', '.join(keys)}: no command is given, because {why}")
    yield from _of_lines(bad)


def _of_lines(bad: tuple[BadLines, ...]) -> Iterator[Note]:
    if any(lines.kind == NO_SETTING for lines in bad):
        yield Note("A line that is no setting becomes a comment. Look at what it was meant to be.")
    if any(lines.kind == OTHER for lines in bad):
        yield Note(
            "Look at /usbkey/config.inc/generic, which config.sh evaluates before /usbkey/config: what the shell cannot take there "
            "costs settings of both. Look also for two blanks on end, *, ? and ~ in the value. If both files are right: "
            "/tmp/.config.json is what config.sh gave last, and it reads them again only after a `touch /usbkey/config`."
        )


def _kept(datacenter: Datacenter, lines: BadLines, key: str) -> str:
    """Why a command must not write a setting; nothing if it may."""
    secret, same = bool(SECRET_NAME.search(key)), _same(datacenter, key)
    changes = key in lines.given or key in lines.unfit
    if lines.kind == OTHER:
        return ""
    if secret and key in lines.unfit:
        return _UNFIT + (_UNTIL if datacenter.usbkey.effect else "")
    if secret and (key in lines.given or (same is None and lines.kind in _TOLD_BY_SHELL)):
        return _IN_USE
    if key in lines.by_hand or lines.kind == LONG:
        return _BY_HAND
    if lines.kind == RETURN and not secret:
        return ""
    return _OTHERWISE if same is False or (same and changes) else ""


def _same(datacenter: Datacenter, key: str) -> bool | None:
    """Whether SAPI has the same value for a setting; None if that is not known."""
    try:
        sapi = datacenter.sdc_metadata
    except Missing:
        return None
    here, there = _told(datacenter.usbkey, key), _told(sapi, key)
    return None if there is None else here == there


def _told(settings: Configuration, key: str) -> Any:
    """As text, since SAPI keeps types and the file has none."""
    value = settings.fingerprints.get(key, settings.values.get(key))
    return str(value).lower() if isinstance(value, bool) else None if value is None else str(value)


def _scripts(bad: tuple[BadLines, ...], kept: dict[str, str]) -> list[str]:
    """Scripts of sed, in the order in which they must run: whole lines, then comments, then quotes."""
    kinds = {lines.kind for lines in bad}
    keys = {lines.kind: [typed.setting(key) for key in lines.keys if key not in kept] for lines in bad}
    spared = [f"/^ *{typed.setting(key)}=/b" for key in sorted(kept)]
    whole = [script for kind, script in _OF_ALL.items() if kind in kinds]
    comments = [f"/^ *{key}=/s/[[:blank:]][[:blank:]]*#.*$//" for key in sorted(keys.pop(COMMENT, []))]
    quoted = sorted({key for kind in keys if kind not in (*_OF_ALL, OTHER) for key in keys[kind]})
    written = whole + comments + [_quoted(key) for key in quoted]
    return [*(spared if whole else []), *written] if written else []


_OF_ALL = {
    RETURN: "s/\r*$//",
    NO_SETTING: "/^ *[a-zA-Z]/{/^ *[a-zA-Z][a-zA-Z0-9_]*=/!s/^/#/;}",
}


def _quoted(key: str) -> str:
    """A script of sed that puts one setting into double quotes, without what no quotes can carry."""
    bare = "s/[[:blank:]]*$//;s/='\\(.*\\)'$/=\\1/"
    carried = 's/["\\\\]//g;s/[[:blank:]][[:blank:]]*/ /g'
    return f'/^ *{key}=/{{{bare};{carried};s/[$`]/\\\\&/g;s/=\\(.*\\)$/="\\1"/;}}'
