"""Why there is no answer: what every collector raises, and how an error is told in a sentence."""

from __future__ import annotations

from evidence.redact import cut


class UnansweredError(Exception):
    """A question could not be put, or no answer came.  Its text says why."""


class AgainError(UnansweredError):
    """No answer came, for the way to who is asked broke; there is another now, so the question can be put once more."""


class ClosedError(Exception):
    """The head node could not connect to a service (that is an answer).  Its text says what it said."""


def reason(error: Exception) -> str:
    """What an error says, on one line."""
    text = getattr(error, "reason", "") or getattr(error, "strerror", "") or str(error)
    return cut(" ".join(str(text).split())[:300]) or type(error).__name__
