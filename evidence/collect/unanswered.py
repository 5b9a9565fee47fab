"""Why there is no answer: the errors that every collector raises, and how an error becomes a sentence."""

from __future__ import annotations

import os

from evidence.redact import cut


class UnansweredError(Exception):
    """A question could not be put, or no answer came. The message says why."""


class AgainError(UnansweredError):
    """No answer came because the way to the server broke. There is a new way, so the question can be put once more."""


class ClosedError(Exception):
    """The head node could not connect to a service, which is an answer. The message is what the head node said."""


def _of_the_system(error: Exception) -> str:
    """What the system says of a number; asyncio puts a text of its own in its place."""
    if isinstance(error, OSError) and error.errno and error.errno > 0:
        return os.strerror(error.errno) if "Connect call failed" in str(error) else error.strerror or ""
    return getattr(error, "strerror", "") or ""


def reason(error: Exception) -> str:
    """The text of an error, on one line."""
    text = getattr(error, "reason", "") or _of_the_system(error) or str(error)
    return cut(" ".join(str(text).split())[:300]) or type(error).__name__
