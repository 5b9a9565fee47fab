"""Puts plans and reports on a terminal: escaped, wrapped, and coloured only on request.

Names and answers come from machines that may lie. What a terminal would act upon is shown as \\x1b (design, rule 7).
"""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Iterable

from msgspec import Struct

RED, GREEN, YELLOW, CYAN, BOLD, DIM = "31", "32", "33", "36", "1", "2"
_CONTROLS = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode categories that move the cursor, hide or reorder text."""


def safe(text: str, *, keep: str = "") -> str:
    """The text with control and formatting characters spelt out, except those in `keep`."""
    if text.isprintable():  # as nearly all is; none of these characters is printable
        return text
    return "".join(c if c in keep or unicodedata.category(c) not in _CONTROLS else _spelt(c) for c in text)


def _spelt(character: str) -> str:
    number = ord(character)
    plain = {"\n": "\\n", "\t": "\\t", "\r": "\\r"}
    return plain.get(character) or (f"\\x{number:02x}" if number < 256 else f"\\u{number:04x}")


class Look(Struct, frozen=True):
    """What the terminal bears: its width, whether it has colour, and whether it has no signs but ASCII."""

    width: int = 80
    colour: bool = False
    ascii: bool = False

    @property
    def cross(self) -> str:
        return "x" if self.ascii else "✗"

    @property
    def dot(self) -> str:
        return "." if self.ascii else "·"

    def cut(self, text: str, most: int) -> str:
        """The text, with a mark where it is cut off: at a blank, if there is one near."""
        end = "..." if self.ascii else "…"
        if len(text) <= most:
            return text
        kept = text[: max(0, most - len(end))]
        whole = kept.rpartition(" ")[0]
        return (whole if len(whole) > len(kept) * 2 // 3 else kept).rstrip(" ,;:(") + end


class Page:
    """A page of a given width, with or without colour."""

    def __init__(self, width: int = 80, *, colour: bool = False, ascii: bool = False) -> None:  # noqa: A002
        self.look = Look(max(40, min(width, 120)), colour, ascii)
        self.width = self.look.width
        self._colour = colour
        self._lines: list[str] = []

    @classmethod
    def looking(cls, look: Look) -> Page:
        return cls(look.width, colour=look.colour, ascii=look.ascii)

    def paint(self, text: str, *codes: str) -> str:
        """The text in colour, if the page has colour. The text must already be escaped."""
        return f"\x1b[{';'.join(codes)}m{text}\x1b[0m" if self._colour and codes and text else text

    def painted(self, *parts: str | tuple[str, ...]) -> None:
        """Add one line of parts: a text, or a text with its colours."""
        told = [(part,) if isinstance(part, str) else part for part in parts]
        while told and not told[-1][0].strip():
            told.pop()
        told[-1:] = [(text.rstrip(), *codes) for text, *codes in told[-1:]]
        self._lines.append("".join(self.paint(safe(text), *codes) for text, *codes in told))

    def line(self, text: str = "", *codes: str) -> None:
        """Add one line, escaped but not wrapped: ids and commands stay in one piece."""
        self._lines.append(self.paint(safe(text), *codes))

    def prose(self, text: str, indent: int = 0, label: str = "", hang: int = 0, *codes: str) -> None:
        """Add a wrapped paragraph. `label` stands before it, in a column of its own that is `hang` wide."""
        first = " " * indent + label.ljust(hang)
        wrapped = textwrap.wrap(
            safe(text),
            self.width,
            initial_indent=first,
            subsequent_indent=" " * (indent + hang),
            break_on_hyphens=False,
        ) or [first.rstrip()]
        self._lines += [self.paint(line, *codes) for line in wrapped]

    def command(self, text: str, indent: int) -> None:
        """Add commands line by line, as they are to be pasted."""
        for line in text.split("\n"):
            self._lines.append(" " * indent + self.paint(safe(line, keep="\t"), CYAN))

    def __str__(self) -> str:
        text = "\n".join(self._lines)
        return in_ascii(text) if self.look.ascii else text


def in_ascii(text: str) -> str:
    """The text for a terminal that knows nothing else; what has no like in ASCII is spelt out."""
    return text.replace("…", "...").encode("ascii", "backslashreplace").decode("ascii")


def counted(number: int, one: str, many: str = "") -> str:
    """ "1 cause", "4 causes"."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def some(names: Iterable[str], most: int = 3) -> str:
    """The first few names, and how many more there are."""
    listed = list(names)
    rest = len(listed) - most
    if rest <= 1:
        return ", ".join(listed)
    return f"{', '.join(listed[:most])} and {rest} more"
