"""What only a head node can tell: its clock, its USB key, the images of its zones. Frozen, like all evidence."""

from __future__ import annotations

from msgspec import Struct

LACKING, OTHERWISE, MORE, UNFIT = "lacking", "otherwise", "more", "unfit"
"""How the USB key's copy of a setting differs from /usbkey/config: it is not there, is another, is there alone, has a bad line."""


class CopyDifference(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A setting in which the USB key's copy differs from /usbkey/config; the values only of those that are no secrets."""

    key: str
    kind: str
    here: str = ""
    there: str = ""


class UsbkeyCopy(Struct, frozen=True, forbid_unknown_fields=True):
    """The USB key's own copy of the configuration: its path, or nothing if none can be read, and where it differs."""

    path: str = ""
    differs: tuple[CopyDifference, ...] = ()


class Room(Struct, frozen=True, forbid_unknown_fields=True):
    """Where sdc-ufds-m2s saves what it deletes: what cannot be written there, and how many kB are free (None: df does not say)."""

    closed: tuple[str, ...] = ()
    free: int | None = None


class CouplingTools(Struct, frozen=True, forbid_unknown_fields=True):
    """What the coupling's tools of a candidate can do; they have no version numbers, so their own lines tell.

    `takes_addresses`: sdc-ufds-m2s can read an IP address (TRITON-2331). `reconcile_has_password`: ufds-reconcile-data binds to the
    master with the master's password (TRITON-127).
    """

    takes_addresses: bool
    reconcile_has_password: bool


class Clock(Struct, frozen=True, forbid_unknown_fields=True):
    """How far a head node's clock is ahead of the suite's machine, in seconds: at least `least`, at most `most`."""

    least: float
    most: float


class UsbKey(Struct, frozen=True, forbid_unknown_fields=True):
    """What sdc-usbkey needs to mount: `status` is its message, `ok` whether the key is mounted as it should be.

    `bootpool` is the pool that the head node was booted from, if any; `devices` counts file systems of the key's type.
    """

    status: str
    ok: bool
    bootpool: str = ""
    devices: int = 0


FORWARDING, SESSIONS, CUT, FROZEN, ZLOGIN = "forwarding", "sessions", "cut", "frozen", "zlogin"
"""What can be wrong with a head node that answers."""


class Trouble(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Something that was wrong with a head node while it was asked; `detail` is what it said.

    For a lost connection: lost at `since`, after this many `answers`.
    """

    kind: str
    detail: str = ""
    since: str = ""
    answers: int = 0

    def __str__(self) -> str:
        lost = f"at {self.since}, after {self.answers} answers" + (f" ({self.detail})" if self.detail else "")
        return {
            FORWARDING: f"its SSH server forbids forwarding {self.detail}",
            SESSIONS: f"its SSH server refuses sessions ({self.detail})",
            CUT: f"its SSH connection was cut {lost}",
            FROZEN: f"its SSH connection froze {lost}",
            ZLOGIN: f"zlogin enters no zone: {self.detail}",
        }.get(self.kind, f"{self.kind}: {self.detail}")


class Server(Struct, frozen=True, forbid_unknown_fields=True):
    """A server as CNAPI lists it: its name, and its address on the admin network.

    `net_agent` and `ur` are the states of these agents in its SMF; or `why` says why they, or its address, are not known, and `closed`
    whether that is because the head node's ssh does not get there.
    """

    hostname: str
    address: str = ""
    net_agent: str = ""
    ur: str = ""
    why: str = ""
    closed: bool = False


class Instance(Struct, frozen=True, forbid_unknown_fields=True):
    """One row of `sdcadm insts -j`; `version` is empty where IMGAPI does not know the image."""

    service: str
    version: str = ""


QUOTE, BLANK, COMMAND, COMMENT = "quote", "blank", "command", "comment"
EXPANSION, BACKSLASH, NO_JSON = "expansion", "backslash", "no json"
RETURN, NO_SETTING, OTHER, LONG = "return", "no setting", "other", "long"
"""What can be wrong with a line of /usbkey/config."""

_WRONG = {
    QUOTE: "a quote that is not closed",
    BLANK: "a blank outside quotes, behind which the shell takes the rest for a command",
    COMMAND: "one of ; & | < > ( ) outside quotes, which the shell acts upon",
    COMMENT: "a # behind a blank: most versions drop what follows, the lines behind it too",
    EXPANSION: "a $ or ` outside single quotes, for which the shell puts something else",
    BACKSLASH: "a backslash, which the shell drops",
    NO_JSON: 'a " or \\ (or a control character) in the value, which config.sh puts into its JSON as it is',
    RETURN: "a carriage return at the end (CRLF), which becomes part of the value",
    NO_SETTING: "no key=value, so the shell takes it for a command",
    OTHER: "a value that config.sh gives otherwise or not at all, though nothing is wrong there: /usbkey/config.inc/generic, which it "
    "evaluates first, may hold a bad line, or the shell acts upon blanks, *, ? or ~ in the value",
    LONG: "more than 64 kB, and was not read",
}
MILD = frozenset({EXPANSION, BACKSLASH, NO_JSON, OTHER, LONG})
"""Where config.sh gives something for each setting all the same, these only make it another value than is written."""


class BadLines(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Lines of /usbkey/config that config.sh cannot take for one reason: their numbers, and the keys of those that have one.

    `unfit` are the keys whose value config.sh cannot carry however it is quoted, `by_hand` those that no command writes exactly as
    they are meant, `given` those that config.sh gives a value for, and another one than is meant.
    """

    kind: str
    lines: tuple[int, ...]
    keys: tuple[str, ...] = ()
    unfit: tuple[str, ...] = ()
    by_hand: tuple[str, ...] = ()
    given: tuple[str, ...] = ()

    def __str__(self) -> str:
        if not self.lines:
            return "no line of it is bad, but /usbkey/config.inc/generic, which config.sh evaluates first, may hold one"
        lines = (
            f"line {self.lines[0]}" if len(self.lines) == 1 else f"{len(self.lines)} lines, from {self.lines[0]} on,"
        )
        keys = f" ({', '.join(self.keys[:3])}{', …' if len(self.keys) > 3 else ''})" if self.keys else ""
        return f"{lines}{keys} {'has' if len(self.lines) == 1 else 'have'} {_WRONG.get(self.kind, self.kind)}"
