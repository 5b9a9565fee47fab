"""Waiting until config-agent has rendered a value.  It changes nothing."""

from __future__ import annotations

from typing import ClassVar

from msgspec import Struct

from remediate import typed
from remediate.actions.reading import NoValueError, Precondition, Value, short
from remediate.shell import moment, quote, rendered, rendered_anew, zone_file


class Rendered(Struct, frozen=True, forbid_unknown_fields=True, tag="rendered"):
    """A key of a file of a zone gets a value within `patience` seconds; `gone`: it gets another one than this."""

    needs: ClassVar[tuple[str, ...]] = ()
    waits: ClassVar[bool] = True

    zone: str
    path: str
    key: str
    value: str
    patience: float
    gone: bool = False

    @property
    def planned(self) -> Value:
        return self.value if self.gone else "another value"

    @property
    def after(self) -> Value:
        return "another value" if self.gone else self.value

    def command(self) -> str:
        return rendered(self.zone, self.path, self.key, self.value, self.patience, gone=self.gone)

    def read(self) -> str:
        return f"json {quote(typed.file_key(self.key))} < {zone_file(self.zone, self.path)}"

    def seen(self, code: int, text: str) -> Value:
        if code != 0:
            raise NoValueError(f"{self.path} cannot be read: {short(text)!a} (exit {code})")
        return text.removesuffix("\n")

    def standing(self, now: Value) -> Precondition:
        return Precondition.WANTED if self.done(now, now) else Precondition.PLANNED

    def done(self, then: Value, now: Value) -> bool:  # noqa: ARG002
        return bool((now == self.value) != self.gone)

    def inverse(self, then: Value) -> None:  # noqa: ARG002
        return None


class RenderedAnew(Struct, frozen=True, forbid_unknown_fields=True, tag="rendered-anew"):
    """config-agent of a zone is restarted, and has written a file anew within `patience` seconds.  Its value: when it was written.

    What it wrote since `written` (when the evidence says that it was, in seconds since 1970) counts too: it writes only what
    differs.
    """

    needs: ClassVar[tuple[str, ...]] = ()
    waits: ClassVar[bool] = False

    zone: str
    path: str
    patience: float
    written: float | None = None

    @property
    def planned(self) -> Value:
        return "as it was written before"

    @property
    def after(self) -> Value:
        return "written anew"

    def command(self) -> str:
        return rendered_anew(self.zone, self.path, self.patience, self.written)

    def read(self) -> str:
        return f"TZ=UTC ls -E {zone_file(self.zone, self.path)}"

    def seen(self, code: int, text: str) -> Value:
        if code != 0 or not text.strip():
            raise NoValueError(f"{self.path} cannot be seen: {short(text)!a} (exit {code})")
        return " ".join(text.split())

    def standing(self, now: Value) -> Precondition:  # noqa: ARG002
        return Precondition.PLANNED

    def done(self, then: Value, now: Value) -> bool:
        return bool(then != now) or (self.written is not None and moment(self.written) not in str(now))

    def inverse(self, then: Value) -> None:  # noqa: ARG002
        return None
