"""Notes which step of which task ended whose wait, for `--timeline`, at the one place through which all go: the event loop.

Whatever a task waits for, what ends the wait asks the loop to go on with it. Who did so is known there, without a word from those who ask.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from contextvars import Context
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from evidence.timeline import ASKED, OUTSIDE, PAUSE, RECORDER, THREAD, Recorder, TaskStep, way_back

T = TypeVar("T")
Work = Coroutine[Any, Any, T]


def timed(work: Work[T]) -> Work[T]:
    """The same work. If the run has a recorder, it gets the chain of waits that took the longest."""
    recorder = RECORDER.get()
    return work if recorder is None else _watched(work, recorder)


async def _watched(work: Work[T], recorder: Recorder) -> T:
    loop = asyncio.get_running_loop()
    watch = Watch(loop)
    watch.begin()
    try:
        await asyncio.sleep(0)  # the step that runs now began before anything was noted
        return await work
    finally:
        recorder.chains.append(way_back(watch.end()))


class Watch:
    """Watches one event loop between `begin` and `end`, from within the task that waits for all others."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._now: TaskStep | str | None = None
        """What runs now: a task's step, what is known of a callback, or nothing that is known."""
        self._last: WeakKeyDictionary[asyncio.Task[Any], TaskStep] = WeakKeyDictionary()
        self._threads: dict[asyncio.Task[Any], float] = {}

    def begin(self) -> None:
        """Let the loop tell what it is asked."""
        self._last[_current()] = TaskStep(begin=(now := time.monotonic()), end=now, question=ASKED.get())
        loop: Any = self._loop
        plain, at, safe, executor = loop.call_soon, loop.call_at, loop.call_soon_threadsafe, loop.run_in_executor

        def call_soon(callback: Callable[..., object], *args: Any, context: Context | None = None) -> object:
            return plain(self._noted(callback, self._now, context), *args, context=context)

        def call_at(when: float, callback: Callable[..., object], *args: Any, context: Context | None = None) -> object:
            return at(when, self._noted(callback, PAUSE, context), *args, context=context)

        def call_soon_threadsafe(callback: Callable[..., object], *args: Any, context: Context | None = None) -> object:
            return safe(self._noted(callback, THREAD, context), *args, context=context)

        def run_in_executor(pool: Any, work: Callable[..., object], *args: Any) -> object:
            asked, task = time.monotonic(), _current()

            def begun(*given: Any) -> object:
                self._threads[task] = time.monotonic() - asked
                return work(*given)

            return executor(pool, begun, *args)

        loop.call_soon, loop.call_at = call_soon, call_at
        loop.call_soon_threadsafe, loop.run_in_executor = call_soon_threadsafe, run_in_executor

    def end(self) -> TaskStep:
        """Let the loop be as it was. Returns the step that runs now."""
        for name in ("call_soon", "call_at", "call_soon_threadsafe", "run_in_executor"):
            with suppress(AttributeError):
                delattr(self._loop, name)
        last = self._now if isinstance(self._now, TaskStep) else self._last[_current()]
        last.end = time.monotonic()
        return last

    def _noted(
        self, callback: Callable[..., object], cause: TaskStep | str | None, context: Context | None
    ) -> Callable[..., object]:
        """The callback, which knows who wanted it."""
        task = getattr(callback, "__self__", None)

        def run(*args: Any) -> object:
            self._now = self._step(task, cause) if isinstance(task, asyncio.Task) else cause
            try:
                return callback(*args)
            finally:
                if isinstance(task, asyncio.Task) and isinstance(self._now, TaskStep):
                    self._ended(self._now, task, context)
                self._now = None

        return run

    def _step(self, task: asyncio.Task[Any], cause: TaskStep | str | None) -> TaskStep:
        before = self._last.get(task)
        by = cause if isinstance(cause, TaskStep) else None
        kind, queued = (cause if isinstance(cause, str) else OUTSIDE), None
        if kind == THREAD:
            queued = self._threads.pop(task, None)  # None: it is the end of a process that was told
        rooted = (by is not None and by.rooted) or (before is not None and before.rooted)
        step = TaskStep(
            begin=time.monotonic(),
            cause=by,
            before=before,
            kind=OUTSIDE if kind == THREAD and queued is None else kind,
            rooted=rooted,
            queued=queued or 0.0,
        )
        self._last[task] = step
        return step

    def _ended(self, step: TaskStep, task: asyncio.Task[Any], context: Context | None) -> None:
        step.end = time.monotonic()
        if context is not None:
            step.question = context.get(ASKED, ASKED.get())
        step.where = _where(task)


def _current() -> asyncio.Task[Any]:
    task = asyncio.current_task()
    assert task is not None
    return task


def _where(task: asyncio.Task[Any]) -> str:
    """The innermost function of ours in which a task waits."""
    waits: Any = task.get_coro()
    found = ""
    while waits is not None:
        frame = getattr(waits, "cr_frame", None) or getattr(waits, "ag_frame", None)
        if frame is not None and frame.f_globals.get("__name__", "").startswith("evidence."):
            found = frame.f_code.co_qualname
        waits = getattr(waits, "cr_await", None) or getattr(waits, "ag_await", None)
    return found
