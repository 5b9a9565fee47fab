"""How a run compares directories: how much of them, and from what was kept of the last reading."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from evidence.collect.covered import Covered
from evidence.collect.kept import Shelf, Whose
from evidence.comparison import FULL, OFF
from evidence.inventory.model import Declared, Inventory


@dataclass(frozen=True)
class How:
    """`extent`: how much is compared. `folder`: of the runs, beside which digests are kept; None: they are not.

    `anew`: all is read, whatever is kept.
    """

    extent: Literal["full", "keys", "off"] = FULL
    folder: Path | None = None
    anew: bool = False

    def covered(self, key: bytes) -> Covered | None:
        """What is compared; None: nothing. `key` is the installation's."""
        return None if self.extent == OFF else Covered(self.extent, derived(key, "digests of entries"))

    def memory(self, inventory: Inventory, key: bytes) -> Memory | None:
        """What is kept of these directories; None if nothing is to be."""
        every = inventory.expect.compare_every
        if self.extent != FULL or self.folder is None or not every:
            return None
        return Memory(self.folder, inventory, derived(key, "seal of digests"), 0.0 if self.anew else every)


@dataclass(frozen=True)
class Memory:
    """What is kept of the directories of one coupling. `every`: so many seconds after a full reading it is good for nothing."""

    folder: Path
    inventory: Inventory
    key: bytes
    every: float

    def shelf(self, datacenter: str, zone: tuple[str, str], covered: Covered) -> Shelf:
        """Where one directory is kept, as it is read in the zone with this alias and uuid."""
        declared = self.inventory.datacenters[datacenter]
        path = str(Path(self.inventory.path).absolute()) if self.inventory.path else ""
        of = Whose(path, self.inventory.master, datacenter, declared.region, where(declared), *zone, covered.mark())
        return Shelf(self.folder, of, self.key)


def where(declared: Declared) -> str:
    """Where a datacenter's directory is read."""
    ufds = declared.endpoints.get("ufds")
    return declared.headnode or (f"{ufds.host}:{ufds.port}" if ufds is not None else "")


def derived(key: bytes, purpose: str) -> bytes:
    """A key of its own for each purpose."""
    return hmac.new(key, purpose.encode(), hashlib.sha256).digest()


AS_DECLARED: Final = How()
