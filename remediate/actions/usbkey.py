"""Settings of the head node's configuration, in both of its files."""

from __future__ import annotations

import shlex
from typing import ClassVar

from msgspec import Struct

from remediate import typed
from remediate.actions.reading import NoValueError, Precondition, Value, same, short
from remediate.shell import quote, usbkey_set

FILES = ("/usbkey/config", "/mnt/usbkey/config")
_MARK = "az-checks-file"


class UsbkeyConfig(Struct, frozen=True, forbid_unknown_fields=True, tag="usbkey-config"):
    """Its value: by file the touched settings that are there.  The key is mounted to read it, and unmounted if it was."""

    needs: ClassVar[tuple[str, ...]] = ()
    waits: ClassVar[bool] = False
    patience: ClassVar[float] = 60.0

    wanted: dict[str, str] = {}
    gone: tuple[str, ...] = ()
    before: dict[str, str] = {}

    @property
    def planned(self) -> Value:
        return dict.fromkeys(FILES, self.before)

    @property
    def after(self) -> Value:
        return dict.fromkeys(FILES, self.wanted)

    def command(self) -> str:
        return usbkey_set(self.wanted, self.gone)

    def read(self) -> str:
        keys = "|".join(map(typed.setting, sorted({*self.wanted, *self.gone})))
        # Without a last command that fails where a file cannot be read, an absent file would be an absent setting.
        shown = f"echo {_MARK} $file && nawk {quote(f'/^({keys})=/')} $file"
        return (
            f"was=$(sdc-usbkey status); sdc-usbkey mount > /dev/null && ( for file in {' '.join(FILES)}; do {shown} || exit 1; "
            "done ); code=$?; [[ $was == mounted ]] || sdc-usbkey unmount; (exit $code)"
        )

    def seen(self, code: int, text: str) -> Value:
        if code != 0:
            raise NoValueError(f"the two files of the configuration cannot be read: {short(text)!a} (exit {code})")
        found: dict[str, dict[str, str]] = {}
        name = ""
        for line in text.splitlines():
            if line.startswith(f"{_MARK} "):
                name = line.removeprefix(f"{_MARK} ")
                found[name] = {}
            elif name:
                key, _, value = line.partition("=")
                found[name][key] = _plain(value)
        if set(found) != set(FILES):
            raise NoValueError(f"the two files of the configuration cannot be read: {short(text)!a}")
        return found

    def standing(self, now: Value) -> Precondition:
        """One of the files may be as wanted already; each is as planned, as wanted or neither by itself."""
        if same(now, self.after):
            return Precondition.WANTED
        known = all(same(each, self.before) or same(each, self.wanted) for each in now.values())
        return Precondition.PLANNED if known else Precondition.OTHER

    def done(self, then: Value, now: Value) -> bool:  # noqa: ARG002
        return same(now, self.after)

    def inverse(self, then: Value) -> UsbkeyConfig | None:
        """Only if both files said the same, and what the suite may write; else the copies beside them have it."""
        first, second = (then[name] for name in FILES)
        if not same(first, second):
            return None
        try:
            back = {key: typed.usbkey(key, value) for key, value in first.items()}
        except typed.NotOfTheFormError:
            return None
        lost = tuple(sorted({*self.wanted, *self.gone} - {*back}))
        return UsbkeyConfig(back, lost, self.wanted)


def _plain(value: str) -> str:
    """What the shell that reads the file makes of a value of one word."""
    try:
        words = shlex.split(value)
    except ValueError:
        return value
    return words[0] if len(words) == 1 else value if words else ""
