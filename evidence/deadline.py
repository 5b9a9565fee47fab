"""The end of the time that a whole run has, however often it asks: what is not seen until then is not waited for."""

from __future__ import annotations

import time
from collections.abc import Callable


class Deadline:
    """So many seconds from now.  `cut` says whether something was still being asked for when they were over."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.seconds, self._clock = seconds, clock
        self._end = clock() + seconds
        self.cut = False

    @property
    def left(self) -> float:
        return max(0.0, self._end - self._clock())

    @property
    def over(self) -> bool:
        return not self.left

    @property
    def told(self) -> str:
        """How long it was, as it is typed: 2h, 90s."""
        for length, unit in ((3600, "h"), (60, "m")):
            if self.seconds >= length and not self.seconds % length:
                return f"{self.seconds / length:g}{unit}"
        return f"{self.seconds:g}s"
