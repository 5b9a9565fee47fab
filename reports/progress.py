"""The line that tells an operator what the run waits for while evidence is collected."""

from __future__ import annotations

import os
from typing import TextIO


class ProgressLine:
    """Shows what goes on. On a terminal, one line is rewritten, and wiped at the end; elsewhere nothing is printed."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._live = stream.isatty() and os.environ.get("TERM") != "dumb"

    def __call__(self, text: str) -> None:
        if self._live:
            self._stream.write(f"\r\x1b[K{text[:78]}")
            self._stream.flush()

    def say(self, text: str) -> None:
        """Lines that stay, on a terminal or not; what waits is written below them."""
        self.done()
        self._stream.write(f"{text}\n")
        self._stream.flush()

    def done(self) -> None:
        """Wipe the line."""
        if self._live:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
