"""Files of a head node that are to go: those that a tool of Triton's leaves behind, with passwords in them."""

from __future__ import annotations

from typing import ClassVar

from msgspec import Struct

from remediate import typed
from remediate.actions.reading import NoValueError, Precondition, Value, short


class FilesGone(Struct, frozen=True, forbid_unknown_fields=True, tag="files-gone"):
    """Its value: those of the files that are there.  Nothing brings them back, for nothing is kept of them."""

    needs: ClassVar[tuple[str, ...]] = ()
    waits: ClassVar[bool] = False
    patience: ClassVar[float] = 10.0

    paths: tuple[str, ...]

    @property
    def planned(self) -> Value:
        return sorted(self.paths)

    @property
    def after(self) -> Value:
        return []

    def command(self) -> str:
        return f"rm -f {' '.join(map(typed.leftover, self.paths))}"

    def read(self) -> str:
        return f"ls -1d {' '.join(map(typed.leftover, self.paths))} 2> /dev/null; true"

    def seen(self, code: int, text: str) -> Value:
        found = text.split()
        if code != 0 or not set(found) <= set(self.paths):
            raise NoValueError(f"ls said {short(text)!a} (exit {code})")
        return sorted(found)

    def standing(self, now: Value) -> Precondition:
        """Somebody may have removed a part of them: that is no third state."""
        return Precondition.PLANNED if now else Precondition.WANTED

    def done(self, then: Value, now: Value) -> bool:  # noqa: ARG002
        return not now

    def inverse(self, then: Value) -> None:  # noqa: ARG002
        return None
