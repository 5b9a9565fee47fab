"""Why there is no answer: the errors that every collector raises, and how an error becomes a sentence."""

from __future__ import annotations

from evidence.redact import cut


class UnansweredError(Exception):
    """A question could not be put, or no answer came. The message says why."""


class AgainError(UnansweredError):
    """No answer came because the way to the server broke. There is a new way, so the question can be put once more."""


class ClosedError(Exception):
    """The head node could not connect to a service, which is an answer. The message is what the head node said."""


def reason(error: Exception) -> str:
    """The text of an error, on one line."""
    text = getattr(error, "reason", "") or getattr(error, "strerror", "") or str(error)
    return cut(" ".join(str(text).split())[:300]) or type(error).__name__
