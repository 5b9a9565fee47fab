"""How a run ends when others end it: SIGTERM, a reader that goes away, a terminal that was closed."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import sys
from collections.abc import Coroutine
from contextlib import suppress
from types import FrameType
from typing import Any, Final, TextIO, TypeVar

GRACE: Final = 5.0
"""Seconds that connections have to be closed after Ctrl-C."""
INTERRUPTED: Final = 2
Result = TypeVar("Result")


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


def unless_interrupted(work: Coroutine[Any, Any, Result], told: str) -> Result | None:
    """What `work` returns; None if Ctrl-C or SIGTERM came before.

    The first one cancels the work, which closes its connections; others change nothing.  A thread that still waits for an answer would
    keep the process: what has not ended after GRACE seconds is not waited for, and `told` is the last word.
    """
    before = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
    interrupted = False

    async def interruptible() -> Result:
        task = asyncio.current_task()
        assert task is not None
        loop = asyncio.get_running_loop()

        def end(_signal: int, _frame: FrameType | None) -> None:
            nonlocal interrupted  # no lock here: the next signal comes in the middle of this
            if not interrupted:
                interrupted = True
                _at_the_latest(told)
                with suppress(RuntimeError):  # the loop is closed: it was done
                    loop.call_soon_threadsafe(task.cancel)

        for each, handler in before.items():
            if handler is not signal.SIG_IGN:
                signal.signal(each, end)
        return await work

    try:
        result = asyncio.run(interruptible())
        return None if interrupted else result
    except (asyncio.CancelledError, KeyboardInterrupt):
        return None
    finally:
        for each, handler in before.items():
            signal.signal(each, signal.SIG_IGN if interrupted else handler)


def _at_the_latest(told: str) -> None:
    """An alarm, no thread: to start one would wait for what the signal has interrupted."""

    def end(_signal: int, _frame: FrameType | None) -> None:
        os.write(2, f"{told}\n".encode())
        os._exit(INTERRUPTED)

    signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, GRACE)


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
        if error.errno != errno.EPIPE:
            print(f"the rest cannot be shown here: {error.strerror}", file=sys.stderr)


def unbroken_output() -> None:
    sys.stdout = Unbroken(sys.stdout)
