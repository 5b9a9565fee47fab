"""The world that is judged: the inventory, the evidence, and their coupling, regions and datacenters."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, TypeVar

from msgspec import Struct

from evidence.inventory.model import CANDIDATE, PLANNED, Inventory, Waiver
from evidence.subjects.datacenter import Datacenter

if TYPE_CHECKING:
    from evidence.model import Evidence

T = TypeVar("T")


class Mistake(Struct, frozen=True):
    """One line of the inventory that the datacenters contradict.

    `key` and `said` are what the file says; `why` is what the datacenters say, as a sentence; `change` is what to do with the line.
    `concerns` names the datacenters that were collected or judged by it. A `minor` one misleads only readers.
    """

    key: str
    said: str
    why: str
    change: str
    concerns: tuple[str, ...]
    minor: bool = False


def once(function: Callable[[World], T]) -> Callable[[World], T]:
    """Make a function answer once for each world, which never changes: what all datacenters share is not worked out for each of them."""
    name = f"_{function.__module__}.{function.__qualname__}"

    @wraps(function)
    def answer(world: World) -> T:
        kept: dict[str, T] = vars(world)
        if name not in kept:
            kept[name] = function(world)
        return kept[name]

    return answer


@dataclass(frozen=True)
class World:
    """The inventory, and the evidence if it was collected (`--collect-only` has none).

    What is judged is made by evidence.subjects.claims.judged: then `inventory` is as the datacenters have it where they agree with each
    other and not with the file, `written` as the operator wrote it, and `mistakes` the lines that they contradict.
    """

    inventory: Inventory
    evidence: Evidence | None = None
    written: Inventory | None = None
    mistakes: tuple[Mistake, ...] = ()

    @property
    def told(self) -> Inventory:
        """The inventory as the operator wrote it."""
        return self.written or self.inventory

    @property
    def coupling(self) -> Coupling:
        return Coupling(self)

    @property
    def regions(self) -> tuple[Region, ...]:
        return tuple(Region(self, name) for name in self.inventory.regions)

    @property
    def datacenters(self) -> tuple[Datacenter, ...]:
        return tuple(Datacenter(self, name) for name in sorted(self.inventory.datacenters))

    @property
    def master(self) -> Datacenter:
        return Datacenter(self, self.inventory.master)

    @property
    def manta_datacenters(self) -> tuple[Datacenter, ...]:
        """Where Manta is expected: in the master's region, candidates too, or where `expect.manta` names; nowhere without it."""
        return self.meant_for_manta if self.inventory.expect.manta != PLANNED else ()

    @property
    def meant_for_manta(self) -> tuple[Datacenter, ...]:
        """Where Manta is expected, or planned."""
        told, region = self.inventory.expect.manta, self.master.declared.region
        named = told if isinstance(told, tuple) else (tuple(self.inventory.datacenters) if told else ())
        return tuple(dc for dc in self.datacenters if dc.name in named and dc.declared.region == region)

    @property
    def uncollected(self) -> str:
        """Why nothing is known of a datacenter of which no evidence is there."""
        if self.evidence is None or not self.evidence.parts:
            return "nothing was collected for this datacenter"
        return (
            "it is in no file of evidence: `az-checks collect` it on a machine that reaches it, and name that file, too"
        )

    @property
    def busy(self) -> bool:
        """Whether the machine that asked was late itself. Then nobody knows who was late."""
        return self.evidence is not None and self.evidence.late.busy

    def datacenter(self, name: str) -> Datacenter:
        return Datacenter(self, name)

    @property
    def day(self) -> datetime.date:
        """The day (UTC) of the evidence, so that a later replay gives the same verdict."""
        started = self.evidence.started[:10] if self.evidence is not None else ""
        try:
            return datetime.date.fromisoformat(started)
        except ValueError:
            return datetime.datetime.now(datetime.UTC).date()

    def waiver(self, check: str, subject: str) -> Waiver | None:
        """The first waiver in force that the operator wrote for this finding itself."""
        covering = (waiver for waiver in self.inventory.waived if waiver.covers(check, subject))
        return next((waiver for waiver in covering if waiver.holds_on(self.day)), None)


@dataclass(frozen=True, repr=False)
class Coupling:
    """The datacenters that share one UFDS master."""

    world: World

    @property
    def id(self) -> str:
        return "coupling"

    def __repr__(self) -> str:
        return self.id

    @property
    def datacenters(self) -> tuple[Datacenter, ...]:
        return self.world.datacenters

    @property
    def coupled(self) -> tuple[Datacenter, ...]:
        """Master and replicas, without candidates."""
        return tuple(dc for dc in self.datacenters if dc.state != CANDIDATE)


@dataclass(frozen=True, repr=False)
class Region:
    """The datacenters of the coupling with one region name."""

    world: World
    name: str

    @property
    def id(self) -> str:
        """Its name, marked where something else has the same id. Triton's own templates call region and datacenter alike."""
        taken = self.name == self.world.coupling.id or self.name in self.world.inventory.datacenters
        return f"region:{self.name}" if taken else self.name

    def __repr__(self) -> str:
        return self.id

    @property
    def datacenters(self) -> tuple[Datacenter, ...]:
        return tuple(dc for dc in self.world.datacenters if dc.declared.region == self.name)

    @property
    def with_manta(self) -> tuple[Datacenter, ...]:
        """Those of them over which Manta is expected to be spread."""
        return tuple(dc for dc in self.world.manta_datacenters if dc.declared.region == self.name)
