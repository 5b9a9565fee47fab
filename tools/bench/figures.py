"""What was measured, and what is made of it: medians, and ratios to the floor."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

import msgspec

FLOOR, SUITE, SHARED, SERIAL, TESTINFRA = "floor", "suite", "xargs", "serial", "testinfra"
"""The contenders. testinfra with workers is "testinfra -n 8"."""


class Took(msgspec.Struct, frozen=True):
    """Seconds from start to exit, and of processors, of the contender alone; how much was read, of how much. `stopped` at the limit."""

    seconds: float
    processor: float
    read: int
    wanted: int
    stopped: bool = False


class LabSetting(msgspec.Struct, frozen=True):
    """One kind of lab, and all rounds of each contender in it. `equal`: checks that come out the same when the suite judges its reads.

    `dark`: so many head nodes do not answer. `scripted`: commands that read a script from their standard input. `load`: of the machine,
    before and after.
    """

    datacenters: int
    delay_ms: float
    dark: int
    commands: int
    scripted: int
    tunnelled: int
    checks: int
    equal: dict[str, int]
    load: tuple[float, float]
    took: dict[str, list[Took]]

    @property
    def title(self) -> str:
        far = f"{self.delay_ms:g} ms away" if self.delay_ms else "no delay"
        dark = f", {'one' if self.dark == 1 else self.dark} of them dark" if self.dark else ""
        return f"{self.datacenters} datacenters, {far}{dark}"

    def contenders(self) -> list[str]:
        """In the order of the table: as they were measured, and of testinfra with workers the best alone."""
        parallel = [name for name in self.took if name.startswith(f"{TESTINFRA} -n ")]
        best = min(parallel, key=self.rank, default="")
        return [name for name in self.took if name not in parallel or name == best]

    def rank(self, name: str) -> tuple[int, float]:
        """What has read more is better, and then what was faster."""
        took = self.took[name]
        return -min(each.read for each in took), median(took)


ALL, AGAIN, AFTER_CHANGES, OFF, DUMPS, LDAP3 = "all", "again", "changed", "off", "ldapsearch", "ldap3"
"""What is measured on large directories: the suite with all compared, again, after 100 changes, without comparing; and mere readers."""


class CommandCost(msgspec.Struct, frozen=True):
    """Seconds from start to exit, and of processors, and the most memory that it had."""

    seconds: float
    processor: float
    megabytes: int


class LargeSetting(msgspec.Struct, frozen=True):
    """A lab with so many more accounts in every directory, and so many entries in all of these together.

    `pace`: so many entries a second each UFDS sends at most; 0: as many as it can.
    """

    datacenters: int
    accounts: int
    entries: int
    took: dict[str, CommandCost]
    pace: int = 0

    @property
    def comparing(self) -> float:
        """What comparing costs in processor time, as so many times what ldap3 takes to read the same."""
        return (self.took[ALL].processor - self.took[OFF].processor) / self.took[LDAP3].processor

    @property
    def by_changes(self) -> float:
        """How many seconds longer a run is because of the comparison, after 100 changes."""
        return self.took[AFTER_CHANGES].seconds - self.took[OFF].seconds


class Terms(msgspec.Struct, frozen=True):
    """What held for all: seconds after which a contender was stopped; by how many times the suite's time it had one round only."""

    limit: float
    near: float
    workers: tuple[int, ...]


class Figures(msgspec.Struct, frozen=True):
    """All of one `make bench`. `machine` in general words; `judging`: seconds of judging stored evidence and of as many empty tests.

    `without`: of labs with so many datacenters there are no figures.
    """

    machine: str
    day: str
    versions: dict[str, str]
    judging: tuple[float, float, float]
    terms: Terms
    settings: list[LabSetting]
    without: tuple[int, ...] = ()
    large: list[LargeSetting] = []


def median(took: Sequence[Took]) -> float:
    """The median of the seconds."""
    return statistics.median(each.seconds for each in took)


def processor(took: Sequence[Took]) -> float:
    """The median of the processors' seconds."""
    return statistics.median(each.processor for each in took)


def ratio(setting: LabSetting, name: str) -> float:
    """The median of a contender as so many times the floor's; of rounds that both have, the ratios are taken round by round."""
    pairs = list(zip(setting.took[name], setting.took[FLOOR], strict=False))
    return statistics.median(one.seconds / other.seconds for one, other in pairs)


def stopped(took: Sequence[Took]) -> bool:
    """Whether the limit ended a round: then the figure is a lower bound."""
    return any(each.stopped for each in took)


def spread(took: Sequence[Took]) -> tuple[float, float]:
    """The fastest and the slowest round."""
    return min(each.seconds for each in took), max(each.seconds for each in took)
