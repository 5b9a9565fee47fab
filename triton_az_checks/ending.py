"""How a run ends when others end it: SIGTERM, a reader that goes away, a terminal that was closed."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import sys
from types import FrameType
from typing import Any, TextIO


def standard_files() -> None:
    """Give a process that was started without standard input, output or error an empty one.

    Otherwise the next file that is opened would take that place, and get what is meant for the terminal.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)


def at_once() -> None:
    """Until `as_by_ctrl_c`, Ctrl-C ends the process without a word: nothing was done yet."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


def as_by_ctrl_c() -> None:
    """From now on SIGTERM ends the run as Ctrl-C does: with a verdict on what is known."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, _interrupt)


def _interrupt(_signal: int, frame: FrameType | None) -> None:
    """SIGINT itself may be ignored, as in what a shell starts in the background."""
    handler = signal.getsignal(signal.SIGINT)
    if not callable(handler):
        raise KeyboardInterrupt
    handler(signal.SIGINT, frame)


class Unbroken:
    """A text file that never fails. If nobody reads on, or the disk is full, the rest is dropped: the verdict is in the run's folder."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._given_up = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def write(self, text: str) -> int:
        if self._given_up:
            return len(text)
        try:
            return self._file.write(text)
        except OSError as error:
            self._give_up(error)
            return len(text)

    def flush(self) -> None:
        if self._given_up:
            return
        try:
            self._file.flush()
        except OSError as error:
            self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        """What is still in the buffer goes nowhere, too, so that the end of the process is no error."""
        self._given_up = True
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self._file.fileno())
        os.close(nowhere)
        with contextlib.suppress(OSError):
            self._file.flush()  # now: pytest puts back what it saved of the place
        if error.errno != errno.EPIPE:
            print(f"the rest cannot be shown here: {error.strerror}", file=sys.stderr)


def unbroken_output() -> Unbroken:
    """From now on sys.stdout never fails. It is to be flushed at the end, also by whom another sys.stdout is put back."""
    sys.stdout = unbroken = Unbroken(sys.stdout)
    return unbroken
